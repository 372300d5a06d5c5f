package dev.chancery.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A relying party that knows the root alone, played by the openssl command. */
final class OpenSsl {
  private static final Pattern URL = Pattern.compile("URI:(\\S+)");

  private final Path folder;
  private final Path root;

  OpenSsl(Path folder, Path root) {
    this.folder = folder;
    this.root = root;
  }

  CommandResult verify(Path certificate, Path chain) throws IOException, InterruptedException {
    return run(
        "verify",
        "-CAfile",
        root.toString(),
        "-untrusted",
        chain.toString(),
        certificate.toString());
  }

  /** Verifies against the CRL that the certificate names, after the CRL itself was verified. */
  CommandResult verifyWithCrl(Path certificate, Path chain)
      throws IOException, InterruptedException {
    Path crl = downloadCrl(certificate);
    assertThat(
            run(
                    "crl",
                    "-inform",
                    "DER",
                    "-in",
                    crl.toString(),
                    "-CAfile",
                    chain.toString(),
                    "-noout")
                .requireDone())
        .contains("verify OK");
    Path pem = folder.resolve("crl.pem");
    run("crl", "-inform", "DER", "-in", crl.toString(), "-out", pem.toString()).requireDone();
    return run(
        "verify",
        "-crl_check",
        "-CRLfile",
        pem.toString(),
        "-CAfile",
        root.toString(),
        "-untrusted",
        chain.toString(),
        certificate.toString());
  }

  /** What the responder that the certificate names says, its signature verified up to the root. */
  String ocsp(Path certificate, Path chain) throws IOException, InterruptedException {
    String url =
        run("x509", "-in", certificate.toString(), "-noout", "-ocsp_uri").requireDone().strip();
    String output =
        run(
                "ocsp",
                "-issuer",
                chain.toString(),
                "-cert",
                certificate.toString(),
                "-url",
                url,
                "-CAfile",
                root.toString(),
                "-verify_other",
                chain.toString())
            .requireDone();
    assertThat(output).contains("Response verify OK");
    return output;
  }

  private Path downloadCrl(Path certificate) throws IOException, InterruptedException {
    Matcher url =
        URL.matcher(
            run("x509", "-in", certificate.toString(), "-noout", "-ext", "crlDistributionPoints")
                .requireDone());
    assertThat(url.find()).describedAs("the certificate names a CRL").isTrue();
    try (HttpClient client = HttpClient.newHttpClient()) {
      HttpResponse<Path> response =
          client.send(
              HttpRequest.newBuilder(URI.create(url.group(1))).build(),
              HttpResponse.BodyHandlers.ofFile(folder.resolve("crl.der")));
      assertThat(response.statusCode()).isEqualTo(200);
      return response.body();
    }
  }

  private CommandResult run(String... arguments) throws IOException, InterruptedException {
    String[] command = new String[arguments.length + 1];
    command[0] = "openssl";
    System.arraycopy(arguments, 0, command, 1, arguments.length);
    return CommandResult.of(folder, Map.of(), command);
  }
}
