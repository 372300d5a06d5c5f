package dev.chancery.e2e;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/** TLS clients of four makes that trust certain roots and nothing else. */
final class HandshakingClients {
  private final Path folder;
  private final String name;
  private final Path roots;
  private final Path nss;

  /**
   * Clients.
   *
   * @param roots what they trust, in PEM
   */
  HandshakingClients(Path folder, String name, Path roots) throws Exception {
    this.folder = folder;
    this.name = name;
    this.roots = roots;
    this.nss = Files.createDirectory(folder.resolve("nss-" + name));
    command("certutil", "-N", "-d", "sql:" + nss, "--empty-password").requireDone();
    List<String> each = List.of(Files.readString(roots).split("(?<=-----END CERTIFICATE-----\n)"));
    for (String root : each) {
      Path file = Files.writeString(folder.resolve("one-root.pem"), root);
      String nickname = name + "-" + each.indexOf(root);
      command("certutil", "-A", "-d", "sql:" + nss, "-n", nickname, "-t", "C,,", "-i", "" + file)
          .requireDone();
    }
  }

  String name() {
    return name;
  }

  /** What each that does not connect to a server of a name at a port says. */
  Optional<String> failures(String host, int port) throws Exception {
    StringBuilder failures = new StringBuilder();
    try (ExecutorService all = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Callable<Optional<String>>> clients =
          List.of(
              () -> openSsl(host, port),
              () -> gnuTls(host, port),
              () -> nss(host, port),
              () -> java(host, port));
      for (Future<Optional<String>> client : all.invokeAll(clients)) {
        client.get().ifPresent(failures::append);
      }
    }
    return failures.isEmpty() ? Optional.empty() : Optional.of(failures.toString());
  }

  Optional<String> openSsl(String host, int port) throws Exception {
    CommandResult result =
        command(
            "openssl",
            "s_client",
            "-connect",
            "127.0.0.1:" + port,
            "-servername",
            host,
            "-verify_hostname",
            host,
            "-verify_return_error",
            "-CAfile",
            roots.toString(),
            "-no-CApath",
            "-no-CAstore");
    return result.exitCode() == 0 && result.output().contains("Verify return code: 0 (ok)")
        ? Optional.empty()
        : failed("OpenSSL", result.output());
  }

  private Optional<String> gnuTls(String host, int port) throws Exception {
    CommandResult result =
        command(
            "gnutls-cli",
            "--x509cafile=" + roots,
            "--sni-hostname=" + host,
            "--verify-hostname=" + host,
            "--port=" + port,
            "127.0.0.1");
    return result.exitCode() == 0 && result.output().contains("The certificate is trusted.")
        ? Optional.empty()
        : failed("GnuTLS", result.output());
  }

  private Optional<String> nss(String host, int port) throws Exception {
    CommandResult result =
        command(
            "tstclnt",
            "-4",
            "-Q",
            "-h",
            "127.0.0.1",
            "-a",
            host,
            "-p",
            "" + port,
            "-d",
            "sql:" + nss);
    return result.exitCode() == 0 ? Optional.empty() : failed("NSS", result.output());
  }

  Optional<String> java(String host, int port) throws Exception {
    try (Socket plain = new Socket(InetAddress.getLoopbackAddress(), port);
        SSLSocket socket =
            (SSLSocket) Trust.in(roots).getSocketFactory().createSocket(plain, host, port, true)) {
      SSLParameters parameters = socket.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      socket.setSSLParameters(parameters);
      socket.startHandshake();
      return Optional.empty();
    } catch (IOException e) {
      return failed("Java", e.toString());
    }
  }

  private Optional<String> failed(String make, String output) {
    return Optional.of("%s trusting %s: %s%n".formatted(make, name, output));
  }

  private CommandResult command(String... command) throws Exception {
    String[] shell = new String[command.length + 4];
    shell[0] = "sh";
    shell[1] = "-c";
    shell[2] = "exec \"$@\" < /dev/null";
    shell[3] = "sh";
    System.arraycopy(command, 0, shell, 4, command.length);
    return CommandResult.of(folder, Map.of(), shell);
  }
}
