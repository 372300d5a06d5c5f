package dev.chancery.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.io.IOException;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import org.awaitility.Awaitility;
import org.bouncycastle.cert.X509CRLHolder;
import org.jspecify.annotations.Nullable;

/** One server, its database and its clients, and what must hold of them after each death. */
final class CrashScene implements AutoCloseable {
  private static final int CLIENTS = 4;
  private static final Duration AFTER_RESTART = Duration.ofSeconds(20);
  // The grace of 60 s after which another node's order counts as interrupted, the timers' pauses,
  // and as much again for a slow machine.
  private static final Duration RECOVERY = Duration.ofMinutes(3);

  /** A death, and the order that it interrupted. */
  record Crash(CrashStep step, UUID order) {}

  private final DatabaseKind kind;
  private final Path folder;
  private final RunningServer.Ports ports = RunningServer.Ports.free();
  private final TestDatabase database;
  private final KillableServer server;
  private final Witness witness = new Witness();
  private final List<Crash> crashes = new ArrayList<>();
  private final Set<String> unreleased = new HashSet<>();
  private final List<Thread> load = new ArrayList<>();
  private @Nullable HttpClient http;
  private @Nullable ChallengeTarget target;
  private @Nullable AcmeCalls acme;
  private @Nullable Applicant applicant;
  private @Nullable StatusQueries status;
  private @Nullable KillSwitch killSwitch;
  private BigInteger crlNumber = BigInteger.ZERO;

  CrashScene(DatabaseKind kind, Path folder) throws IOException {
    this.kind = kind;
    this.folder = folder;
    this.database = kind.create(folder);
    this.server =
        new KillableServer(
            folder,
            ports,
            switch (kind) {
              case H2 -> List.of();
              case POSTGRESQL -> RunningServer.settings(database);
            });
  }

  /** A served home and clients that order without a pause. */
  void begin() throws Exception {
    server.initialize();
    killSwitch = server.start();
    http = HttpClient.newBuilder().sslContext(Trust.in(server.home().resolve("root.pem"))).build();
    acme = new AcmeCalls(http, URI.create("https://localhost:" + ports.api() + "/acme/directory"));
    acme.register();
    target = new ChallengeTarget(ports.http01(), acme.thumbprint());
    applicant = new Applicant(acme, witness);
    status =
        new StatusQueries(http, ports.publicListener(), server.home().resolve("ca/issuing.pem"));
    for (int i = 0; i < CLIENTS; i++) {
      load.add(Thread.ofPlatform().daemon().name("client-" + i).start(applicant::keepOrdering));
    }
  }

  /** Kills, looks at what is left, starts again and looks at what became of it. */
  void killAt(CrashStep step, int number) throws Exception {
    KillSwitch.Interrupted interrupted = killSwitch.killAt(step, number);
    crashes.add(new Crash(step, interrupted.order()));

    LedgerSnapshot left = snapshot();
    requireStep(step, interrupted, left);
    requireKnown(left);
    Set<String> recorded = new HashSet<>();
    left.inState("recorded").forEach(row -> recorded.add(row.serial()));
    unreleased.addAll(recorded);
    interrupted
        .serial()
        .filter(serial -> step.row() != CrashStep.Row.ISSUED)
        .ifPresent(recorded::add);

    killSwitch = server.start();
    for (String serial : recorded) {
      assertThat(status.ocsp(new BigInteger(serial, 16))).describedAs(serial).isNotEqualTo("good");
    }
    requireRisingCrl();
    if (kind == DatabaseKind.H2) {
      // The file admits one process, so what the dead one left is ended right after the start.
      assertThat(applicant.finish(url(interrupted.order()), AFTER_RESTART)).isEqualTo("valid");
    }
    assertThat(witness.surprises()).isEmpty();
  }

  /** Waits for recovery, stops, and checks everything there is; returns the crashes ended well. */
  List<Crash> end() throws Exception {
    stopClients();
    for (String order : witness.orders()) {
      if (!witness.hasCertificate(order)) {
        assertThat(applicant.finish(order, RECOVERY)).describedAs(order).isEqualTo("valid");
      }
    }
    for (X509Certificate certificate : witness.certificates()) {
      assertThat(status.ocsp(certificate.getSerialNumber())).isEqualTo("good");
    }
    for (String serial : unreleased) {
      assertThat(status.ocsp(new BigInteger(serial, 16))).describedAs(serial).isEqualTo("revoked");
    }
    X509CRLHolder crl = crlAfterRevocation(witness.certificates().iterator().next());
    for (String serial : unreleased) {
      assertThat(crl.getRevokedCertificate(new BigInteger(serial, 16))).isNotNull();
    }
    server.stop();

    LedgerSnapshot last = snapshot();
    assertThat(last.inState("recorded")).isEmpty();
    assertThat(last.orders().values()).doesNotContain("processing", "invalid");
    last.orders()
        .forEach((order, state) ->
            assertThat(last.of(order).stream().filter(row -> row.signature().isPresent()))
                .describedAs("certificates of the %s order %s", state, order)
                .hasSize(state.equals("valid") ? 1 : 0));
    assertThat(witness.certificates())
        .allMatch(certificate -> last.of(certificate).orElseThrow().isOf(certificate))
        .extracting(X509Certificate::getSerialNumber)
        .doesNotHaveDuplicates();
    assertThat(witness.surprises()).isEmpty();
    return crashes.stream()
        .filter(crash -> last.orders().getOrDefault(crash.order(), "").equals("valid"))
        .toList();
  }

  List<Crash> crashes() {
    return List.copyOf(crashes);
  }

  int certificates() {
    return witness.certificates().size();
  }

  String log() throws IOException {
    return server.log();
  }

  private LedgerSnapshot snapshot() throws Exception {
    return switch (kind) {
      case H2 -> LedgerSnapshot.ofFile(server.home().resolve("database/chancery.mv.db"), folder);
      case POSTGRESQL -> LedgerSnapshot.of(database.url(), database.user(), database.password());
    };
  }

  /** The commits that must be there are, and no other than were made: what the step says. */
  private void requireStep(
      CrashStep step, KillSwitch.Interrupted interrupted, LedgerSnapshot left) {
    List<LedgerSnapshot.Row> rows = left.of(interrupted.order());
    assertThat(rows).hasSizeLessThanOrEqualTo(1);
    CrashStep.Row row = rows.isEmpty() ? CrashStep.Row.NONE : state(rows.getFirst());
    assertThat(step.known(kind))
        .contains(new CrashStep.Known(row, left.orders().get(interrupted.order())));
    if (row == CrashStep.Row.RECORDED) {
      assertThat(interrupted.serial()).contains(rows.getFirst().serial());
    }
  }

  private static CrashStep.Row state(LedgerSnapshot.Row row) {
    return switch (row.state()) {
      case "recorded" -> CrashStep.Row.RECORDED;
      case "issued" -> {
        assertThat(row.signature()).isPresent();
        yield CrashStep.Row.ISSUED;
      }
      default -> throw new AssertionError("interrupted, and " + row.state());
    };
  }

  /** Whatever a client holds, the database calls issued and holds as well, byte for byte. */
  private void requireKnown(LedgerSnapshot left) {
    for (X509Certificate certificate : witness.certificates()) {
      assertThat(left.of(certificate))
          .describedAs("the row of %x", certificate.getSerialNumber())
          .hasValueSatisfying(row -> {
            assertThat(row.state()).isEqualTo("issued");
            assertThat(row.isOf(certificate)).isTrue();
          });
    }
  }

  private void requireRisingCrl() throws Exception {
    BigInteger number = StatusQueries.number(status.crl());
    assertThat(number).isGreaterThanOrEqualTo(crlNumber);
    crlNumber = number;
  }

  private X509CRLHolder crlAfterRevocation(X509Certificate certificate) throws Exception {
    acme.post(
        acme.url("revokeCert"),
        AcmeCalls.JSON
            .createObjectNode()
            .put("certificate", AcmeCalls.base64Url(certificate.getEncoded()))
            .toString());
    X509CRLHolder crl =
        Awaitility.await("CRL that lists %x".formatted(certificate.getSerialNumber()))
            .atMost(Duration.ofSeconds(60))
            .until(
                () -> status.crl(),
                read -> read.getRevokedCertificate(certificate.getSerialNumber()) != null);
    assertThat(StatusQueries.number(crl)).isGreaterThan(crlNumber);
    return crl;
  }

  private String url(UUID order) {
    byte[] octets =
        ByteBuffer.allocate(16)
            .putLong(order.getMostSignificantBits())
            .putLong(order.getLeastSignificantBits())
            .array();
    String end = "/order/" + AcmeCalls.base64Url(octets);
    return witness.orders().stream()
        .filter(url -> url.endsWith(end))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no client knows the order " + order));
  }

  private void stopClients() throws InterruptedException {
    for (Thread client : load) {
      client.interrupt();
    }
    for (Thread client : load) {
      client.join();
    }
  }

  @Override
  public void close() {
    load.forEach(Thread::interrupt);
    server.close();
    if (target != null) {
      target.close();
    }
    if (http != null) {
      http.shutdownNow();
    }
  }
}
