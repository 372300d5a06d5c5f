package dev.chancery.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.SoftHsmToken;
import dev.chancery.testing.TestDatabase;
import java.io.IOException;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.openssl.jcajce.JcaPKCS8Generator;

/**
 * A CA of two nodes with an issuer below an old root, one below a new root and one below a third,
 * an ACME account of it, and TLS servers that show what it was given.
 */
final class RolloverScene implements AutoCloseable {
  /** For how long both roots are to be published: tests put what the database has back instead. */
  static final Duration PUBLISHED_FOR = Duration.ofHours(1);

  /** The home of the second node. */
  static final String OTHER_HOME = "other-home";

  final Path folder;
  final TestRoot oldRoot = new TestRoot("O=Tests,CN=Old Root");
  final TestRoot newRoot = new TestRoot("O=Tests,CN=New Root");
  final RunningServer.Ports ports;

  /** Those of the second node, on the same database. */
  final RunningServer.Ports otherPorts;

  private final TestDatabase database;
  private final Map<String, TestRoot> issuers;
  private final Path bothRoots;

  /** A root that the rollover is not about. */
  private final TestRoot thirdRoot = new TestRoot("O=Tests,CN=Third Root");

  private final HttpClient http = HttpClient.newHttpClient();
  private final List<Process> tlsServers = new ArrayList<>();
  private final List<Process> servers = new ArrayList<>();
  private final AcmeCalls acme;
  private final ChallengeTarget challenges;

  /** A certificate with the chain that came with it, and the port of a TLS server that shows it. */
  record Shown(String url, String chain, String serial, int port) {
    int certificates() {
      return chain.split("BEGIN CERTIFICATE", -1).length - 1;
    }
  }

  /** Two nodes, with an issuer below each root. */
  RolloverScene(Path folder) throws Exception {
    this(
        folder,
        true,
        scene -> Map.of("web", scene.oldRoot, "second", scene.newRoot, "third", scene.thirdRoot));
  }

  /** One node, on which "web" can give way to "sibling", and that one to "second". */
  static RolloverScene ofOneNode(Path folder) throws Exception {
    return new RolloverScene(
        folder,
        false,
        scene -> Map.of("web", scene.oldRoot, "sibling", scene.oldRoot, "second", scene.newRoot));
  }

  private RolloverScene(
      Path folder, boolean twoNodes, Function<RolloverScene, Map<String, TestRoot>> issuers)
      throws Exception {
    this.folder = folder;
    this.issuers = new TreeMap<>(issuers.apply(this));
    this.ports = RunningServer.Ports.free();
    this.otherPorts = RunningServer.Ports.free().validatingAt(ports.http01());
    this.database = DatabaseKind.POSTGRESQL.create(folder);
    this.bothRoots =
        TestRoot.write(folder.resolve("both.pem"), oldRoot.certificate(), newRoot.certificate());
    Path home = Files.createDirectories(folder.resolve("home"));
    command(distribution("scripts/softhsm-init.sh"), "--dir", "home/token", "--label", "online")
        .requireDone();
    Files.createDirectories(home.resolve("profiles"));
    try (Stream<Path> profiles = Files.list(Path.of(distribution("config/profiles")))) {
      for (Path profile : profiles.toList()) {
        Files.copy(profile, home.resolve("profiles").resolve(profile.getFileName()));
      }
    }
    TestRoot.write(home.resolve("root.pem"), oldRoot.certificate());
    TestRoot.write(home.resolve("new-root.pem"), newRoot.certificate());
    TestRoot.write(home.resolve("third-root.pem"), thirdRoot.certificate());
    Files.writeString(home.resolve("chancery.yaml"), configuration(ports));
    for (Map.Entry<String, TestRoot> issuer : this.issuers.entrySet()) {
      certified(issuer.getKey(), issuer.getValue());
    }
    if (twoNodes) {
      command("cp", "-a", "home", OTHER_HOME).requireDone();
      Files.writeString(
          folder.resolve(OTHER_HOME).resolve("chancery.yaml"), configuration(otherPorts));
    }
    // One after the other, for the first makes the keys of OCSP signers that both have.
    serve("home");
    if (twoNodes) {
      serve(OTHER_HOME);
    }
    this.acme = account("/acme/directory");
    this.challenges = new ChallengeTarget(ports.http01(), acme.thumbprint());
  }

  private AcmeCalls account(String directory) throws Exception {
    AcmeCalls account =
        new AcmeCalls(
            HttpClient.newBuilder().sslContext(Trust.in(bothRoots)).build(),
            URI.create("https://localhost:%d%s".formatted(ports.api(), directory)));
    account.register();
    return account;
  }

  /** Orders of the endpoint that names the issuer below the new root. */
  void orderBelowTheNewRoot() throws Exception {
    AcmeCalls account = account("/acme/new/directory");
    String _ =
        account
            .post(
                account.url("newOrder"),
                "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"%s\"}]}"
                    .formatted(RunningServer.NAME))
            .location();
  }

  /** A file with both, which stays as it is: clients read it all the time. */
  Path bothRoots() {
    return bothRoots;
  }

  private String configuration(RunningServer.Ports ports) {
    StringBuilder sections = new StringBuilder();
    for (String issuer : issuers.keySet()) {
      String id = HexFormat.of().formatHex(issuer.getBytes(StandardCharsets.US_ASCII));
      sections.append(
          "  - {name: %s, certificate: ca/%s.pem, keyId: \"%s\", ocspKeyId: \"%s6f\"}%n"
              .formatted(issuer, issuer, id, id));
    }
    return """
    database: {url: "%s", user: %s, passwordVariable: %s}
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
    roots: [root.pem, third-root.pem]
    rollover: {root: new-root.pem, publishedFor: %ds}
    issuers:
    %sacme:
      endpoints:
        default: {issuer: web, profile: tls-server}
        new: {issuer: second, profile: tls-server}
      validation: {http01: {port: %d}}
    """
        .formatted(
            database.url(),
            database.user(),
            RunningServer.PASSWORD_VARIABLE,
            SoftHsmToken.installedLibrary(),
            ports.publicListener(),
            ports.api(),
            ports.admin(),
            ports.management(),
            PUBLISHED_FOR.toSeconds(),
            sections,
            ports.http01());
  }

  /** As the request, the ceremony and the import would have it. */
  private void certified(String issuer, TestRoot root) throws Exception {
    // In a process of its own, since it opens the token by the home's environment.
    command(
            distribution("bin/chancery"),
            "issuer",
            "request",
            issuer,
            "--organization=Tests",
            "--common-name=" + issuer + " CA",
            "--home=home")
        .requireDone();
    Path home = folder.resolve("home");
    TestRoot.write(
        home.resolve("ca/" + issuer + ".pem"), root.certify(home.resolve("ca/" + issuer + ".csr")));
  }

  private void serve(String home) throws Exception {
    Path hosts =
        Files.writeString(
            folder.resolve("hosts"), "127.0.0.1 localhost " + RunningServer.NAME + "\n");
    Path log = folder.resolve(home + ".log");
    ProcessBuilder builder =
        new ProcessBuilder(distribution("bin/chancery"), "serve", "--home", home)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    builder.environment().put("CHANCERY_JAVA_OPTS", "-Djdk.net.hosts.file=" + hosts);
    builder.environment().put(RunningServer.PASSWORD_VARIABLE, TestDatabase.PASSWORD);
    Process process = builder.start();
    servers.add(process);
    Awaitility.await("ready line in " + log)
        .atMost(Duration.ofMinutes(3))
        .until(() -> Files.readString(log).contains("ready: ") || !process.isAlive());
    if (!process.isAlive()) {
      throw new AssertionError(Files.readString(log));
    }
  }

  private static String distribution(String path) {
    return RunningServer.distribution().resolve(path).toString();
  }

  /** A command to the first node. */
  CommandResult chancery(String... words) {
    return chanceryAt("home", words);
  }

  /** A command to the node of a home. */
  CommandResult chanceryAt(String home, String... words) {
    List<String> command = new ArrayList<>(List.of(words));
    command.addAll(List.of("--home", folder.resolve(home).toString()));
    return CommandResult.inProcess(command.toArray(String[]::new));
  }

  /**
   * Has something in the database be longer ago: what the rules wait for goes by the database's
   * clock, which a test cannot put forward.
   */
  void longerAgo(String table, String column, Duration by) throws SQLException {
    try (Connection connection =
            DriverManager.getConnection(database.url(), database.user(), TestDatabase.PASSWORD);
        Statement statement = connection.createStatement()) {
      statement.executeUpdate(
          "update %s set %s = %s - interval '%d seconds'"
              .formatted(table, column, column, by.toSeconds()));
    }
  }

  private CommandResult command(String... command) throws Exception {
    return CommandResult.of(
        folder, Map.of(RunningServer.PASSWORD_VARIABLE, TestDatabase.PASSWORD), command);
  }

  JsonNode json(String... words) throws Exception {
    return jsonAt("home", words);
  }

  JsonNode jsonAt(String home, String... words) throws Exception {
    List<String> command = new ArrayList<>(List.of(words));
    command.addAll(List.of("--output", "json"));
    return new ObjectMapper()
        .readTree(chanceryAt(home, command.toArray(String[]::new)).requireDone());
  }

  /** The account that orders. */
  AcmeCalls acme() {
    return acme;
  }

  /** What the API answers to a request that is not signed. */
  JsonNode openApi(String url) throws Exception {
    try (HttpClient client = HttpClient.newBuilder().sslContext(Trust.in(bothRoots)).build()) {
      HttpResponse<byte[]> answer =
          client.send(
              HttpRequest.newBuilder(URI.create(url)).build(),
              HttpResponse.BodyHandlers.ofByteArray());
      assertThat(answer.statusCode()).isEqualTo(200);
      return new ObjectMapper().readTree(answer.body());
    }
  }

  /** Orders a certificate, and has a TLS server of its own show it with the chain that came. */
  Shown shown() throws Exception {
    KeyPair key = AcmeKey.pairOfKeys();
    AcmeOrder.Issued issued = AcmeOrder.obtain(acme, key, RunningServer.NAME);
    return show(issued.url(), issued.chain(), key);
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

  /** What the public listener of the first node answers. */
  HttpResponse<byte[]> open(String path) throws Exception {
    return open(ports, path);
  }

  /** What the public listener of a node answers. */
  HttpResponse<byte[]> open(RunningServer.Ports node, String path) throws Exception {
    return http.send(
        HttpRequest.newBuilder(
                URI.create("http://127.0.0.1:%d%s".formatted(node.publicListener(), path)))
            .build(),
        HttpResponse.BodyHandlers.ofByteArray());
  }

  @Override
  public void close() {
    challenges.close();
    http.close();
    tlsServers.forEach(Process::destroy);
    servers.forEach(Process::destroy);
    try {
      for (Process server : servers) {
        if (!server.waitFor(30, TimeUnit.SECONDS)) {
          server.destroyForcibly();
        }
      }
    } catch (InterruptedException e) {
      servers.forEach(Process::destroyForcibly);
      Thread.currentThread().interrupt();
    }
  }
}
