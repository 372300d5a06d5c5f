package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.PublishedCrl;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.IssuerSuccessions;
import dev.chancery.store.JooqCrlLedger;
import dev.chancery.store.JooqRevocationLedger;
import dev.chancery.store.RootRollovers;
import dev.chancery.store.TokenAudit;
import dev.chancery.testing.AdjustableClock;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.bouncycastle.cert.X509CertificateHolder;
import org.jooq.impl.DSL;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("The watch over what only a ceremony renews")
class RootWatchTest {
  @TempDir Path folder;
  private final AdjustableClock clock = new AdjustableClock(Instant.now());
  private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();

  @Test
  @DisplayName("has the end of the root's CRL as a metric, and says once when half of it is over")
  void rootCrl() throws Exception {
    Path home = folder.resolve("home");
    assertThat(CommandRun.of("init", "--home", home.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
    try (OpenedHome opened = OpenedHome.open(home, clock)) {
      JooqCrlLedger crls = new JooqCrlLedger(opened.database(), clock);
      PublishedCrl crl = RootCrl.current(crls, Initialization.ROOT).orElseThrow();
      RootWatch watch = watch(opened, crls);

      watch.look();
      assertThat(metrics.get("chancery.root.crl.end").tag("issuer", "root").gauge().value())
          .isEqualTo((double) crl.nextUpdate().getEpochSecond());
      assertThat(events(opened, "root-crl-due")).isZero();

      Duration whole = Duration.between(crl.thisUpdate(), crl.nextUpdate());
      clock.advance(whole.dividedBy(2).plusHours(1));
      watch.look();
      watch.look();
      assertThat(events(opened, "root-crl-due")).isEqualTo(1);
    }
  }

  @Test
  @DisplayName("has the end of an OCSP signer's certificate as a metric, and says when it is due")
  void signer() throws Exception {
    Path home = folder.resolve("home");
    assertThat(CommandRun.of("init", "--home", home.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
    try (OpenedHome opened = OpenedHome.open(home, clock)) {
      var certificate = PemFile.certificates(home.resolve("root.pem")).getFirst();
      RootWatch watch =
          watch(
              opened,
              new JooqCrlLedger(opened.database(), clock),
              new RootWatch.Signer(new IssuerId("old-ca"), certificate));
      watch.look();
      Instant end = certificate.getNotAfter().toInstant();
      assertThat(metrics.get("chancery.ocsp.signer.end").tag("issuer", "old-ca").gauge().value())
          .isEqualTo((double) end.getEpochSecond());
      assertThat(events(opened, "root-crl-due")).isZero();

      clock.advance(Duration.between(clock.instant(), end).dividedBy(2).plusDays(1));
      watch.look();
      assertThat(events(opened, "ocsp-signer-due")).isEqualTo(1);
    }
  }

  @Test
  @DisplayName("measures a root no more that was retired while the server ran")
  void retired() throws Exception {
    Path home = folder.resolve("home");
    assertThat(CommandRun.of("init", "--home", home.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
    try (OpenedHome opened = OpenedHome.open(home, clock)) {
      RootWatch watch = watch(opened, new JooqCrlLedger(opened.database(), clock));
      watch.look();
      assertThat(metrics.find("chancery.root.crl.end").tag("issuer", "root").gauges()).hasSize(1);

      X509CertificateHolder crossing =
          PemFile.certificates(home.resolve("ca/issuing.pem")).getFirst();
      retire(
          opened,
          home,
          () -> {
            clock.advance(Duration.ofMinutes(1));
            assertThat(metrics.get("chancery.cross.certificates.end").gauge().value())
                .isEqualTo((double) crossing.getNotAfter().toInstant().getEpochSecond());
          });
      clock.advance(Duration.ofMinutes(1));
      watch.look();
      assertThat(metrics.find("chancery.root.crl.end").tag("issuer", "root").gauges()).isEmpty();
      assertThat(metrics.get("chancery.cross.certificates.end").gauge().value()).isNaN();
      assertThat(metrics.find("chancery.root.crl.end").tag("issuer", "root-2").gauges()).hasSize(1);
    }
  }

  /**
   * Any certificate does for the new root and what is crossed here.
   *
   * @param crossed what is done while there are cross-certificates
   */
  private void retire(OpenedHome opened, Path home, Runnable crossed) throws Exception {
    X509CertificateHolder before = PemFile.certificates(home.resolve("root.pem")).getFirst();
    X509CertificateHolder after = PemFile.certificates(home.resolve("ca/issuing.pem")).getFirst();
    IssuerId next = new IssuerId("root-2");
    new IssuerRegistry(opened.database())
        .register(next, SubjectPublicKey.of(after.getSubjectPublicKeyInfo()));
    RootRollovers rollovers = new RootRollovers(opened.database(), clock);
    Der some = Der.of(after.getEncoded());
    assertThat(
            rollovers.prepare(
                UUID.randomUUID(),
                new RootRollovers.Root(Initialization.ROOT, Der.of(before.getEncoded())),
                new RootRollovers.Root(next, some),
                "admin alice"))
        .isTrue();
    assertThat(rollovers.publish(last(rollovers), "admin alice")).isTrue();
    assertThat(
            rollovers.crossSign(
                last(rollovers), new RootRollovers.CrossCertificates(some, some), "admin alice"))
        .isTrue();
    assertThat(rollovers.switchOver(last(rollovers), Map.of(), "admin alice")).isTrue();
    crossed.run();
    assertThat(rollovers.retire(last(rollovers), "admin alice")).isTrue();
  }

  private static RootRollovers.Rollover last(RootRollovers rollovers) {
    return rollovers.all().getLast();
  }

  private RootWatch watch(OpenedHome opened, JooqCrlLedger crls, RootWatch.Signer... signers)
      throws Exception {
    return new RootWatch(
        new RootWatch.Ledgers(
            new IssuerRegistry(opened.database()),
            crls,
            new JooqRevocationLedger(opened.database(), clock)),
        List.of(signers),
        new TrustView(
            TrustBundle.read(List.of(opened.home().rootCertificate())),
            new IssuerSuccessions(opened.database(), clock, Duration.ZERO, Set.of()),
            new RootRollovers(opened.database(), clock),
            clock,
            () -> clock.instant().toEpochMilli() * 1_000_000),
        metrics,
        new TokenAudit(opened.database(), clock),
        clock);
  }

  private static int events(OpenedHome opened, String action) {
    return opened
        .database()
        .sql()
        .fetchCount(DSL.table("audit_events"), DSL.field("action", String.class).eq(action));
  }
}
