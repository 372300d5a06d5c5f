package dev.chancery.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.FaultyModule;
import dev.chancery.testing.P11KitServer;
import dev.chancery.testing.Pkcs11Function;
import dev.chancery.testing.ReturnCode;
import dev.chancery.testing.SoftHsmToken;
import dev.chancery.testing.TestDatabase;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.random.RandomGenerator;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/**
 * Takes the token away under load, in each way of docs/token-outages.md: the same process goes on
 * when the token is back, and nothing wrong has left it meanwhile. A plain build does it a few
 * times; scripts/token-outage-test.sh as often as it is told, and then holds the numbers that only
 * many times show.
 */
@DisplayName("a server whose token is lost")
class TokenOutageIT {
  private static final int KILLS = Integer.getInteger("outage.kills", 6);
  private static final int FAULTS = Integer.getInteger("outage.faults", 4);
  private static final Duration HANG = Duration.ofSeconds(Integer.getInteger("outage.hang", 8));
  private static final long SEED = Long.getLong("outage.seed", new Random().nextLong());

  /** From how many times on a median and a growth mean something. */
  private static final int MANY = 30;

  private static final boolean LONG = KILLS >= MANY;
  private static final Duration LIMIT = Duration.ofSeconds(1);
  // What is promised, held by scripts/token-outage-test.sh; a plain build, on whatever machine,
  // only finds out whether a token comes back at all.
  private static final Duration LONGEST_RECOVERY = Duration.ofSeconds(LONG ? 5 : 60);
  private static final Duration SLOW = Duration.ofMillis(50);
  private static final Duration FLOOD = Duration.ofSeconds(4);
  // More than 4 that are signed for at a time and 32 times as many that wait.
  private static final int FLOODING = 200;
  private static final Duration USUAL_RECOVERY = Duration.ofSeconds(1);
  private static final double MOST_GROWTH_PERCENT = 20;

  // Those of connections that clients happen to have open.
  private static final int MORE_FILES = 20;

  private static final int MORE_THREADS = 10;
  private static final Duration SLACK = Duration.ofSeconds(LONG ? 1 : 10);

  /** Stays when something was not as it must be: the log tells why. */
  @TempDir(cleanup = CleanupMode.ON_SUCCESS)
  static Path folder;

  private static RunningServer.Ports ports;
  private static TestDatabase database;

  private final RandomGenerator random = new Random(SEED);

  private interface Outage {
    /** Takes the token away and gives it back; when it was gone, and when it was there again. */
    Times run() throws Exception;
  }

  private record Times(long lost, long back) {}

  @BeforeAll
  static void initialize() throws Exception {
    ports = RunningServer.Ports.free();
    database = DatabaseKind.POSTGRESQL.create(folder);
    RunningServer.initialize(folder, ports, RunningServer.settings(database));
  }

  @Test
  @DisplayName("goes on after each kill of a p11-kit server, and after one that hangs")
  void behindP11Kit() throws Exception {
    try (P11KitServer token =
            P11KitServer.start(
                folder,
                "chancery",
                SoftHsmToken.installedLibrary(),
                Map.of("SOFTHSM2_CONF", folder.resolve("home/token/softhsm2.conf").toString()));
        OutageScene scene =
            OutageScene.start(
                folder,
                ports,
                database,
                List.of(
                    "token.place=p11-kit-server",
                    "token.library=" + P11KitServer.installedClient(),
                    "token.timeout=" + LIMIT,
                    "token.environment={P11_KIT_SERVER_ADDRESS: \""
                        + token.environment().get("P11_KIT_SERVER_ADDRESS")
                        + "\"}"))) {
      OutageTable table = new OutageTable("p11-kit-server");
      try {
        scene.load();
        cycles(
            scene,
            table,
            KILLS,
            () -> {
              token.kill();
              long lost = System.nanoTime();
              Thread.sleep(random.nextInt(1000));
              token.restart();
              return new Times(lost, System.nanoTime());
            });
        hang(scene, table, token);
        table.remark(scene.requireAllGood() + " certificates, all known and verified");
        requireMetrics(scene);
      } catch (Exception | AssertionError e) {
        throw failed(scene, e);
      } finally {
        table.write();
      }
    }
  }

  @Test
  @DisplayName(
      "goes on after each fault of the module in its process, in a flood, and after a flipped bit")
  void inTheProcess() throws Exception {
    try (FaultyModule module = FaultyModule.build(folder);
        OutageScene scene =
            OutageScene.start(
                folder,
                ports,
                database,
                List.of("token.library=" + module.library(), "token.timeout=" + LIMIT))) {
      OutageTable table = new OutageTable("process");
      try {
        scene.load();
        cycles(
            scene,
            table,
            FAULTS,
            () -> {
              module.sticky(ReturnCode.CKR_DEVICE_ERROR);
              long lost = System.nanoTime();
              return new Times(lost, lost);
            });
        flood(scene, table, module);
        scene.stopLoad();
        flipABit(scene, module);
        table.remark(scene.requireAllGood() + " certificates, all known and verified");
        requireMetrics(scene);
      } catch (Exception | AssertionError e) {
        throw failed(scene, e);
      } finally {
        table.write();
      }
    }
  }

  private static AssertionError failed(OutageScene scene, Throwable why) throws Exception {
    List<String> log = scene.log().lines().toList();
    return new AssertionError(
        "outage.seed=%d, see %s: %s%n%s"
            .formatted(
                SEED,
                folder,
                why,
                String.join("\n", log.subList(Math.max(0, log.size() - 60), log.size()))),
        why);
  }

  private void cycles(OutageScene scene, OutageTable table, int count, Outage outage)
      throws Exception {
    Footprint settled = null;
    long settledHeap = 0;
    for (int cycle = 1; cycle <= count; cycle++) {
      Thread.sleep(200 + random.nextInt(300));
      Times times = outage.run();
      Duration recovery = scene.untilIssued(times.lost(), times.back());
      table.add(Duration.ofNanos(times.back() - times.lost()), recovery, scene.footprint());
      if (cycle == OutageTable.SETTLED) {
        settledHeap = scene.liveHeap();
        settled = scene.footprint();
      }
    }
    // Only now, so that the table has all of them.
    if (settled != null && count >= MANY) {
      long heap = scene.liveHeap();
      Footprint last = scene.footprint();
      table.remark(
          "after cycle %d: %s, %d MB of heap; after cycle %d: %s, %d MB of heap; resident %+.1f %%"
              .formatted(
                  OutageTable.SETTLED,
                  settled,
                  settledHeap / 1024,
                  count,
                  last,
                  heap / 1024,
                  last.percentMoreThan(settled)));
      assertThat(last.percentMoreThan(settled)).isLessThan(MOST_GROWTH_PERCENT);
      assertThat(last.threads()).isLessThanOrEqualTo(settled.threads() + MORE_THREADS);
      assertThat(last.files()).isLessThanOrEqualTo(settled.files() + MORE_FILES);
      assertThat(table.median()).isLessThan(USUAL_RECOVERY);
    }
    assertThat(table.longest()).isLessThan(LONGEST_RECOVERY);
  }

  private static void hang(OutageScene scene, OutageTable table, P11KitServer token)
      throws Exception {
    long stopped = System.nanoTime();
    token.suspend();
    List<Duration> nonces = scene.nonces(HANG.dividedBy(2));
    assertThat(scene.probe("/healthz")).isEqualTo(200);
    assertThat(scene.probe("/readyz")).isEqualTo(503);
    List<Duration> more = scene.nonces(HANG.dividedBy(2));
    List<Duration> putOff = scene.witness().putOffSince(stopped);
    token.resume();
    long back = System.nanoTime();
    Duration recovery = scene.untilIssued(back, back);

    Duration p99 =
        List.of(percentile(nonces), percentile(more)).stream()
            .max(Duration::compareTo)
            .orElseThrow();
    Duration longest = putOff.stream().max(Duration::compareTo).orElseThrow();
    table.remark(
        "hung for %d s: newNonce p99 %d ms of %d, finalize put off %d times after at most %d ms, on after %d ms"
            .formatted(
                HANG.toSeconds(),
                p99.toMillis(),
                nonces.size() + more.size(),
                putOff.size(),
                longest.toMillis(),
                recovery.toMillis()));
    assertThat(p99).isLessThan(LONG ? Duration.ofMillis(100) : Duration.ofSeconds(10));
    assertThat(longest).isLessThan(LIMIT.plus(SLACK));
    assertThat(recovery).isLessThan(LONGEST_RECOVERY);
  }

  private static Duration percentile(List<Duration> sorted) {
    return sorted.get(sorted.size() * 99 / 100);
  }

  /** A slow token, of which OCSP clients want more than it has: issuance keeps its share. */
  private static void flood(OutageScene scene, OutageTable table, FaultyModule module)
      throws Exception {
    module.delay(Pkcs11Function.C_SIGN, SLOW);
    module.delay(Pkcs11Function.C_SIGN_FINAL, SLOW);
    Thread.sleep(SLOW.multipliedBy(10));
    int calm = scene.issuedWithin(FLOOD);
    int flooded;
    int signed;
    int putOff;
    try (StatusFlood flood = scene.flood(FLOODING)) {
      Thread.sleep(SLOW.multipliedBy(10));
      flooded = scene.issuedWithin(FLOOD);
      signed = flood.signed();
      putOff = flood.putOff();
    } finally {
      module.clear();
    }
    table.remark(
        "%d certificates in %d s of a slow token, %d while %d clients wanted OCSP answers: %d signed, %d put off"
            .formatted(calm, FLOOD.toSeconds(), flooded, FLOODING, signed, putOff));
    assertThat(signed).isPositive();
    assertThat(putOff).isPositive();
    assertThat(calm).isPositive();
    assertThat(flooded).isGreaterThan(calm / 5);
  }

  private static void flipABit(OutageScene scene, FaultyModule module) throws Exception {
    String url = scene.applicant().readyOrder();
    UUID order = OutageScene.id(url);
    JsonNode ready = scene.acme().get(url).json();
    // Whichever of the two SunPKCS11 calls.
    module.corrupt(Pkcs11Function.C_SIGN, 1);
    module.corrupt(Pkcs11Function.C_SIGN_FINAL, 1);

    AcmeCalls.Problem answer =
        catchThrowableOfType(AcmeCalls.Problem.class, () -> scene.applicant().finalizeReady(ready));

    module.clear();
    assertThat(answer).isNotNull();
    assertThat(answer.isOutage()).isTrue();
    assertThat(scene.snapshot().of(order))
        .isNotEmpty()
        .noneMatch(row -> row.state().equals("issued") || row.signature().isPresent());
    assertThat(scene.metric("chancery_wrong_signatures_total")).hasValue(1.0);
    Awaitility.await("event in the audit trail")
        .atMost(Duration.ofSeconds(10))
        .until(() -> scene.events("token-wrong-signature").size() == 1);
    assertThat(scene.applicant().finishThroughOutages(url, Duration.ofSeconds(20)))
        .isEqualTo("valid");
  }

  /** What docs/token-outages.md says is to be seen. */
  private static void requireMetrics(OutageScene scene) throws Exception {
    assertThat(scene.probe("/readyz")).isEqualTo(200);
    assertThat(scene.metric("chancery_token_up")).hasValue(1.0);
    assertThat(scene.metric("chancery_token_generation"))
        .hasValueSatisfying(generation -> assertThat(generation).isGreaterThan(1));
    assertThat(scene.metric("chancery_token_stuck")).hasValue(0.0);
    assertThat(scene.metric("chancery_token_outages_total"))
        .hasValueSatisfying(outages -> assertThat(outages).isPositive());
    for (String name :
        List.of(
            "chancery_token_waiting",
            "chancery_token_sessions",
            "chancery_token_outage_seconds_bucket",
            "chancery_token_outage_seconds_count",
            "chancery_signing_seconds_bucket",
            "chancery_signing_seconds_count",
            "chancery_signing_failures_total")) {
      assertThat(scene.metric(name)).describedAs(name).isPresent();
    }
    assertThat(scene.events("token-lost")).isNotEmpty();
    assertThat(scene.events("token-back")).isNotEmpty();
  }
}
