package dev.chancery.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.chancery.testing.SoftHsmToken;
import java.io.IOException;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.openssl.jcajce.JcaPKCS8Generator;

/**
 * A CA with an issuer below an old root and one below a new root, an ACME account of it, and TLS
 * servers that show what it was given.
 */
final class RolloverScene implements AutoCloseable {
  /** For how long both roots are to be published. */
  static final Duration PUBLISHED_FOR = Duration.ofSeconds(45);

  final Path folder;
  final TestRoot oldRoot = new TestRoot("O=Tests,CN=Old Root");
  final TestRoot newRoot = new TestRoot("O=Tests,CN=New Root");
  final RunningServer.Ports ports = RunningServer.Ports.free();
  private final HttpClient http = HttpClient.newHttpClient();
  private final List<Process> tlsServers = new ArrayList<>();
  private final Process server;
  private final AcmeCalls acme;
  private final ChallengeTarget challenges;

  /** A certificate with the chain that came with it, and the port of a TLS server that shows it. */
  record Shown(String url, String chain, String serial, int port) {
    int certificates() {
      return chain.split("BEGIN CERTIFICATE", -1).length - 1;
    }
  }

  RolloverScene(Path folder) throws Exception {
    this.folder = folder;
    Path home = Files.createDirectories(folder.resolve("home"));
    CommandResult.of(
            folder,
            Map.of(),
            distribution("scripts/softhsm-init.sh"),
            "--dir",
            "home/token",
            "--label",
            "online")
        .requireDone();
    Files.createDirectories(home.resolve("profiles"));
    try (Stream<Path> profiles = Files.list(Path.of(distribution("config/profiles")))) {
      for (Path profile : profiles.toList()) {
        Files.copy(profile, home.resolve("profiles").resolve(profile.getFileName()));
      }
    }
    TestRoot.write(home.resolve("root.pem"), oldRoot.certificate());
    TestRoot.write(home.resolve("new-root.pem"), newRoot.certificate());
    Files.writeString(home.resolve("chancery.yaml"), configuration());
    certified("web", oldRoot);
    certified("second", newRoot);
    this.server = serve();
    this.acme =
        new AcmeCalls(
            HttpClient.newBuilder().sslContext(Trust.in(bothRoots())).build(),
            URI.create("https://localhost:%d/acme/directory".formatted(ports.api())));
    acme.register();
    this.challenges = new ChallengeTarget(ports.http01(), acme.thumbprint());
  }

  /** A file with both. */
  Path bothRoots() throws Exception {
    return TestRoot.write(folder.resolve("both.pem"), oldRoot.certificate(), newRoot.certificate());
  }

  private String configuration() {
    return """
    token:
      library: %s
      label: online
      pinFile: token/online.pin
      environment: {SOFTHSM2_CONF: token/softhsm2.conf}
    listeners:
      public: {host: 127.0.0.1, port: %d}
      api: {host: 127.0.0.1, port: %d}
      admin: {port: %d}
      management: {port: %d}
    roots: [root.pem]
    rollover: {root: new-root.pem, publishedFor: %ds}
    issuers:
      - {name: web, certificate: ca/web.pem, keyId: "776562", ocspKeyId: "6f637370"}
      - {name: second, certificate: ca/second.pem, keyId: "7365636f", ocspKeyId: "6f637371"}
    acme:
      endpoints: {default: {issuer: web, profile: tls-server}}
      validation: {http01: {port: %d}}
    """
        .formatted(
            SoftHsmToken.installedLibrary(),
            ports.publicListener(),
            ports.api(),
            ports.admin(),
            ports.management(),
            PUBLISHED_FOR.toSeconds(),
            ports.http01());
  }

  /** As the request, the ceremony and the import would have it. */
  private void certified(String issuer, TestRoot root) throws Exception {
    chancery(
            "issuer", "request", issuer, "--organization", "Tests", "--common-name", issuer + " CA")
        .requireDone();
    Path home = folder.resolve("home");
    TestRoot.write(
        home.resolve("ca/" + issuer + ".pem"), root.certify(home.resolve("ca/" + issuer + ".csr")));
  }

  private Process serve() throws Exception {
    Path hosts =
        Files.writeString(
            folder.resolve("hosts"), "127.0.0.1 localhost " + RunningServer.NAME + "\n");
    Path log = folder.resolve("serve.log");
    ProcessBuilder builder =
        new ProcessBuilder(distribution("bin/chancery"), "serve", "--home", "home")
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    builder.environment().put("CHANCERY_JAVA_OPTS", "-Djdk.net.hosts.file=" + hosts);
    Process process = builder.start();
    Awaitility.await("ready line in " + log)
        .atMost(Duration.ofMinutes(3))
        .until(() -> Files.readString(log).contains("ready: ") || !process.isAlive());
    if (!process.isAlive()) {
      throw new AssertionError(Files.readString(log));
    }
    return process;
  }

  private static String distribution(String path) {
    return RunningServer.distribution().resolve(path).toString();
  }

  CommandResult chancery(String... words) throws Exception {
    List<String> command = new ArrayList<>(List.of(distribution("bin/chancery")));
    command.addAll(List.of(words));
    command.addAll(List.of("--home", "home"));
    return CommandResult.of(folder, Map.of(), command.toArray(String[]::new));
  }

  JsonNode json(String... words) throws Exception {
    List<String> command = new ArrayList<>(List.of(words));
    command.addAll(List.of("--output", "json"));
    return new ObjectMapper().readTree(chancery(command.toArray(String[]::new)).requireDone());
  }

  /** Orders a certificate, and has a TLS server of its own show it with the chain that came. */
  Shown shown() throws Exception {
    KeyPair key = AcmeKey.pairOfKeys();
    String order =
        acme.post(
                acme.url("newOrder"),
                "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"%s\"}]}"
                    .formatted(RunningServer.NAME))
            .location();
    String finalization =
        "{\"csr\":\"%s\"}".formatted(AcmeCalls.base64Url(Requests.csr(key, RunningServer.NAME)));
    for (int turn = 0; turn < 600; turn++) {
      JsonNode now = acme.get(order).json();
      switch (now.path("status").asText()) {
        case "pending" -> prove(now);
        case "ready" -> acme.post(now.path("finalize").asText(), finalization);
        case "valid" -> {
          String url = now.path("certificate").asText();
          return show(url, acme.get(url).body(), key);
        }
        case "invalid" -> throw new AssertionError(now.toString());
        default -> Thread.sleep(50);
      }
    }
    throw new AssertionError("the order does not come to an end: " + order);
  }

  private void prove(JsonNode order) throws Exception {
    for (JsonNode url : order.path("authorizations")) {
      for (JsonNode challenge : acme.get(url.asText()).json().path("challenges")) {
        if (challenge.path("type").asText().equals("http-01")
            && challenge.path("status").asText().equals("pending")) {
          acme.post(challenge.path("url").asText(), "{}");
        }
      }
    }
    Thread.sleep(100);
  }

  /** Another chain of a certificate (RFC 8555 section 7.4.2). */
  String alternate(Shown shown, int number) throws Exception {
    return acme.get(shown.url() + "/" + number).body();
  }

  private Shown show(String url, String chain, KeyPair key) throws Exception {
    int port = NameServer.freePort();
    Path file = Files.writeString(folder.resolve("chain-" + port + ".pem"), chain);
    StringWriter text = new StringWriter();
    try (JcaPEMWriter writer = new JcaPEMWriter(text)) {
      writer.writeObject(new JcaPKCS8Generator(key.getPrivate(), null));
    }
    Path keyFile = Files.writeString(folder.resolve("key-" + port + ".pem"), text.toString());
    tlsServers.add(
        new ProcessBuilder(
                "openssl",
                "s_server",
                "-accept",
                "127.0.0.1:" + port,
                "-cert",
                file.toString(),
                "-cert_chain",
                file.toString(),
                "-key",
                keyFile.toString(),
                "-www",
                "-quiet")
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("s_server-" + port + ".log").toFile())
            .start());
    X509CertificateHolder leaf;
    try (PEMParser parser = new PEMParser(Files.newBufferedReader(file))) {
      leaf = (X509CertificateHolder) parser.readObject();
    }
    Process shows = tlsServers.getLast();
    Awaitility.await("a TLS server")
        .atMost(Duration.ofMinutes(1))
        .until(() -> listens(port) || !shows.isAlive());
    if (!shows.isAlive()) {
      throw new AssertionError(Files.readString(folder.resolve("s_server-" + port + ".log")));
    }
    return new Shown(url, chain, leaf.getSerialNumber().toString(16), port);
  }

  private static boolean listens(int port) {
    try (java.net.Socket _ = new Socket(InetAddress.getLoopbackAddress(), port)) {
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** What the public listener answers. */
  HttpResponse<byte[]> open(String path) throws Exception {
    return http.send(
        HttpRequest.newBuilder(
                URI.create("http://127.0.0.1:%d%s".formatted(ports.publicListener(), path)))
            .build(),
        HttpResponse.BodyHandlers.ofByteArray());
  }

  @Override
  public void close() {
    challenges.close();
    http.close();
    tlsServers.forEach(Process::destroy);
    server.destroy();
    try {
      if (!server.waitFor(30, TimeUnit.SECONDS)) {
        server.destroyForcibly();
      }
    } catch (InterruptedException e) {
      server.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
