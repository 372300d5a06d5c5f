package dev.chancery.store;

import static dev.chancery.store.schema.Tables.STATUS_CHANGES;
import static dev.chancery.store.schema.Tables.STATUS_VERSIONS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger.Outcome;
import dev.chancery.core.RevocationLedger.Released;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.StatusJournal.Change;
import dev.chancery.core.StatusJournal.Changes;
import dev.chancery.testing.DatabaseKind;
import java.math.BigInteger;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(DatabaseKind.class)
@DisplayName("The journal of statuses, and holds")
final class StatusJournalTest extends LedgerContract {
  private JooqStatusJournal journal;

  @BeforeEach
  void journal() {
    journal = new JooqStatusJournal(database);
  }

  private Revocation revocation(SerialNumber serial, RevocationReason reason) {
    return new Revocation(
        Certificates.ISSUER, serial, reason, clock.instant(), Optional.empty(), "admin alice");
  }

  private CertificateStatus status(SerialNumber serial) {
    return revocations.status(Certificates.ISSUER, serial);
  }

  @Test
  @DisplayName("has every change once, in order: revoked, given up, held, released")
  void changes() {
    SerialNumber revoked = issued().serial();
    SerialNumber abandoned = recorded().serial();
    SerialNumber held = issued().serial();
    assertThat(journal.version()).isZero();

    revocations.revoke(revocation(revoked));
    revocations.revoke(revocation(revoked));
    revocations.abandon(revocation(abandoned));
    revocations.abandon(revocation(held));
    revocations.revoke(revocation(held, RevocationReason.CERTIFICATE_HOLD));
    revocations.release(Certificates.ISSUER, held, "admin bob");
    revocations.release(Certificates.ISSUER, held, "admin bob");

    Changes changes = journal.since(0);
    assertThat(changes.complete()).isTrue();
    assertThat(changes.version()).isEqualTo(4).isEqualTo(journal.version());
    assertThat(changes.changes())
        .containsExactly(
            new Change(1, Certificates.ISSUER, revoked, NOW),
            new Change(2, Certificates.ISSUER, abandoned, NOW),
            new Change(3, Certificates.ISSUER, held, NOW),
            new Change(4, Certificates.ISSUER, held, NOW));
    assertThat(journal.since(3).changes()).containsExactly(changes.changes().getLast());
    assertThat(journal.since(4)).isEqualTo(new Changes(4, true, List.of()));
  }

  @Test
  @DisplayName("whoever reads it while many write misses nothing")
  void concurrent() throws Exception {
    int writers = 8;
    int each = 25;
    List<List<SerialNumber>> serials = new ArrayList<>();
    for (int i = 0; i < writers; i++) {
      List<SerialNumber> own = new ArrayList<>();
      for (int j = 0; j < each; j++) {
        own.add(issued().serial());
      }
      serials.add(own);
    }
    List<Change> seen = new ArrayList<>();
    AtomicBoolean on = new AtomicBoolean(true);
    Thread reader =
        Thread.ofPlatform()
            .start(() -> {
              long version = 0;
              while (on.get() || version < journal.version()) {
                Changes changes = journal.since(version);
                assertThat(changes.complete()).isTrue();
                // What the journal tells is in the ledger already.
                changes
                    .changes()
                    .forEach(change ->
                        assertThat(status(change.serial()))
                            .isInstanceOf(CertificateStatus.Revoked.class));
                seen.addAll(changes.changes());
                version = changes.version();
              }
            });
    Threads.together(
        writers,
        thread ->
            () -> {
              serials.get(thread).forEach(serial -> revocations.revoke(revocation(serial)));
              return null;
            });
    on.set(false);
    reader.join();

    assertThat(seen.stream().map(Change::version))
        .containsExactlyElementsOf(
            LongStream.rangeClosed(1, (long) writers * each).boxed().toList());
  }

  @Test
  @DisplayName("says so when it does not know all that changed: forgotten, too much, or restored")
  void incomplete() {
    for (int i = 0; i < 3; i++) {
      revocations.revoke(revocation(issued().serial()));
    }
    assertThat(journal.since(7).complete()).isFalse();
    assertThat(journal.since(7).version()).isEqualTo(3);

    clock.advance(Duration.ofHours(25));
    revocations.revoke(revocation(issued().serial()));
    assertThat(journal.prune(clock.instant(), 2)).isTrue();
    assertThat(journal.prune(clock.instant(), 2)).isFalse();
    assertThat(database.sql().fetchCount(STATUS_CHANGES)).isEqualTo(1);
    assertThat(journal.since(2).complete()).isFalse();
    assertThat(journal.since(3).complete()).isTrue();
    assertThat(journal.since(3).changes()).hasSize(1);

    database
        .sql()
        .update(STATUS_VERSIONS)
        .set(STATUS_VERSIONS.VERSION, 4L + JooqStatusJournal.MOST_CHANGES)
        .execute();
    assertThat(journal.since(3)).isEqualTo(new Changes(journal.version(), false, List.of()));
  }

  @Test
  @DisplayName("RFC 5280 5.3.1: a hold ends by its release, and the certificate is good again")
  void release() {
    SerialNumber serial = issued().serial();
    assertThat(revocations.revoke(revocation(serial, RevocationReason.CERTIFICATE_HOLD)))
        .isEqualTo(Outcome.REVOKED);
    assertThat(status(serial))
        .isEqualTo(
            new CertificateStatus.Revoked(
                NOW, RevocationReason.CERTIFICATE_HOLD, Optional.empty()));
    assertThat(revocations.revoke(revocation(serial, RevocationReason.CERTIFICATE_HOLD)))
        .isEqualTo(Outcome.ALREADY_REVOKED);

    assertThat(revocations.release(Certificates.ISSUER, serial, "admin bob"))
        .isEqualTo(Released.RELEASED);
    assertThat(status(serial)).isEqualTo(new CertificateStatus.Good());
    assertThat(issuance.find(Certificates.ISSUER, serial).orElseThrow().revocation()).isEmpty();
    assertThat(revocations.release(Certificates.ISSUER, serial, "admin bob"))
        .isEqualTo(Released.NOT_HELD);
    assertThat(
            revocations.release(Certificates.ISSUER, SerialNumber.of(BigInteger.TEN), "admin bob"))
        .isEqualTo(Released.NOT_FOUND);
    assertThat(auditEvents("release")).isEqualTo(1);
    // It can be held, and revoked for good, again.
    assertThat(revocations.revoke(revocation(serial))).isEqualTo(Outcome.REVOKED);
    assertThat(revocations.release(Certificates.ISSUER, serial, "admin bob"))
        .isEqualTo(Released.NOT_HELD);
  }

  @Test
  @DisplayName("a hold ends by a revocation for good, which counts from when the hold began")
  void revokedOnHold() {
    SerialNumber serial = issued().serial();
    revocations.revoke(revocation(serial, RevocationReason.CERTIFICATE_HOLD));
    clock.advance(Duration.ofHours(1));

    assertThat(revocations.revoke(revocation(serial))).isEqualTo(Outcome.REVOKED);

    assertThat(status(serial))
        .isEqualTo(
            new CertificateStatus.Revoked(
                NOW, RevocationReason.KEY_COMPROMISE, Optional.of(NOW.minusSeconds(3600))));
    assertThat(new CompromisedKeys(database).reason(Certificates.issuerKey())).isPresent();
    assertThat(revocations.anyRecorded(Certificates.SCOPE, NOW, clock.instant())).isTrue();
    assertThat(revocations.revoke(revocation(serial))).isEqualTo(Outcome.ALREADY_REVOKED);
    assertThat(revocations.release(Certificates.ISSUER, serial, "admin bob"))
        .isEqualTo(Released.NOT_HELD);
    assertThat(journal.version()).isEqualTo(2);
  }

  @Test
  @DisplayName("what was never issued cannot be held, for a release would make it good")
  void recordedIsNotHeld() {
    SerialNumber serial = recorded().serial();
    assertThat(revocations.revoke(revocation(serial, RevocationReason.CERTIFICATE_HOLD)))
        .isEqualTo(Outcome.NOT_FOUND);
    assertThat(status(serial)).isEqualTo(new CertificateStatus.Unknown());
  }

  @Test
  @DisplayName("of a restored database is known to be another one, though it has come as far again")
  void restored() {
    SerialNumber lost = issued().serial();
    revocations.revoke(revocation(issued().serial(), RevocationReason.SUPERSEDED));
    revocations.revoke(revocation(lost, RevocationReason.SUPERSEDED));
    long known = journal.version();
    assertThat(journal.since(known)).isEqualTo(new Changes(known, true, List.of()));

    // The backup was made before the last one.
    database.sql().deleteFrom(STATUS_CHANGES).where(STATUS_CHANGES.VERSION.eq(known)).execute();
    database.sql().update(STATUS_VERSIONS).set(STATUS_VERSIONS.VERSION, known - 1).execute();
    revocations.revoke(revocation(issued().serial(), RevocationReason.SUPERSEDED));
    assertThat(journal.since(known)).isEqualTo(new Changes(known, false, List.of()));
    assertThat(journal.since(known)).isEqualTo(new Changes(known, true, List.of()));

    database.sql().deleteFrom(STATUS_CHANGES).where(STATUS_CHANGES.VERSION.eq(known)).execute();
    database.sql().update(STATUS_VERSIONS).set(STATUS_VERSIONS.VERSION, known - 1).execute();
    for (int i = 0; i < 3; i++) {
      revocations.revoke(revocation(issued().serial(), RevocationReason.SUPERSEDED));
    }
    assertThat(journal.since(known)).isEqualTo(new Changes(known + 2, false, List.of()));
  }
}
