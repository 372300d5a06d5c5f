package dev.chancery.e2e;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.awaitility.Awaitility;

/**
 * Debian's Pebble, an ACME server for tests of clients, with its deliberate delays, rejections and
 * surprises off; and its DNS server, for which every name is on the loopback address.
 */
final class Pebble implements AutoCloseable {
  /** How often it comes for the answer to a challenge: so many perspectives it plays. */
  static final int FETCHES = 3;

  private static final Duration START = Duration.ofSeconds(30);
  private static final Map<String, String> PREDICTABLE =
      Map.of(
          "PEBBLE_VA_NOSLEEP", "1",
          "PEBBLE_WFE_NONCEREJECT", "0",
          "PEBBLE_AUTHZREUSE", "0");

  private final Path folder;
  private final NameServer names;
  private final Path certificate;
  private final String directoryUrl;
  private Process server;

  private Pebble(
      Path folder, NameServer names, Process server, Path certificate, String directoryUrl) {
    this.folder = folder;
    this.names = names;
    this.server = server;
    this.certificate = certificate;
    this.directoryUrl = directoryUrl;
  }

  /**
   * Starts both and waits until the directory is served.
   *
   * @param http01Port where challenges are validated
   */
  static Pebble start(Path folder, int http01Port) throws Exception {
    Files.createDirectories(folder);
    Path certificate = folder.resolve("tls.pem");
    CommandResult.of(
            folder,
            Map.of(),
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-keyout",
            "tls.key",
            "-out",
            certificate.toString())
        .requireDone();
    int apiPort = NameServer.freePort();
    Files.writeString(
        folder.resolve("pebble.json"),
        AcmeKey.JSON
            .createObjectNode()
            .set(
                "pebble",
                AcmeKey.JSON
                    .createObjectNode()
                    .put("listenAddress", "127.0.0.1:" + apiPort)
                    .put("managementListenAddress", "127.0.0.1:" + NameServer.freePort())
                    .put("certificate", certificate.toString())
                    .put("privateKey", folder.resolve("tls.key").toString())
                    .put("httpPort", http01Port)
                    .put("tlsPort", http01Port)
                    .put("ocspResponderURL", "")
                    .put("externalAccountBindingRequired", false))
            .toString());
    NameServer names = NameServer.start(folder);
    Pebble pebble =
        new Pebble(
            folder,
            names,
            server(folder, names),
            certificate,
            "https://localhost:" + apiPort + "/dir");
    try {
      pebble.awaitDirectory();
      return pebble;
    } catch (RuntimeException e) {
      pebble.close();
      throw e;
    }
  }

  private static Process server(Path folder, NameServer names) throws IOException {
    return run(
        folder,
        "pebble.log",
        List.of("pebble", "-config", "pebble.json", "-dnsserver", names.address()));
  }

  private void awaitDirectory() throws Exception {
    try (HttpClient http = HttpClient.newBuilder().sslContext(Trust.in(certificate)).build()) {
      HttpRequest directory = HttpRequest.newBuilder(URI.create(directoryUrl)).build();
      Awaitility.await("Pebble's directory; see " + folder)
          .atMost(START)
          .ignoreExceptions()
          .until(() ->
              http.send(directory, HttpResponse.BodyHandlers.discarding()).statusCode() == 200);
    }
  }

  /**
   * Ends the ACME server, whatever it is doing, and starts another in its place, at the same URL;
   * it knows nothing of what the last one knew.
   */
  void restart() throws Exception {
    server.destroyForcibly().waitFor();
    server = server(folder, names);
    awaitDirectory();
  }

  private static Process run(Path folder, String log, List<String> command) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve(log).toFile());
    builder.environment().putAll(PREDICTABLE);
    return builder.start();
  }

  String directoryUrl() {
    return directoryUrl;
  }

  /** What vouches for its TLS. */
  Path certificate() {
    return certificate;
  }

  /** Its DNS server, for another server to ask as well. */
  NameServer names() {
    return names;
  }

  long pid() {
    return server.pid();
  }

  @Override
  public void close() {
    server.destroyForcibly();
    names.close();
  }
}
