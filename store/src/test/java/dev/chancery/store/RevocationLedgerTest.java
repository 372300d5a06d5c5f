package dev.chancery.store;

import static dev.chancery.store.schema.Tables.AUDIT_EVENTS;
import static dev.chancery.store.schema.Tables.CERTIFICATES;
import static dev.chancery.store.schema.Tables.COMPROMISED_KEYS;
import static dev.chancery.store.schema.Tables.REVOCATIONS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.CertificateRecord;
import dev.chancery.core.CertificateStatus;
import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.IssuerId;
import dev.chancery.core.PreparedCertificate;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger.Abandoned;
import dev.chancery.core.RevocationLedger.Entry;
import dev.chancery.core.RevocationLedger.Outcome;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SignatureValue;
import dev.chancery.testing.DatabaseKind;
import java.math.BigInteger;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jooq.exception.DataAccessException;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(DatabaseKind.class)
final class RevocationLedgerTest extends LedgerContract {
  private static final CrlScope OTHER = CrlScope.unsharded(new IssuerId("other"));

  @Test
  @DisplayName("RFC 6960 section 2.2: good means issued and not revoked")
  void statusFollowsTheCertificate() {
    PreparedCertificate recorded = recorded();
    SerialNumber issued = issued().serial();

    assertThat(status(recorded.serial())).isEqualTo(new CertificateStatus.Unknown());
    assertThat(status(issued)).isEqualTo(new CertificateStatus.Good());
    assertThat(status(SerialNumber.of(BigInteger.TEN))).isEqualTo(new CertificateStatus.Unknown());
    assertThat(revocations.status(new IssuerId("other"), issued))
        .isEqualTo(new CertificateStatus.Unknown());

    revocations.revoke(revocation(recorded.serial()));
    revocations.revoke(revocation(issued));

    CertificateStatus revoked =
        new CertificateStatus.Revoked(
            NOW, RevocationReason.KEY_COMPROMISE, Optional.of(NOW.minusSeconds(3600)));
    assertThat(status(recorded.serial())).isEqualTo(revoked);
    assertThat(status(issued)).isEqualTo(revoked);
  }

  @Test
  void revocationIsKeptWithTheCertificate() {
    SerialNumber serial = issued().serial();
    Revocation revocation = revocation(serial);

    assertThat(revocations.revoke(revocation)).isEqualTo(Outcome.REVOKED);

    CertificateRecord record = issuance.find(Certificates.ISSUER, serial).orElseThrow();
    assertThat(record.state()).isEqualTo(CertificateRecord.State.REVOKED);
    assertThat(record.certificate()).isPresent();
    assertThat(record.revocation()).contains(revocation);
  }

  @Test
  void everyReasonIsKept() {
    for (RevocationReason reason : RevocationReason.values()) {
      SerialNumber serial = issued().serial();
      revocations.revoke(
          new Revocation(Certificates.ISSUER, serial, reason, NOW, Optional.empty(), "a"));

      assertThat(status(serial))
          .isEqualTo(new CertificateStatus.Revoked(NOW, reason, Optional.empty()));
    }
  }

  @Test
  @DisplayName("RFC 8555 section 7.6: a second revocation changes nothing")
  void firstRevocationStands() {
    SerialNumber serial = issued().serial();
    revocations.revoke(revocation(serial));
    CertificateStatus first = status(serial);
    clock.advance(Duration.ofHours(1));

    assertThat(
            revocations.revoke(
                new Revocation(
                    Certificates.ISSUER,
                    serial,
                    RevocationReason.SUPERSEDED,
                    clock.instant(),
                    Optional.empty(),
                    "admin bob")))
        .isEqualTo(Outcome.ALREADY_REVOKED);

    assertThat(status(serial)).isEqualTo(first);
    assertThat(auditEvents("revoke")).isEqualTo(1);
  }

  @Test
  void unknownSerialIsNotRevoked() {
    assertThat(revocations.revoke(revocation(SerialNumber.of(BigInteger.TEN))))
        .isEqualTo(Outcome.NOT_FOUND);
    assertThat(auditEvents("revoke")).isZero();
  }

  @Test
  void oneOfManyConcurrentRevocationsWins() throws Exception {
    SerialNumber serial = issued().serial();

    List<Outcome> outcomes =
        Threads.together(
            16, thread -> () -> revocations.revoke(revocation(serial, "admin " + thread)));

    assertThat(outcomes).containsOnlyOnce(Outcome.REVOKED).doesNotContain(Outcome.NOT_FOUND);
    assertThat(auditEvents("revoke")).isEqualTo(1);
    String winner = "admin " + outcomes.indexOf(Outcome.REVOKED);
    assertThat(
            issuance
                .find(Certificates.ISSUER, serial)
                .orElseThrow()
                .revocation()
                .orElseThrow()
                .by())
        .isEqualTo(winner);
  }

  @Test
  void onlyWhatIsStillRecordedIsAbandoned() {
    PreparedCertificate recorded = recorded();
    SerialNumber issued = issued().serial();
    SerialNumber revoked = issued().serial();
    revocations.revoke(revocation(revoked));

    assertThat(revocations.abandon(revocation(recorded.serial()))).isEqualTo(Abandoned.REVOKED);
    assertThat(revocations.abandon(revocation(issued))).isEqualTo(Abandoned.ISSUED);
    assertThat(revocations.abandon(revocation(revoked))).isEqualTo(Abandoned.ALREADY_REVOKED);
    assertThat(revocations.abandon(revocation(SerialNumber.of(BigInteger.TEN))))
        .isEqualTo(Abandoned.NOT_FOUND);

    assertThat(status(recorded.serial())).isInstanceOf(CertificateStatus.Revoked.class);
    assertThat(status(issued)).isEqualTo(new CertificateStatus.Good());
    assertThat(auditEvents("revoke")).isEqualTo(2);
  }

  @Test
  @DisplayName("Completed and abandoned at once: exactly one happens, and all are told the same")
  void completionAndAbandonmentAgree() throws Exception {
    for (int round = 0; round < 20; round++) {
      IssuanceLedger.Recorded recorded = issuance.record(Certificates.prepared(clock.instant()));
      SerialNumber serial = recorded.prepared().serial();
      SignatureValue signature = Certificates.sign(recorded.prepared().toBeSigned());

      List<Object> told =
          Threads.together(
              6,
              thread ->
                  () ->
                      thread % 3 == 0
                          ? issuance.complete(recorded, signature).isPresent()
                          : revocations.abandon(revocation(serial)));

      if (told.contains(true)) {
        assertThat(told).containsOnlyOnce(true);
        assertThat(told).containsOnly(true, false, Abandoned.ISSUED);
        assertThat(status(serial)).isEqualTo(new CertificateStatus.Good());
      } else {
        assertThat(told).containsOnlyOnce(Abandoned.REVOKED);
        assertThat(told).containsOnly(false, Abandoned.REVOKED, Abandoned.ALREADY_REVOKED);
        assertThat(status(serial)).isInstanceOf(CertificateStatus.Revoked.class);
      }
    }
  }

  @Test
  void revocationThatCannotBeAuditedDoesNotHappen() {
    SerialNumber serial = issued().serial();
    database.sql().execute("alter table audit_events rename to elsewhere");

    assertThatThrownBy(() -> revocations.revoke(revocation(serial)))
        .isInstanceOf(DataAccessException.class);

    assertThat(status(serial)).isEqualTo(new CertificateStatus.Good());
    assertThat(database.sql().fetchCount(REVOCATIONS)).isZero();
  }

  @Test
  void longRequesterNameDoesNotStopARevocation() {
    SerialNumber serial = issued().serial();

    assertThat(revocations.revoke(revocation(serial, "z".repeat(5000)))).isEqualTo(Outcome.REVOKED);

    assertThat(
            database
                .sql()
                .selectFrom(AUDIT_EVENTS)
                .where(AUDIT_EVENTS.ACTION.eq("revoke"))
                .fetchSingle()
                .getRequestedBy())
        .isEqualTo("z".repeat(200));
  }

  @Test
  @DisplayName("RFC 5280 section 5.1.2.6: revoked and not yet expired, by serial number")
  void revokedCertificatesComeInOrderUntilTheyExpire() {
    SerialNumber expiring = issued().serial();
    clock.advance(Duration.ofDays(1));
    SerialNumber second = recorded().serial();
    clock.advance(Duration.ofDays(1));
    SerialNumber third = issued().serial();
    issued();
    recorded();
    for (SerialNumber serial : List.of(third, expiring, second)) {
      revocations.revoke(revocation(serial));
    }

    assertThat(revoked(NOW)).extracting(Entry::serial).containsExactly(expiring, second, third);
    assertThat(revoked(NOW.plus(Duration.ofDays(90))))
        .extracting(Entry::serial)
        .containsExactly(second, third);
    assertThat(revoked(NOW))
        .allSatisfy(entry -> assertThat(entry.status()).isEqualTo(status(entry.serial())));
    List<Entry> others = new ArrayList<>();
    revocations.forEachRevoked(OTHER, NOW, others::add);
    assertThat(others).isEmpty();
  }

  @Test
  void revocationsAreFoundByWhenTheyWereRecorded() {
    SerialNumber serial = issued().serial();
    clock.advance(Duration.ofMinutes(1));
    Instant recorded = clock.instant();
    // Its requester says that it is of a year ago.
    revocations.revoke(
        new Revocation(
            Certificates.ISSUER,
            serial,
            RevocationReason.SUPERSEDED,
            NOW.minus(Duration.ofDays(365)),
            Optional.empty(),
            "admin alice"));

    assertThat(anyRecorded(recorded.minusMillis(1), recorded)).isTrue();
    assertThat(anyRecorded(recorded, recorded.plusSeconds(60))).isFalse();
    assertThat(anyRecorded(NOW, recorded.minusMillis(1))).isFalse();
    assertThat(revocations.anyRecorded(OTHER, NOW, recorded)).isFalse();
  }

  private boolean anyRecorded(Instant after, Instant until) {
    return revocations.anyRecorded(Certificates.SCOPE, after, until);
  }

  @Test
  @DisplayName("A revocation belongs to the shard that the certificate has had since it was issued")
  void shards() {
    SerialNumber unsharded = issued().serial();
    SerialNumber sharded =
        complete(issuance.record(Certificates.prepared(clock.instant(), 7))).orElseThrow().serial();
    clock.advance(Duration.ofMinutes(1));
    revocations.revoke(revocation(unsharded));
    revocations.revoke(revocation(sharded));

    CrlScope seventh = new CrlScope(Certificates.ISSUER, 7);
    List<Entry> entries = new ArrayList<>();
    revocations.forEachRevoked(seventh, NOW, entries::add);
    assertThat(entries).extracting(Entry::serial).containsExactly(sharded);
    assertThat(entries).allSatisfy(e -> assertThat(e.status()).isEqualTo(status(sharded)));
    assertThat(revoked(NOW)).extracting(Entry::serial).containsExactly(unsharded);
    assertThat(revocations.anyRecorded(seventh, NOW, clock.instant())).isTrue();
    assertThat(revocations.anyRecorded(new CrlScope(Certificates.ISSUER, 8), NOW, clock.instant()))
        .isFalse();
    assertThat(issuance.find(Certificates.ISSUER, sharded).orElseThrow().crlScope())
        .isEqualTo(seventh);
  }

  @Test
  @DisplayName("Releases are told by scope, in order and a few at a time, until they are forgotten")
  void releases() {
    List<SerialNumber> held = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      SerialNumber serial = issued().serial();
      clock.advance(Duration.ofSeconds(1));
      revocations.revoke(hold(serial));
      held.add(serial);
    }
    clock.advance(Duration.ofMinutes(1));
    Instant before = clock.instant();
    clock.advance(Duration.ofSeconds(1));
    for (SerialNumber serial : held) {
      revocations.release(Certificates.ISSUER, serial, "admin alice");
    }

    assertThat(anyRecorded(before, clock.instant())).isTrue();
    assertThat(anyRecorded(clock.instant(), clock.instant().plusSeconds(60))).isFalse();
    assertThat(revocations.anyRecorded(OTHER, before, clock.instant())).isFalse();
    CrlScope scope = Certificates.SCOPE;
    assertThat(revocations.released(scope, Optional.empty(), 10)).isEqualTo(held);
    assertThat(revocations.released(scope, Optional.empty(), 2)).isEqualTo(held.subList(0, 2));
    assertThat(revocations.released(scope, Optional.of(held.get(1)), 2))
        .isEqualTo(held.subList(2, 3));
    assertThat(revocations.released(OTHER, Optional.empty(), 10)).isEmpty();

    clock.advance(Duration.ofMinutes(1));
    revocations.revoke(hold(held.getFirst()));
    revocations.release(Certificates.ISSUER, held.getFirst(), "admin alice");
    revocations.forgetReleases(OTHER, clock.instant().plusSeconds(1));
    assertThat(revocations.released(scope, Optional.empty(), 10)).hasSize(3);
    revocations.forgetReleases(scope, clock.instant());
    assertThat(revocations.released(scope, Optional.empty(), 10)).containsExactly(held.getFirst());
  }

  @Test
  void failureOfTheReaderReachesItsCaller() {
    revocations.revoke(revocation(issued().serial()));
    RuntimeException mine = new IllegalStateException("mine");

    assertThatThrownBy(() ->
            revocations.forEachRevoked(
                Certificates.SCOPE,
                NOW,
                entry -> {
                  throw mine;
                }))
        .isSameAs(mine);
  }

  @Test
  @DisplayName("A release that commits while the certificate is revoked for good does not save it")
  void releasedMeanwhile() throws Exception {
    SerialNumber serial = issued().serial();
    revocations.revoke(hold(serial));
    CountDownLatch deleted = new CountDownLatch(1);
    List<Object> outcomes =
        Threads.together(
            2,
            thread ->
                thread == 0
                    ? () -> {
                      // What a release does, slowly.
                      database.inTransaction(sql -> {
                        sql.deleteFrom(REVOCATIONS)
                            .where(REVOCATIONS.SERIAL.eq(serial.octets()))
                            .execute();
                        deleted.countDown();
                        pause();
                        return sql.update(CERTIFICATES)
                            .set(CERTIFICATES.STATE, "issued")
                            .where(CERTIFICATES.SERIAL.eq(serial.octets()))
                            .execute();
                      });
                      return Optional.empty();
                    }
                    : () -> {
                      assertThat(deleted.await(30, TimeUnit.SECONDS)).isTrue();
                      return revocations.revoke(revocation(serial));
                    });
    assertThat(outcomes.get(1)).isEqualTo(Outcome.REVOKED);
    assertThat(status(serial)).isInstanceOf(CertificateStatus.Revoked.class);
    assertThat(database.sql().fetchCount(COMPROMISED_KEYS)).isEqualTo(1);
  }

  private static void pause() {
    try {
      Thread.sleep(700);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private Revocation hold(SerialNumber serial) {
    return new Revocation(
        Certificates.ISSUER,
        serial,
        RevocationReason.CERTIFICATE_HOLD,
        clock.instant(),
        Optional.empty(),
        "admin alice");
  }

  private CertificateStatus status(SerialNumber serial) {
    return revocations.status(Certificates.ISSUER, serial);
  }

  private List<Entry> revoked(Instant expiringAfter) {
    List<Entry> entries = new ArrayList<>();
    revocations.forEachRevoked(Certificates.SCOPE, expiringAfter, entries::add);
    return entries;
  }
}
