package dev.chancery.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.CertificateRecord;
import dev.chancery.core.CertificateRecord.State;
import dev.chancery.core.CertificateStatus;
import dev.chancery.core.CrlScope;
import dev.chancery.core.DnsName;
import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.PreparedCertificate;
import dev.chancery.core.RequestId;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.TokenAway;
import dev.chancery.hsm.SoftwareKey;
import dev.chancery.testing.DatabaseKind;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Every step of an issuance fails, before and after it was done (docs/issuance-cycle.md). */
@ParameterizedClass
@EnumSource(DatabaseKind.class)
class IssuanceFaultsTest {
  enum Fault {
    NONE,
    FAILED,
    FAILED_AFTER_IT_WAS_DONE;

    void around(Runnable work) {
      if (this == FAILED) {
        throw new DatabaseGone();
      }
      work.run();
      if (this == FAILED_AFTER_IT_WAS_DONE) {
        throw new DatabaseGone();
      }
    }
  }

  static final class DatabaseGone extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  /** The real ledger, with faults. */
  static final class FaultyIssuance extends IssuanceLedger {
    private final IssuanceLedger real;
    private final Map<SerialNumber, Recorded> recorded = new ConcurrentHashMap<>();
    private final Map<SerialNumber, SignatureValue> signatures = new ConcurrentHashMap<>();
    final List<SerialNumber> serials = new ArrayList<>();
    Fault committing = Fault.NONE;
    Fault completing = Fault.NONE;

    FaultyIssuance(IssuanceLedger real) {
      this.real = real;
    }

    @Override
    protected void commit(PreparedCertificate prepared) {
      serials.add(prepared.serial());
      committing.around(() -> recorded.put(prepared.serial(), real.record(prepared)));
    }

    @Override
    protected boolean markIssued(PreparedCertificate prepared, SignatureValue signature) {
      signatures.put(prepared.serial(), signature);
      List<Boolean> moved = new ArrayList<>();
      completing.around(
          () -> moved.add(real.complete(recorded.get(prepared.serial()), signature).isPresent()));
      return moved.getFirst();
    }

    @Override
    public boolean takeIn(PreparedCertificate prepared, SignatureValue signature) {
      return real.takeIn(prepared, signature);
    }

    /** What a slow issuance on another node does in the end. */
    boolean completeAfterAll(SerialNumber serial) {
      return real.complete(recorded.get(serial), signatures.get(serial)).isPresent();
    }

    @Override
    public Optional<CertificateRecord> find(IssuerId issuer, SerialNumber serial) {
      return real.find(issuer, serial);
    }

    @Override
    public List<CertificateRecord> find(RequestId request) {
      return real.find(request);
    }

    @Override
    public List<CertificateRecord> recordedBefore(Instant instant, int limit) {
      return real.recordedBefore(instant, limit);
    }
  }

  /** The real ledger, with faults. */
  static final class FaultyRevocations implements RevocationLedger {
    private final RevocationLedger real;
    Fault revoking = Fault.NONE;
    Runnable beforeAbandoning = () -> {};

    FaultyRevocations(RevocationLedger real) {
      this.real = real;
    }

    @Override
    public Outcome revoke(Revocation revocation) {
      List<Outcome> outcome = new ArrayList<>();
      revoking.around(() -> outcome.add(real.revoke(revocation)));
      return outcome.getFirst();
    }

    @Override
    public Released release(IssuerId issuer, SerialNumber serial, String by) {
      return real.release(issuer, serial, by);
    }

    @Override
    public Abandoned abandon(Revocation revocation) {
      beforeAbandoning.run();
      List<Abandoned> outcome = new ArrayList<>();
      revoking.around(() -> outcome.add(real.abandon(revocation)));
      return outcome.getFirst();
    }

    @Override
    public CertificateStatus status(IssuerId issuer, SerialNumber serial) {
      return real.status(issuer, serial);
    }

    @Override
    public boolean anyRecorded(CrlScope scope, Instant after, Instant until) {
      return real.anyRecorded(scope, after, until);
    }

    @Override
    public void forEachRevoked(CrlScope scope, Instant expiringAfter, Consumer<Entry> consumer) {
      real.forEachRevoked(scope, expiringAfter, consumer);
    }

    @Override
    public List<SerialNumber> released(CrlScope scope, Optional<SerialNumber> after, int most) {
      return real.released(scope, after, most);
    }

    @Override
    public void forgetReleases(CrlScope scope, Instant before) {
      real.forgetReleases(scope, before);
    }
  }

  @Parameter DatabaseKind kind;
  @TempDir Path folder;

  private final IssuanceRequest request = Engine.request(new DnsName("www.example.com"));
  private final RequestId id = request.approval().request();
  private Engine engine;
  private FaultyIssuance issuance;
  private FaultyRevocations revocations;
  private IssuingAuthority authority;
  private int signaturesBefore;

  @BeforeEach
  void open() throws Exception {
    engine = Engine.on(kind, folder);
    issuance = new FaultyIssuance(engine.issuance);
    revocations = new FaultyRevocations(engine.revocations);
    authority = engine.authority(issuance, revocations);
    signaturesBefore = engine.issuingKey.signatures();
  }

  @AfterEach
  void close() {
    engine.close();
  }

  @Test
  @DisplayName("record fails: nothing is there, nothing was signed")
  void recordFails() {
    issuance.committing = Fault.FAILED;

    assertThatThrownBy(() -> authority.issue(request)).isInstanceOf(DatabaseGone.class);

    assertThat(signatures()).isZero();
    assertThat(status()).isInstanceOf(CertificateStatus.Unknown.class);
    assertThat(authority.settle(id)).isEmpty();
  }

  @Test
  @DisplayName("record fails after the commit: the row is revoked, nothing was signed")
  void recordFailsAfterCommit() {
    issuance.committing = Fault.FAILED_AFTER_IT_WAS_DONE;

    assertThatThrownBy(() -> authority.issue(request)).isInstanceOf(DatabaseGone.class);

    assertThat(signatures()).isZero();
    assertThat(status()).isInstanceOf(CertificateStatus.Revoked.class);
    assertThat(authority.settle(id)).isEmpty();
  }

  @Test
  @DisplayName("the token fails: the serial is revoked and a second try gets another")
  void signingFails() throws Exception {
    engine.issuingKey.fail(SoftwareKey.Fault.FAILED);
    assertThatThrownBy(() -> authority.issue(request)).isInstanceOf(TokenAway.class);
    assertThat(status()).isInstanceOf(CertificateStatus.Revoked.class);

    engine.issuingKey.fail(SoftwareKey.Fault.NONE);
    IssuedCertificate issued = authority.issue(request);

    assertThat(issued.serial()).isNotEqualTo(issuance.serials.getFirst());
    assertThat(status()).isInstanceOf(CertificateStatus.Good.class);
    assertThat(authority.settle(id)).contains(issued);
    assertThat(engine.announced).as("no CRL is asked for: no one had the first").isEmpty();
  }

  @Test
  @DisplayName("an outage of the token leaves one serial, whatever the number of tries")
  void outage() throws Exception {
    engine.issuingKey.fail(SoftwareKey.Fault.FAILED);
    for (int attempt = 0; attempt < 5; attempt++) {
      assertThatThrownBy(() -> authority.issue(request)).isInstanceOf(TokenAway.class);
    }
    assertThat(issuance.serials).hasSize(1);
    assertThat(status()).isInstanceOf(CertificateStatus.Revoked.class);

    engine.issuingKey.fail(SoftwareKey.Fault.NONE);
    assertThat(authority.issue(request)).isNotEqualTo(authority.issue(request));

    assertThat(issuance.serials).hasSize(3);
    assertThat(signatures()).as("one probe and two certificates").isEqualTo(3);
  }

  @Test
  @DisplayName("the token fails after it signed: the serial is revoked for good")
  void signingFailsAfterSignature() {
    engine.issuingKey.fail(SoftwareKey.Fault.FAILED_AFTER_IT_WAS_DONE);

    assertThatThrownBy(() -> authority.issue(request)).isInstanceOf(TokenAway.class);

    assertThat(signatures()).isEqualTo(1);
    assertThat(status()).isInstanceOf(CertificateStatus.Revoked.class);
    assertThat(authority.settle(id)).isEmpty();
  }

  @Test
  @DisplayName("the token signs something else: nothing is released, the serial is revoked")
  void wrongSignature() {
    engine.issuingKey.fail(SoftwareKey.Fault.WRONG_SIGNATURE);

    assertThatThrownBy(() -> authority.issue(request)).isInstanceOf(TokenAway.class);

    assertThat(status()).isInstanceOf(CertificateStatus.Revoked.class);
  }

  @Test
  @DisplayName("complete fails: the serial is revoked and not released")
  void completeFails() {
    issuance.completing = Fault.FAILED;

    assertThatThrownBy(() -> authority.issue(request)).isInstanceOf(DatabaseGone.class);

    assertThat(status()).isInstanceOf(CertificateStatus.Revoked.class);
    assertThat(authority.settle(id)).isEmpty();
  }

  @Test
  @DisplayName("complete fails after the commit: the serial is revoked and not released")
  void completeFailsAfterCommit() {
    issuance.completing = Fault.FAILED_AFTER_IT_WAS_DONE;

    assertThatThrownBy(() -> authority.issue(request)).isInstanceOf(DatabaseGone.class);

    assertThat(status()).isInstanceOf(CertificateStatus.Revoked.class);
    assertThat(authority.settle(id)).isEmpty();
  }

  @Test
  @DisplayName("complete fails after the commit and so does revoking: settle hands it over")
  void completeFailsAfterCommitAndRevokingFails() {
    issuance.completing = Fault.FAILED_AFTER_IT_WAS_DONE;
    revocations.revoking = Fault.FAILED;

    assertThatThrownBy(() -> authority.issue(request))
        .isInstanceOf(DatabaseGone.class)
        .satisfies(gone -> assertThat(gone.getSuppressed()).hasSize(1));

    assertThat(status()).isInstanceOf(CertificateStatus.Good.class);
    assertThat(authority.settle(id))
        .hasValueSatisfying(
            issued -> assertThat(issued.serial()).isEqualTo(issuance.serials.getLast()));
  }

  @Test
  @DisplayName("the token and revoking fail: never good, and settle revokes it")
  void signingAndRevokingFail() {
    engine.issuingKey.fail(SoftwareKey.Fault.FAILED_AFTER_IT_WAS_DONE);
    revocations.revoking = Fault.FAILED;
    assertThatThrownBy(() -> authority.issue(request)).isInstanceOf(TokenAway.class);
    assertThat(status()).isInstanceOf(CertificateStatus.Unknown.class);

    revocations.revoking = Fault.NONE;

    assertThat(authority.settle(id)).isEmpty();
    assertThat(status()).isInstanceOf(CertificateStatus.Revoked.class);
  }

  @Test
  @DisplayName("revoking fails after it was done: the token's outage is what is told")
  void revokingFailsAfterItWasDone() {
    engine.issuingKey.fail(SoftwareKey.Fault.FAILED);
    revocations.revoking = Fault.FAILED_AFTER_IT_WAS_DONE;

    assertThatThrownBy(() -> authority.issue(request)).isInstanceOf(TokenAway.class);

    assertThat(status()).isInstanceOf(CertificateStatus.Revoked.class);
    revocations.revoking = Fault.NONE;
    assertThat(authority.settle(id)).isEmpty();
  }

  @Test
  @DisplayName("revoked while the token signs: the signature is not released")
  void revokedWhileSigning() {
    engine.issuingKey.beforeSigning(() -> assertThat(authority.settle(id)).isEmpty());

    assertThatThrownBy(() -> authority.issue(request)).isInstanceOf(TokenAway.class);

    assertThat(signatures()).isEqualTo(1);
    assertThat(status()).isInstanceOf(CertificateStatus.Revoked.class);
    assertThat(record().certificate()).isEmpty();
  }

  @Test
  @DisplayName("issued between settle's look and its step: it is handed over and stays good")
  void issuedWhileSettling() {
    leaveRecordedAndSigned();
    revocations.beforeAbandoning =
        () -> assertThat(issuance.completeAfterAll(issuance.serials.getLast())).isTrue();

    assertThat(authority.settle(id))
        .hasValueSatisfying(
            issued -> assertThat(issued.serial()).isEqualTo(issuance.serials.getLast()));
    assertThat(status()).isInstanceOf(CertificateStatus.Good.class);
  }

  @Test
  @DisplayName("issued between recovery's look and its step: it stays good")
  void issuedWhileRecovering() {
    leaveRecordedAndSigned();
    revocations.beforeAbandoning =
        () -> assertThat(issuance.completeAfterAll(issuance.serials.getLast())).isTrue();
    engine.clock.advance(Duration.ofMinutes(6));

    assertThat(new Recovery(issuance, revocations, engine.clock, Duration.ofMinutes(5)).run())
        .isZero();
    assertThat(status()).isInstanceOf(CertificateStatus.Good.class);
  }

  private void leaveRecordedAndSigned() {
    issuance.completing = Fault.FAILED;
    revocations.revoking = Fault.FAILED;
    assertThatThrownBy(() -> authority.issue(request)).isInstanceOf(DatabaseGone.class);
    issuance.completing = Fault.NONE;
    revocations.revoking = Fault.NONE;
    assertThat(record().state()).isEqualTo(State.RECORDED);
  }

  @Test
  @DisplayName("recovery revokes what is older than the grace, and nothing else")
  void recovery() throws Exception {
    IssuedCertificate issued = authority.issue(request);
    engine.issuingKey.fail(SoftwareKey.Fault.FAILED);
    revocations.revoking = Fault.FAILED;
    assertThatThrownBy(() -> authority.issue(request)).isInstanceOf(TokenAway.class);
    Recovery recovery =
        new Recovery(engine.issuance, engine.revocations, engine.clock, Duration.ofMinutes(5));

    assertThat(recovery.run()).isZero();
    assertThat(record().state()).isEqualTo(State.RECORDED);
    engine.clock.advance(Duration.ofMinutes(6));
    assertThat(recovery.run()).isEqualTo(1);

    assertThat(status()).isInstanceOf(CertificateStatus.Revoked.class);
    assertThat(record().revocation())
        .hasValueSatisfying(
            revocation -> assertThat(revocation.by()).isEqualTo("chancery: never completed"));
    assertThat(recovery.run()).isZero();
    assertThat(engine.revocations.status(Engine.ISSUING, issued.serial()))
        .isInstanceOf(CertificateStatus.Good.class);
  }

  private int signatures() {
    return engine.issuingKey.signatures() - signaturesBefore;
  }

  private CertificateStatus status() {
    return engine.revocations.status(Engine.ISSUING, issuance.serials.getLast());
  }

  private CertificateRecord record() {
    return engine.issuance.find(Engine.ISSUING, issuance.serials.getLast()).orElseThrow();
  }
}
