package dev.chancery.server;

import static dev.chancery.store.schema.Tables.AUDIT_EVENTS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.Approval;
import dev.chancery.core.BouncyCastle;
import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.Der;
import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.IssuerId;
import dev.chancery.core.PreparedCertificate;
import dev.chancery.core.ProfileId;
import dev.chancery.core.RequestId;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.StatusJournal;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.ToBeSigned;
import dev.chancery.crl.SeenCrl;
import dev.chancery.store.Database;
import dev.chancery.store.DatabaseSettings;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.JooqIssuanceLedger;
import dev.chancery.store.JooqRevocationLedger;
import dev.chancery.store.JooqStatusJournal;
import dev.chancery.store.TokenAudit;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.math.BigInteger;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bouncycastle.asn1.DERSequence;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From the record of a revocation to the CRL that the world sees. */
@DisplayName("A change that a CRL must show")
final class AwaitedChangesTest {
  private static final IssuerId ISSUER = new IssuerId("issuing");
  private static final CrlScope SHARD = new CrlScope(ISSUER, 3);
  private static final Duration BOUND = Duration.ofMinutes(15);

  @TempDir Path folder;

  private final AdjustableClock clock = new AdjustableClock(Instant.parse("2026-03-01T12:00:00Z"));
  private final SecureRandom random = new SecureRandom();
  private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
  private Database database;
  private JooqIssuanceLedger issuance;
  private JooqRevocationLedger revocations;
  private AwaitedChanges changes;
  private long version;

  @BeforeEach
  void open() throws Exception {
    TestDatabase where = DatabaseKind.H2.create(folder);
    database = Database.open(DatabaseSettings.of(where.url(), where.user(), where::password));
    issuance = new JooqIssuanceLedger(database, clock);
    revocations = new JooqRevocationLedger(database, clock);
    changes =
        new AwaitedChanges(
            Set.of(ISSUER),
            issuance,
            revocations,
            new RevocationVisibility(
                metrics,
                new TokenAudit(database, clock),
                Map.of(RevocationVisibility.Place.CRL, BOUND),
                clock),
            clock);
  }

  @AfterEach
  void close() {
    database.close();
  }

  private SerialNumber issued() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", BouncyCastle.PROVIDER);
    generator.initialize(256);
    SubjectPublicKey key = SubjectPublicKey.of(generator.generateKeyPair().getPublic());
    new IssuerRegistry(database).register(ISSUER, key);
    Instant now = clock.instant();
    IssuanceLedger.Recorded recorded =
        issuance.record(
            new PreparedCertificate(
                ISSUER,
                SerialNumber.next(now, random),
                new ProfileId("tls-server"),
                now,
                now.plus(Duration.ofDays(1)),
                key,
                new Approval.Infrastructure("test", new RequestId(UUID.randomUUID())),
                SHARD.shard(),
                new ToBeSigned(
                    Der.of(new DERSequence().getEncoded()), SigningScheme.ECDSA_SHA256)));
    assertThat(issuance.complete(recorded, SignatureValue.of(new byte[70]))).isPresent();
    return recorded.prepared().serial();
  }

  private void hold(SerialNumber serial) {
    revocations.revoke(
        new Revocation(
            ISSUER,
            serial,
            RevocationReason.CERTIFICATE_HOLD,
            clock.instant(),
            Optional.empty(),
            "admin alice"));
  }

  /** As a node's look into the journal does. */
  private void tell() {
    StatusJournal.Changes since = new JooqStatusJournal(database).since(version);
    version = since.version();
    changes.upToDate(since.changes());
  }

  private void seen(SerialNumber... listed) {
    seen(RevocationReason.CERTIFICATE_HOLD, listed);
  }

  private void seen(RevocationReason reason, SerialNumber... listed) {
    Set<SerialNumber> about = changes.awaited(CrlName.complete(SHARD));
    SeenCrl crl =
        new SeenCrl(
            BigInteger.ONE,
            Optional.empty(),
            clock.instant(),
            clock.instant().plusSeconds(60),
            List.of(),
            Optional.empty(),
            listed.length,
            100,
            "00",
            true,
            true,
            Stream.of(listed).collect(Collectors.toMap(Function.identity(), any -> reason)));
    changes.saw(SHARD, Optional.of(crl), about);
  }

  private Timer visible() {
    return metrics.find("chancery.revocation.visible").tag("place", "crl").timer();
  }

  private double late() {
    Counter late = metrics.find("chancery.revocation.late").tag("place", "crl").counter();
    return late == null ? 0 : late.count();
  }

  @Test
  @DisplayName(
      "is measured when the list of its shard has it, and a release when it has it no more")
  void measured() throws Exception {
    SerialNumber serial = issued();
    hold(serial);
    tell();
    assertThat(changes.awaited(CrlName.delta(SHARD))).isEmpty();
    assertThat(changes.awaited(CrlName.complete(CrlScope.unsharded(ISSUER)))).isEmpty();
    assertThat(changes.awaited(CrlName.complete(SHARD))).containsExactly(serial);
    clock.advance(Duration.ofSeconds(5));
    seen();
    assertThat(visible()).isNull();
    clock.advance(Duration.ofSeconds(5));
    seen(serial);
    assertThat(visible().count()).isEqualTo(1);
    assertThat(visible().totalTime(TimeUnit.SECONDS)).isEqualTo(10);
    assertThat(changes.awaited(CrlName.complete(SHARD))).isEmpty();

    revocations.release(ISSUER, serial, "admin alice");
    tell();
    seen(serial);
    assertThat(visible().count()).isEqualTo(1);
    seen();
    assertThat(visible().count()).isEqualTo(2);
    assertThat(late()).isZero();
  }

  @Test
  @DisplayName(
      "is an event once when the bound is over, whether a list shows it or none can be had")
  void tooLate() throws Exception {
    SerialNumber serial = issued();
    hold(serial);
    tell();
    Set<SerialNumber> about = changes.awaited(CrlName.complete(SHARD));
    clock.advance(BOUND);
    changes.saw(SHARD, Optional.empty(), about);
    assertThat(late()).isZero();
    clock.advance(Duration.ofSeconds(1));
    changes.saw(SHARD, Optional.empty(), about);
    changes.saw(SHARD, Optional.empty(), about);
    assertThat(late()).isEqualTo(1);
    assertThat(
            database
                .sql()
                .fetchCount(
                    AUDIT_EVENTS,
                    AUDIT_EVENTS
                        .ACTION
                        .eq("revocation-late")
                        .and(AUDIT_EVENTS.DETAIL.contains("crl: " + serial))))
        .isEqualTo(1);
    seen(serial);
    assertThat(late()).isEqualTo(1);
    assertThat(visible().count()).isEqualTo(1);
  }

  @Test
  @DisplayName("to a hold that ends for good is shown when the list has the other reason")
  void forGood() throws Exception {
    SerialNumber serial = issued();
    hold(serial);
    tell();
    seen(serial);
    assertThat(visible().count()).isEqualTo(1);
    revocations.revoke(
        new Revocation(
            ISSUER,
            serial,
            RevocationReason.SUPERSEDED,
            clock.instant(),
            Optional.empty(),
            "admin alice"));
    tell();
    seen(serial);
    assertThat(visible().count()).isEqualTo(1);
    seen(RevocationReason.SUPERSEDED, serial);
    assertThat(visible().count()).isEqualTo(2);
  }

  @Test
  @DisplayName("is not awaited when the issuer's CRLs are made elsewhere")
  void ofAnother() throws Exception {
    SerialNumber serial = issued();
    hold(serial);
    changes.upToDate(
        List.of(new StatusJournal.Change(1, new IssuerId("root"), serial, clock.instant())));
    assertThat(changes.isEmpty()).isTrue();
    tell();
    assertThat(changes.isEmpty()).isFalse();
  }

  @Test
  @DisplayName("is waited for no longer than its certificate lasts")
  void expired() throws Exception {
    hold(issued());
    tell();
    assertThat(changes.awaited(CrlName.complete(SHARD))).hasSize(1);
    clock.advance(Duration.ofDays(2));
    seen();
    assertThat(changes.awaited(CrlName.complete(SHARD))).isEmpty();
  }
}
