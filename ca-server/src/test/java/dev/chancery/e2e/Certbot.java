package dev.chancery.e2e;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Debian's certbot with all that it keeps in a folder of the test's. */
final class Certbot {
  private final Path folder;
  private final Path root;
  private final String name;

  Certbot(Path folder, Path root, String name) {
    this.folder = folder;
    this.root = root;
    this.name = name;
  }

  /** Answers http-01 challenges itself. */
  String obtain(String directoryUrl, int http01Port) throws IOException, InterruptedException {
    return obtain(
        directoryUrl,
        "--standalone",
        "--http-01-address",
        "127.0.0.1",
        "--http-01-port",
        Integer.toString(http01Port));
  }

  /**
   * Obtains a certificate.
   *
   * @param options how names are proven, and what else the test is about
   */
  String obtain(String directoryUrl, String... options) throws IOException, InterruptedException {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "certonly",
                "--server",
                directoryUrl,
                "--agree-tos",
                "--register-unsafely-without-email",
                "--cert-name",
                name,
                "--domain",
                name));
    arguments.addAll(List.of(options));
    return run(arguments.toArray(String[]::new));
  }

  String renew() throws IOException, InterruptedException {
    return run("renew", "--force-renewal", "--no-random-sleep-on-renew");
  }

  /**
   * Revokes for keyCompromise.
   *
   * @param authority options that say by what right, if not the account's
   */
  String revoke(Path certificate, String directoryUrl, String... authority)
      throws IOException, InterruptedException {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "revoke",
                "--server",
                directoryUrl,
                "--cert-path",
                certificate.toString(),
                "--reason",
                "keycompromise",
                "--no-delete-after-revoke"));
    arguments.addAll(List.of(authority));
    return run(arguments.toArray(String[]::new));
  }

  /** The account's contact from now on. */
  String updateAccount(String directoryUrl, String email) throws IOException, InterruptedException {
    return run("update_account", "--server", directoryUrl, "--email", email, "--no-eff-email");
  }

  /** Deactivates the account. */
  String unregister(String directoryUrl) throws IOException, InterruptedException {
    return run("unregister", "--server", directoryUrl);
  }

  /** The key of the certificate of this number. */
  Path key(int number) {
    return archive("privkey" + number + ".pem");
  }

  /** The certificate obtained as the number-th, counted from 1; renewals add to them. */
  Path certificate(int number) {
    return archive("cert" + number + ".pem");
  }

  /** What came above the certificate of this number: the issuer. */
  Path chain(int number) {
    return archive("chain" + number + ".pem");
  }

  private Path archive(String file) {
    return folder.resolve("config/archive").resolve(name).resolve(file);
  }

  private String run(String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("certbot"));
    command.addAll(List.of(arguments));
    command.addAll(
        List.of("--non-interactive", "--config-dir", folder.resolve("config").toString()));
    command.addAll(List.of("--work-dir", folder.resolve("work").toString()));
    command.addAll(List.of("--logs-dir", folder.resolve("logs").toString()));
    Files.createDirectories(folder);
    return CommandResult.of(
            folder, Map.of("REQUESTS_CA_BUNDLE", root.toString()), command.toArray(String[]::new))
        .requireDone();
  }
}
