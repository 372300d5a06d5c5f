package dev.chancery.store;

import static dev.chancery.store.schema.Tables.AUDIT_EVENTS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.Approval;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.PreparedCertificate;
import dev.chancery.core.RequestId;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SignatureValue;
import dev.chancery.testing.DatabaseKind;
import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jooq.exception.DataAccessException;
import org.jooq.exception.IntegrityConstraintViolationException;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(DatabaseKind.class)
final class IssuanceLedgerTest extends LedgerContract {

  @Test
  @DisplayName("A certificate is dated by the database's clock, when all nodes are to have one")
  void inCommonTime() {
    clock.advance(Duration.ofDays(400));
    IssuanceLedger common = JooqIssuanceLedger.inCommonTime(database, clock);
    SerialNumber serial = common.record(Certificates.prepared(clock.instant())).prepared().serial();
    // Here the database runs beside the test.
    Instant now = Instant.now();
    assertThat(common.find(Certificates.ISSUER, serial).orElseThrow().recordedAt())
        .isBetween(now.minusSeconds(60), now.plusSeconds(60));
  }

  @Test
  void recordedCertificateIsFoundAsItWasPrepared() {
    PreparedCertificate prepared = recorded();

    CertificateRecord record = found(prepared.serial());
    assertThat(record.issuer()).isEqualTo(prepared.issuer());
    assertThat(record.serial()).isEqualTo(prepared.serial());
    assertThat(record.profile()).isEqualTo(prepared.profile());
    assertThat(record.request()).isEqualTo(prepared.approval().request());
    assertThat(record.account())
        .contains(((Approval.ValidatedOrder) prepared.approval()).account());
    assertThat(record.recordedAt()).isEqualTo(NOW);
    assertThat(record.notBefore()).isEqualTo(prepared.notBefore());
    assertThat(record.notAfter()).isEqualTo(prepared.notAfter());
    assertThat(record.state()).isEqualTo(CertificateRecord.State.RECORDED);
    assertThat(record.certificate()).isEmpty();
    assertThat(record.revocation()).isEmpty();
  }

  @Test
  void onlyAnOrderHasAnAccount() {
    RequestId request = new RequestId(UUID.randomUUID());
    issuance.record(
        Certificates.prepared(NOW, new Approval.TrustedRequester("bob", request, false)));
    issuance.record(Certificates.prepared(NOW, new Approval.Infrastructure("api", request)));

    assertThat(issuance.find(request))
        .hasSize(2)
        .allSatisfy(record -> assertThat(record.account()).isEmpty());
  }

  @Test
  void whatAnotherLedgerSignedIsIssuedInOneStep() {
    PreparedCertificate prepared = Certificates.prepared(NOW);
    SignatureValue signature = Certificates.sign(prepared.toBeSigned());

    assertThat(issuance.takeIn(prepared, signature)).isTrue();
    assertThat(issuance.takeIn(prepared, signature)).isFalse();

    CertificateRecord record = found(prepared.serial());
    assertThat(record.state()).isEqualTo(CertificateRecord.State.ISSUED);
    assertThat(record.certificate()).contains(prepared.toBeSigned().with(signature));
    assertThat(auditEvents("issue")).isEqualTo(1);
  }

  @Test
  void whatWasRecordedOnlyIsCompletedWhenItIsTakenInAndNothingThatWasRevoked() {
    PreparedCertificate prepared = recorded();
    SignatureValue signature = Certificates.sign(prepared.toBeSigned());
    assertThat(issuance.takeIn(prepared, signature)).isTrue();
    assertThat(found(prepared.serial()).state()).isEqualTo(CertificateRecord.State.ISSUED);

    PreparedCertificate revoked = recorded();
    revocations.revoke(revocation(revoked.serial()));
    assertThat(issuance.takeIn(revoked, Certificates.sign(revoked.toBeSigned()))).isFalse();
    assertThat(found(revoked.serial()).state()).isEqualTo(CertificateRecord.State.REVOKED);
  }

  @Test
  void timesAreKeptToTheMicrosecondAndNeverRoundedUp() {
    clock.advance(Duration.ofNanos(999_999_999));
    PreparedCertificate prepared = recorded();

    assertThat(found(prepared.serial()).recordedAt())
        .isEqualTo(clock.instant().truncatedTo(ChronoUnit.MICROS))
        .isEqualTo("2026-11-22T10:00:00.999999Z");
  }

  @Test
  void completedCertificateIsTheRecordedBytesWithTheSignature() throws Exception {
    IssuedCertificate issued = issued();

    X509Certificate certificate =
        (X509Certificate)
            CertificateFactory.getInstance("X.509")
                .generateCertificate(new ByteArrayInputStream(issued.encoded().bytes()));
    certificate.verify(Certificates.issuerKey().key(), dev.chancery.core.BouncyCastle.PROVIDER);
    assertThat(certificate.getSerialNumber()).isEqualTo(issued.serial().value());
    CertificateRecord record = found(issued.serial());
    assertThat(record.state()).isEqualTo(CertificateRecord.State.ISSUED);
    assertThat(record.certificate()).contains(issued.encoded());
  }

  @Test
  void serialNumberIsRecordedOnce() {
    PreparedCertificate prepared = recorded();

    assertThatThrownBy(() -> issuance.record(prepared))
        .isInstanceOf(IntegrityConstraintViolationException.class);
  }

  @Test
  void unknownIssuerIsNotRecorded() {
    PreparedCertificate known = Certificates.prepared(NOW);
    PreparedCertificate unknown =
        new PreparedCertificate(
            new dev.chancery.core.IssuerId("other"),
            known.serial(),
            known.profile(),
            known.notBefore(),
            known.notAfter(),
            known.publicKey(),
            known.approval(),
            known.toBeSigned());

    assertThatThrownBy(() -> issuance.record(unknown))
        .isInstanceOf(IntegrityConstraintViolationException.class);
  }

  @Test
  void completionHappensOnceAndTheFirstSignatureStands() {
    IssuanceLedger.Recorded recorded = issuance.record(Certificates.prepared(NOW));
    IssuedCertificate first = complete(recorded).orElseThrow();

    assertThat(issuance.complete(recorded, SignatureValue.of(new byte[] {1}))).isEmpty();

    assertThat(found(first.serial()).certificate()).contains(first.encoded());
    assertThat(auditEvents("issue")).isEqualTo(1);
  }

  @Test
  void oneOfManyConcurrentCompletionsWins() throws Exception {
    IssuanceLedger.Recorded recorded = issuance.record(Certificates.prepared(NOW));

    List<Optional<IssuedCertificate>> outcomes =
        Threads.together(16, thread -> () -> complete(recorded));

    assertThat(outcomes).filteredOn(Optional::isPresent).hasSize(1);
    assertThat(auditEvents("issue")).isEqualTo(1);
  }

  @Test
  void concurrentCompletionAndRevocationNeverReleaseARevokedCertificateLater() throws Exception {
    for (int round = 0; round < 20; round++) {
      IssuanceLedger.Recorded recorded = issuance.record(Certificates.prepared(NOW));
      SerialNumber serial = recorded.prepared().serial();

      Threads.together(
          2,
          thread ->
              () ->
                  thread == 0
                      ? complete(recorded).isPresent()
                      : revocations.revoke(revocation(serial)) == RevocationLedger.Outcome.REVOKED);

      CertificateRecord record = found(serial);
      assertThat(record.state()).isEqualTo(CertificateRecord.State.REVOKED);
      assertThat(record.revocation()).isPresent();
    }
    assertThat(auditEvents("revoke")).isEqualTo(20);
  }

  @Test
  void revokedCertificateIsNotCompleted() {
    IssuanceLedger.Recorded recorded = issuance.record(Certificates.prepared(NOW));
    revocations.revoke(revocation(recorded.prepared().serial()));

    assertThat(complete(recorded)).isEmpty();

    CertificateRecord record = found(recorded.prepared().serial());
    assertThat(record.state()).isEqualTo(CertificateRecord.State.REVOKED);
    assertThat(record.certificate()).isEmpty();
    assertThat(auditEvents("issue")).isZero();
  }

  @Test
  void concurrentRecordsAreAllThere() throws Exception {
    List<SerialNumber> serials = Threads.together(32, thread -> () -> recorded().serial());

    assertThat(serials).doesNotHaveDuplicates().allSatisfy(serial -> found(serial));
  }

  @Test
  void completionIsAudited() {
    IssuedCertificate issued = issued();

    var event = database.sql().selectFrom(AUDIT_EVENTS).fetchSingle();
    assertThat(event.getAction()).isEqualTo("issue");
    assertThat(event.getIssuer()).isEqualTo(issued.issuer().value());
    assertThat(SerialNumber.of(event.getSerial())).isEqualTo(issued.serial());
    assertThat(event.getAt().toInstant()).isEqualTo(NOW);
    assertThat(event.getRequestedBy()).startsWith("acme account ");
  }

  @Test
  void completionThatCannotBeAuditedDoesNotHappen() {
    IssuanceLedger.Recorded recorded = issuance.record(Certificates.prepared(NOW));
    database.sql().execute("alter table audit_events rename to elsewhere");

    assertThatThrownBy(() -> complete(recorded)).isInstanceOf(DataAccessException.class);

    assertThat(found(recorded.prepared().serial()).state())
        .isEqualTo(CertificateRecord.State.RECORDED);
  }

  @Test
  void longAndStrangeRequesterNamesAreCutAndCleaned() {
    RequestId request = new RequestId(UUID.randomUUID());
    String who = "a\0b\nc\ud800" + "x".repeat(193) + "\ud83d\ude00" + "y".repeat(500);
    complete(
        issuance.record(
            Certificates.prepared(NOW, new Approval.TrustedRequester(who, request, false))));

    assertThat(database.sql().selectFrom(AUDIT_EVENTS).fetchSingle().getRequestedBy())
        .isEqualTo("a?b?c?" + "x".repeat(193));
  }

  @Test
  void requestIsFoundOldestFirst() {
    Approval approval = Certificates.anOrder();
    PreparedCertificate first =
        issuance.record(Certificates.prepared(clock.instant(), approval)).prepared();
    clock.advance(Duration.ofSeconds(1));
    PreparedCertificate second =
        issuance.record(Certificates.prepared(clock.instant(), approval)).prepared();
    recorded();

    assertThat(issuance.find(approval.request()))
        .extracting(CertificateRecord::serial)
        .containsExactly(first.serial(), second.serial());
    assertThat(issuance.find(new RequestId(UUID.randomUUID()))).isEmpty();
  }

  @Test
  void onlyWhatIsStillRecordedIsLeftOver() {
    PreparedCertificate oldest = recorded();
    issued();
    revocations.revoke(revocation(recorded().serial()));
    clock.advance(Duration.ofMinutes(1));
    PreparedCertificate older = recorded();
    clock.advance(Duration.ofMinutes(1));
    recorded();

    assertThat(issuance.recordedBefore(clock.instant(), 10))
        .extracting(CertificateRecord::serial)
        .containsExactly(oldest.serial(), older.serial());
    assertThat(issuance.recordedBefore(clock.instant(), 1))
        .extracting(CertificateRecord::serial)
        .containsExactly(oldest.serial());
  }

  @Test
  void unknownSerialIsNotFound() {
    assertThat(issuance.find(Certificates.ISSUER, SerialNumber.of(BigInteger.TEN))).isEmpty();
  }

  private CertificateRecord found(SerialNumber serial) {
    return issuance.find(Certificates.ISSUER, serial).orElseThrow();
  }
}
