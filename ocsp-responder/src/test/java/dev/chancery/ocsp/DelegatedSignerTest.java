package dev.chancery.ocsp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import dev.chancery.hsm.KeyId;
import java.math.BigInteger;
import java.time.Duration;
import java.util.Optional;
import org.bouncycastle.asn1.ocsp.OCSPObjectIdentifiers;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.cert.X509CertificateHolder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** The delegated signer over its renewals (RFC 6960 section 4.2.2.2). */
final class DelegatedSignerTest {
  private OcspFixture ocsp;

  @BeforeEach
  void start() throws Exception {
    ocsp = new OcspFixture();
    // A signer was made at a moment somewhere inside a period; begin at the start of one.
    long period = OcspFixture.SIGNER.renewEvery().toSeconds();
    long into = Math.floorMod(ocsp.clock.instant().getEpochSecond(), period);
    ocsp.clock.advance(Duration.ofSeconds(period - into));
    ocsp.signer.renewIfDue();
    ocsp.statuses.set(BigInteger.ONE, new CertificateStatus.Good());
  }

  @AfterEach
  void stop() {
    ocsp.close();
  }

  private X509CertificateHolder signing(long nonce) throws Exception {
    byte[] request =
        OcspFixture.request(
            OcspFixture.nonce(BigInteger.valueOf(nonce).toByteArray()),
            ocsp.id(OcspFixture.SHA1, BigInteger.ONE));
    return ocsp.verified(ocsp.post(request).body()).getCerts()[0];
  }

  @Test
  @DisplayName("RFC 6960 4.2.2.2: the certificate says OCSPSigning and nocheck")
  void certificate() throws Exception {
    X509CertificateHolder certificate = signing(1);
    assertThat(
            ExtendedKeyUsage.fromExtensions(certificate.getExtensions())
                .hasKeyPurposeId(KeyPurposeId.id_kp_OCSPSigning))
        .isTrue();
    assertThat(certificate.getExtension(OCSPObjectIdentifiers.id_pkix_ocsp_nocheck)).isNotNull();
  }

  @Test
  @DisplayName(
      "A restart, or another node with the same key, takes up the certificate that is there")
  void restart() throws Exception {
    int before = ocsp.authority.count();
    DelegatedSigner restarted = ocsp.newSigner(OcspFixture.SIGNER);
    assertThat(restarted.signer()).isEmpty();
    ocsp.clock.advance(OcspFixture.SIGNER.renewEvery().minusSeconds(1));
    restarted.renewIfDue();
    ocsp.signer.renewIfDue();
    assertThat(restarted.signer()).isPresent();
    assertThat(ocsp.authority.count()).isEqualTo(before);
  }

  @Test
  @DisplayName("Two nodes that make the key at the same time come to one key")
  void firstStart() throws Exception {
    DelegatedSigner starting =
        ocsp.newSigner(
            new DelegatedSigner.Settings(
                new KeyId("0f"),
                OcspFixture.SIGNER.algorithm(),
                OcspFixture.SIGNER.renewEvery(),
                OcspFixture.SIGNER.subject()));
    ocsp.token.setMadeBeside(3);
    starting.renewIfDue();
    assertThat(starting.signer()).isPresent();
    assertThat(ocsp.token.find(new KeyId("0f"))).isPresent();
    assertThat(ocsp.token.find(new KeyId("0f00"))).isEmpty();
  }

  @Test
  @DisplayName("At half its life the certificate is replaced, for the same key, without a gap")
  void renewal() throws Exception {
    X509CertificateHolder first = signing(1);
    ocsp.clock.advance(OcspFixture.SIGNER.renewEvery());
    assertThat(signing(2)).isEqualTo(first);
    ocsp.signer.renewIfDue();
    X509CertificateHolder second = signing(3);
    assertThat(second.getSerialNumber()).isNotEqualTo(first.getSerialNumber());
    assertThat(second.getSubjectPublicKeyInfo()).isEqualTo(first.getSubjectPublicKeyInfo());
    int count = ocsp.authority.count();
    ocsp.signer.renewIfDue();
    assertThat(ocsp.authority.count()).isEqualTo(count);
  }

  private void revoke(X509CertificateHolder certificate, RevocationReason reason) {
    ocsp.statuses.set(
        certificate.getSerialNumber(),
        new CertificateStatus.Revoked(ocsp.clock.instant(), reason, Optional.empty()));
    ocsp.authority.revokeAll();
  }

  @Test
  @DisplayName("A revoked certificate is replaced at once, and a blocked key by another")
  void revoked() throws Exception {
    X509CertificateHolder first = signing(1);
    assertThat(ocsp.signer.signsWith(OcspFixture.ISSUER, SerialNumber.of(first.getSerialNumber())))
        .isTrue();
    revoke(first, RevocationReason.SUPERSEDED);
    assertThat(ocsp.signer.isRevoked()).isTrue();
    ocsp.signer.renewIfDue();
    X509CertificateHolder second = signing(2);
    assertThat(second.getSerialNumber()).isNotEqualTo(first.getSerialNumber());
    assertThat(second.getSubjectPublicKeyInfo()).isEqualTo(first.getSubjectPublicKeyInfo());
    assertThat(ocsp.signer.isRevoked()).isFalse();
    assertThat(ocsp.signer.end()).contains(second.getNotAfter().toInstant());

    revoke(second, RevocationReason.KEY_COMPROMISE);
    ocsp.authority.block(SubjectPublicKey.of(second.getSubjectPublicKeyInfo()));
    ocsp.signer.renewIfDue();
    X509CertificateHolder third = signing(3);
    assertThat(third.getSubjectPublicKeyInfo()).isNotEqualTo(first.getSubjectPublicKeyInfo());

    // A restart, and every other node with the token, finds the same key.
    DelegatedSigner restarted = ocsp.newSigner(OcspFixture.SIGNER);
    restarted.renewIfDue();
    assertThat(restarted.signsWith(OcspFixture.ISSUER, SerialNumber.of(third.getSerialNumber())))
        .isTrue();
  }

  @Test
  @DisplayName("A failed renewal leaves the signer at work until its end, and is made up for later")
  void failedRenewal() throws Exception {
    X509CertificateHolder first = signing(1);
    ocsp.authority.setAway(true);
    ocsp.clock.advance(OcspFixture.SIGNER.renewEvery());
    assertThatThrownBy(ocsp.signer::renewIfDue).isInstanceOf(TokenAway.class);
    assertThat(signing(2)).isEqualTo(first);

    ocsp.clock.advance(TestAuthority.LIFETIME);
    assertThat(ocsp.responder.answer(ocsp.request(BigInteger.ONE)))
        .isEqualTo(new OcspReply.Failure(OcspError.TRY_LATER));

    ocsp.authority.setAway(false);
    ocsp.signer.renewIfDue();
    assertThat(signing(3)).isNotEqualTo(first);
  }

  @Test
  @DisplayName("RFC 6960 4.2.2.1: nextUpdate is never after the signer's own end")
  void nextUpdateWithinTheSigner() throws Exception {
    X509CertificateHolder certificate = signing(1);
    ocsp.clock.advance(TestAuthority.LIFETIME.minusHours(1));
    byte[] answer = ocsp.post(ocsp.request(BigInteger.ONE)).body();
    assertThat(ocsp.verified(answer).getResponses()[0].getNextUpdate())
        .isEqualTo(certificate.getNotAfter());
  }
}
