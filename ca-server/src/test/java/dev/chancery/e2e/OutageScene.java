package dev.chancery.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.testing.TestDatabase;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.awaitility.Awaitility;

/** One server whose token a test takes away, and clients that do not stop ordering. */
final class OutageScene implements AutoCloseable {
  private static final int CLIENTS = 8;

  /** All of the heap is there from the start: what is resident then grows by leaks alone. */
  private static final String FIXED_HEAP = "-Xms256m -XX:+AlwaysPreTouch";

  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final RunningServer server;
  private final RunningServer.Ports ports;
  private final TestDatabase database;
  private final X509Certificate issuer;
  private final SSLContext trust;
  private final HttpClient http;
  private final AcmeCalls acme;
  private final ChallengeTarget target;
  private final Witness witness = new Witness();
  private final Applicant applicant;
  private final List<Thread> load = new ArrayList<>();

  private OutageScene(
      RunningServer server, RunningServer.Ports ports, TestDatabase database, Path home)
      throws Exception {
    this.server = server;
    this.ports = ports;
    this.database = database;
    this.issuer = certificate(home.resolve("ca/issuing.pem"));
    this.trust = trusting(certificate(home.resolve("root.pem")));
    this.http = HttpClient.newBuilder().sslContext(trust).build();
    this.acme = new AcmeCalls(http, URI.create(server.directoryUrl()));
    acme.register();
    this.target = new ChallengeTarget(ports.http01(), acme.thumbprint());
    this.applicant = new Applicant(acme, witness);
  }

  /** Serves a home that was made, with its token where the overrides say. */
  static OutageScene start(
      Path folder, RunningServer.Ports ports, TestDatabase database, List<String> token)
      throws Exception {
    List<String> overrides = new ArrayList<>(RunningServer.settings(database));
    overrides.addAll(token);
    RunningServer server = RunningServer.start(folder, ports, overrides, FIXED_HEAP);
    try {
      return new OutageScene(server, ports, database, folder.resolve("home"));
    } catch (Exception e) {
      server.close();
      throw e;
    }
  }

  private static X509Certificate certificate(Path pem)
      throws IOException, GeneralSecurityException {
    try (InputStream in = new FileInputStream(pem.toFile())) {
      return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
    }
  }

  private static SSLContext trusting(X509Certificate root) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setCertificateEntry("root", root);
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return context;
  }

  /** Eight clients order without a pause from here on. */
  void load() throws InterruptedException {
    long before = System.nanoTime();
    for (int i = 0; i < CLIENTS; i++) {
      load.add(
          Thread.ofPlatform()
              .daemon()
              .name("client-" + i)
              .start(applicant::keepOrderingThroughOutages));
    }
    untilIssued(before, before);
  }

  /**
   * Waits for a certificate.
   *
   * @param lost certificates that were asked for later can only come from the token that came back
   * @return how long after the token's return the first one came
   */
  Duration untilIssued(long lost, long back) throws InterruptedException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (System.nanoTime() < end) {
      Optional<Long> came = witness.firstIssued(lost);
      if (came.isPresent()) {
        return Duration.ofNanos(came.get() - back);
      }
      assertThat(witness.surprises()).isEmpty();
      Thread.sleep(2);
    }
    throw new AssertionError(
        "no certificate within %s of the token's return, surprises %s"
            .formatted(PATIENCE, witness.surprises()));
  }

  Applicant applicant() {
    return applicant;
  }

  AcmeCalls acme() {
    return acme;
  }

  Witness witness() {
    return witness;
  }

  /** Of the server's process. */
  Footprint footprint() throws IOException {
    return Footprint.of(server.pid());
  }

  /** How much of the heap is used when nothing is in it that nobody needs, in kilobytes. */
  long liveHeap() throws Exception {
    server.command("GC.run");
    Matcher used = Pattern.compile("used (\\d+)K").matcher(server.command("GC.heap_info"));
    if (!used.find()) {
      throw new AssertionError("the JVM does not tell how much of its heap is used");
    }
    return Long.parseLong(used.group(1));
  }

  /** How long newNonce takes, asked for again and again until a duration is over; sorted. */
  List<Duration> nonces(Duration duration) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(acme.url("newNonce"))).HEAD().timeout(PATIENCE).build();
    List<Duration> took = new ArrayList<>();
    try (HttpClient own = HttpClient.newBuilder().sslContext(trust).build()) {
      long end = System.nanoTime() + duration.toNanos();
      while (System.nanoTime() < end) {
        long asked = System.nanoTime();
        HttpResponse<Void> answer = own.send(request, HttpResponse.BodyHandlers.discarding());
        took.add(Duration.ofNanos(System.nanoTime() - asked));
        assertThat(answer.headers().firstValue("Replay-Nonce")).isPresent();
        Thread.sleep(5);
      }
    }
    return took.stream().sorted().toList();
  }

  /** Clients that want an OCSP answer signed for each of their requests. */
  StatusFlood flood(int clients) {
    return StatusFlood.start(ports.publicListener(), issuer, clients);
  }

  /** How many certificates come in some time. */
  int issuedWithin(Duration duration) throws InterruptedException {
    int before = witness.certificates().size();
    Thread.sleep(duration);
    return witness.certificates().size() - before;
  }

  /** The status that a probe gets of the management listener. */
  int probe(String path) throws Exception {
    return management(path).statusCode();
  }

  String metrics() throws Exception {
    return management("/metrics").body();
  }

  private HttpResponse<String> management(String path) throws Exception {
    return http.send(
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + ports.management() + path))
            .timeout(PATIENCE)
            .build(),
        HttpResponse.BodyHandlers.ofString());
  }

  /** The sum of a metric over all its labels; nothing when it is not there. */
  Optional<Double> metric(String name) throws Exception {
    Matcher line = Pattern.compile("(?m)^" + name + "(?:\\{[^}]*\\})? (\\S+)$").matcher(metrics());
    Optional<Double> sum = Optional.empty();
    while (line.find()) {
      sum = Optional.of(sum.orElse(0.0) + Double.parseDouble(line.group(1)));
    }
    return sum;
  }

  /** The details of the events with this action, oldest first. */
  List<String> events(String action) throws SQLException {
    try (Connection connection =
            DriverManager.getConnection(database.url(), database.user(), database.password());
        PreparedStatement query =
            connection.prepareStatement(
                "select detail from audit_events where action = ? order by id")) {
      query.setString(1, action);
      List<String> details = new ArrayList<>();
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          details.add(row.getString(1));
        }
      }
      return details;
    }
  }

  LedgerSnapshot snapshot() throws SQLException {
    return LedgerSnapshot.of(database.url(), database.user(), database.password());
  }

  /** The id of an order that has this URL. */
  static UUID id(String order) {
    ByteBuffer octets =
        ByteBuffer.wrap(Base64.getUrlDecoder().decode(order.substring(order.lastIndexOf('/') + 1)));
    return new UUID(octets.getLong(), octets.getLong());
  }

  /**
   * Ends the clients, and waits until the server signs nothing more: it goes on with a request
   * whose client was interrupted.
   */
  void stopLoad() throws InterruptedException {
    if (load.isEmpty()) {
      return;
    }
    for (Thread client : load) {
      client.interrupt();
    }
    for (Thread client : load) {
      client.join();
    }
    load.clear();
    AtomicReference<Object> before = new AtomicReference<>();
    Awaitility.await("no more signatures")
        .atMost(PATIENCE)
        .pollInterval(Duration.ofMillis(500))
        .until(() -> {
          Object signatures = metric("chancery_signing_seconds_count");
          return signatures.equals(before.getAndSet(signatures));
        });
  }

  /** Brings every order to its end, and checks all that clients and the database have. */
  int requireAllGood() throws Exception {
    stopLoad();
    for (String order : witness.orders()) {
      if (!witness.hasCertificate(order)) {
        assertThat(applicant.finishThroughOutages(order, PATIENCE))
            .describedAs(order)
            .isEqualTo("valid");
      }
    }
    assertThat(witness.surprises()).isEmpty();
    for (X509Certificate certificate : witness.certificates()) {
      certificate.verify(issuer.getPublicKey());
    }
    assertThat(witness.certificates())
        .extracting(X509Certificate::getSerialNumber)
        .doesNotHaveDuplicates();

    LedgerSnapshot last = snapshot();
    assertThat(witness.certificates())
        .allSatisfy(certificate ->
            assertThat(last.of(certificate))
                .hasValueSatisfying(row -> {
                  assertThat(row.state()).isEqualTo("issued");
                  assertThat(row.isOf(certificate)).isTrue();
                }));
    for (String order : witness.orders()) {
      assertThat(last.orders()).containsEntry(id(order), "valid");
      assertThat(last.of(id(order)).stream().filter(row -> row.signature().isPresent()))
          .describedAs("certificates of %s", order)
          .hasSize(1);
    }
    assertThat(last.orders().values()).doesNotContain("processing", "invalid");
    Awaitility.await("nothing recorded and neither issued nor given up")
        .atMost(PATIENCE)
        .until(() -> snapshot().inState("recorded").isEmpty());
    assertThat(ProcessHandle.of(server.pid())).hasValueSatisfying(ProcessHandle::isAlive);
    return witness.certificates().size();
  }

  String log() throws IOException {
    return server.log();
  }

  @Override
  public void close() {
    load.forEach(Thread::interrupt);
    server.close();
    target.close();
    http.shutdownNow();
  }
}
