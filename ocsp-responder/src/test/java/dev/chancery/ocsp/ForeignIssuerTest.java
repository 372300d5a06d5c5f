package dev.chancery.ocsp;

import static dev.chancery.ocsp.OcspFixture.SHA256;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.SoftwareToken;
import dev.chancery.testing.AdjustableClock;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.IssuingDistributionPoint;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.cert.CertIOException;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v2CRLBuilder;
import org.bouncycastle.cert.jcajce.JcaX509ContentVerifierProviderBuilder;
import org.bouncycastle.cert.ocsp.BasicOCSPResp;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.cert.ocsp.RevokedStatus;
import org.bouncycastle.cert.ocsp.SingleResp;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("Answers about the certificates of a CA that is not run here")
final class ForeignIssuerTest {
  private static final IssuerId OLD = new IssuerId("old-ca");
  private static final BigInteger REVOKED = BigInteger.valueOf(4711);
  private static final BigInteger OTHER = BigInteger.valueOf(4712);

  private final AdjustableClock clock =
      new AdjustableClock(Instant.now().truncatedTo(ChronoUnit.SECONDS));
  private final SoftwareToken token = new SoftwareToken();
  private final Statuses journal = new Statuses();
  private final StatusView view = new StatusView(journal, Duration.ofMinutes(1), System::nanoTime);
  private TestAuthority old;
  private X509CertificateHolder signer;
  private ForeignStatuses statuses;
  private OcspResponder responder;
  private byte[] published;

  @BeforeEach
  void start() throws Exception {
    old = new TestAuthority("Old CA", clock);
    KeyId id = new KeyId("0f");
    SubjectPublicKey key = token.generate(id, KeyAlgorithm.EC_P256);
    signer = old.responder(key.key(), KeyPurposeId.id_kp_OCSPSigning);
    ForeignSigner.requireDelegated(signer, old.certificate());
    statuses = new ForeignStatuses("old-ca", old.certificate(), () -> published.clone(), clock);
    responder =
        new OcspResponder(
            List.of(
                new ServedIssuer(
                    OLD,
                    old.certificate(),
                    new ForeignSigner(
                        token.ocspKey(id, key, SigningScheme.ECDSA_SHA256), signer, clock),
                    statuses)),
            view,
            clock,
            OcspFixture.SETTINGS);
  }

  @AfterEach
  void stop() {
    view.close();
  }

  private byte[] crl(Duration age, int number, Consumer<X509v2CRLBuilder> content)
      throws Exception {
    Instant thisUpdate = clock.instant().minus(age);
    return old.crl(
        thisUpdate,
        thisUpdate.plus(Duration.ofHours(2)),
        builder -> {
          add(builder, Extension.cRLNumber, false, new ASN1Integer(number));
          content.accept(builder);
        });
  }

  private static void add(
      X509v2CRLBuilder builder, ASN1ObjectIdentifier oid, boolean critical, ASN1Encodable value) {
    try {
      builder.addExtension(oid, critical, value);
    } catch (CertIOException e) {
      throw new IllegalStateException(e);
    }
  }

  private void revoked(X509v2CRLBuilder builder) {
    builder.addCRLEntry(REVOKED, Date.from(clock.instant().minusSeconds(9999)), 4);
  }

  private OCSPResp ask(BigInteger serial) throws Exception {
    return ask(serial, null);
  }

  private OCSPResp ask(BigInteger serial, Extensions extensions) throws Exception {
    byte[] request =
        OcspFixture.request(extensions, OcspFixture.id(old.certificate(), SHA256, serial));
    return new OCSPResp(responder.answer(request).encoded().bytes());
  }

  /** The answer to a request, and the same to one with a nonce. */
  private SingleResp answered(BigInteger serial) throws Exception {
    SingleResp plain = verified(ask(serial));
    SingleResp own = verified(ask(serial, OcspFixture.nonce(new byte[16])));
    assertThat(own.getCertStatus() == null).isEqualTo(plain.getCertStatus() == null);
    assertThat(own.getThisUpdate()).isEqualTo(plain.getThisUpdate());
    assertThat(own.getNextUpdate()).isEqualTo(plain.getNextUpdate());
    return plain;
  }

  private SingleResp verified(OCSPResp response) throws Exception {
    BasicOCSPResp answer = (BasicOCSPResp) response.getResponseObject();
    assertThat(answer.getCerts()).containsExactly(signer);
    assertThat(answer.isSignatureValid(new JcaX509ContentVerifierProviderBuilder().build(signer)))
        .isTrue();
    return answer.getResponses()[0];
  }

  @Test
  @DisplayName("RFC 6960 2.2: come from its CRL, with the CRL's times, signed by its delegate")
  void fromCrl() throws Exception {
    assertThat(ask(REVOKED).getStatus()).isEqualTo(OCSPResp.TRY_LATER);
    published = crl(Duration.ofMinutes(30), 7, this::revoked);
    assertThat(statuses.refresh()).isTrue();

    SingleResp revoked = answered(REVOKED);
    assertThat(((RevokedStatus) revoked.getCertStatus()).getRevocationReason()).isEqualTo(4);
    assertThat(revoked.getThisUpdate().toInstant())
        .isEqualTo(clock.instant().minus(Duration.ofMinutes(30)));
    assertThat(revoked.getNextUpdate().toInstant())
        .isEqualTo(clock.instant().plus(Duration.ofMinutes(90)));
    assertThat(answered(OTHER).getCertStatus()).isNull();
    assertThat(statuses.refresh()).isFalse();
  }

  @Test
  @DisplayName("RFC 6960 2.3: are tryLater when its CRL has ended; the next one ends that")
  void stale() throws Exception {
    published = crl(Duration.ZERO, 7, this::revoked);
    statuses.refresh();
    assertThat(answered(OTHER).getCertStatus()).isNull();
    clock.advance(Duration.ofHours(2));
    assertThat(ask(OTHER).getStatus()).isEqualTo(OCSPResp.TRY_LATER);
    assertThat(ask(REVOKED).getStatus()).isEqualTo(OCSPResp.TRY_LATER);

    published =
        crl(Duration.ZERO, 8, builder -> builder.addCRLEntry(OTHER, Date.from(Instant.EPOCH), 1));
    assertThat(statuses.refresh()).isTrue();
    responder.forgetAnswers();
    assertThat(answered(OTHER).getCertStatus()).isInstanceOf(RevokedStatus.class);
  }

  @Test
  @DisplayName("stay as they are when the CRL is older, another's, forged, ended, partial, or none")
  void refused() throws Exception {
    published = crl(Duration.ofMinutes(10), 7, this::revoked);
    statuses.refresh();
    TestAuthority other = new TestAuthority("Old CA", clock);
    byte[] forged = crl(Duration.ZERO, 9, builder -> {});
    forged[forged.length - 10] ^= 1;
    for (byte[] bad :
        new byte[][] {
          crl(Duration.ofMinutes(11), 8, builder -> {}),
          crl(Duration.ofMinutes(5), 6, builder -> {}),
          other.crl(clock.instant(), clock.instant().plusSeconds(9999), builder -> {}),
          forged,
          old.crl(clock.instant().minusSeconds(9), clock.instant(), builder -> {}),
          crl(
              Duration.ZERO,
              9,
              builder ->
                  add(
                      builder,
                      Extension.issuingDistributionPoint,
                      true,
                      new IssuingDistributionPoint(null, true, false, null, false, false))),
          crl(
              Duration.ZERO,
              9,
              builder -> add(builder, Extension.deltaCRLIndicator, true, new ASN1Integer(1))),
          Arrays.copyOf(forged, forged.length - 1),
          {},
          "no CRL".getBytes(StandardCharsets.US_ASCII)
        }) {
      published = bad;
      assertThatThrownBy(statuses::refresh).isInstanceOf(IOException.class);
      assertThat(answered(REVOKED).getCertStatus()).isInstanceOf(RevokedStatus.class);
    }
  }

  @Test
  @DisplayName("come from the CRL of now: one from the future waits, a higher number counts")
  void fromTheFuture() throws Exception {
    published = crl(Duration.ofMinutes(10), 7, builder -> {});
    statuses.refresh();
    published = crl(Duration.ofMinutes(-30), 8, this::revoked);
    assertThatThrownBy(statuses::refresh).isInstanceOf(IOException.class);
    assertThat(answered(REVOKED).getCertStatus()).isNull();

    // Made in the same second as the first one.
    published = crl(Duration.ofMinutes(10), 9, this::revoked);
    assertThat(statuses.refresh()).isTrue();
    responder.forgetAnswers();
    assertThat(answered(REVOKED).getCertStatus()).isInstanceOf(RevokedStatus.class);
  }

  @Test
  @DisplayName("do not fail for entries that no certificate can have: zero, negative, too long")
  void strangeSerials() throws Exception {
    published =
        crl(
            Duration.ofMinutes(10),
            7,
            builder -> {
              for (BigInteger strange :
                  List.of(
                      BigInteger.ZERO, BigInteger.valueOf(-5), BigInteger.ONE.shiftLeft(20 * 8))) {
                builder.addCRLEntry(strange, Date.from(Instant.EPOCH), 1);
              }
              revoked(builder);
            });
    assertThat(statuses.refresh()).isTrue();
    assertThat(answered(REVOKED).getCertStatus()).isInstanceOf(RevokedStatus.class);
    assertThat(answered(OTHER).getCertStatus()).isNull();
  }

  @Test
  @DisplayName("RFC 6960 4.2.2.2: are signed by nobody but whom that CA allowed to")
  void delegation() throws Exception {
    var key = TestAuthority.keyPair().getPublic();
    TestAuthority stranger = new TestAuthority("Old CA", clock);
    assertThatCode(() ->
            ForeignSigner.requireDelegated(
                old.responder(key, KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_OCSPSigning),
                old.certificate()))
        .doesNotThrowAnyException();
    assertThatThrownBy(() ->
            ForeignSigner.requireDelegated(
                old.responder(key, KeyPurposeId.id_kp_serverAuth), old.certificate()))
        .hasMessageContaining("not for signing OCSP");
    assertThatThrownBy(() ->
            ForeignSigner.requireDelegated(
                stranger.responder(key, KeyPurposeId.id_kp_OCSPSigning), old.certificate()))
        .hasMessageContaining("not issued by that CA");
  }

  @Test
  @DisplayName("end with the certificate of its delegate")
  void signerEnds() throws Exception {
    published = old.crl(clock.instant(), clock.instant().plus(Duration.ofDays(30)), this::revoked);
    statuses.refresh();
    clock.advance(TestAuthority.LIFETIME.minusMinutes(1));
    assertThat(answered(OTHER).getNextUpdate().toInstant())
        .isEqualTo(signer.getNotAfter().toInstant());
    clock.advance(Duration.ofMinutes(2));
    assertThat(ask(OTHER).getStatus()).isEqualTo(OCSPResp.TRY_LATER);
  }

  @Test
  @DisplayName("whose CRL has ended keep no answer about others from being signed ahead")
  void signedAheadBesideOneThatEnded() throws Exception {
    published = crl(Duration.ofMinutes(119), 7, builder -> {});
    statuses.refresh();
    TestAuthority own = new TestAuthority("Issuing CA", clock);
    IssuerId issuing = new IssuerId("issuing");
    DelegatedSigner delegate =
        new DelegatedSigner(
            issuing,
            token,
            own,
            StatusSource.ledger(journal, issuing),
            clock,
            RandomGenerator.getDefault(),
            OcspFixture.SIGNER);
    delegate.renewIfDue();
    journal.set(OTHER, new CertificateStatus.Good());
    OcspResponder both =
        new OcspResponder(
            List.of(
                new ServedIssuer(
                    OLD,
                    old.certificate(),
                    new ForeignSigner(
                        token.ocspKey(
                            new KeyId("0f"),
                            SubjectPublicKey.of(signer.getSubjectPublicKeyInfo()),
                            SigningScheme.ECDSA_SHA256),
                        signer,
                        clock),
                    statuses),
                new ServedIssuer(
                    issuing, own.certificate(), delegate, StatusSource.ledger(journal, issuing))),
            view,
            clock,
            OcspFixture.SETTINGS);
    byte[] foreign = OcspFixture.request(null, OcspFixture.id(old.certificate(), SHA256, OTHER));
    byte[] ours = OcspFixture.request(null, OcspFixture.id(own.certificate(), SHA256, OTHER));
    // The foreign one first: it is the one that was asked longest ago.
    for (byte[] request : List.of(foreign, foreign, foreign, ours, ours, ours)) {
      both.answer(request);
    }
    clock.advance(Duration.ofMinutes(50));
    assertThat(new OCSPResp(both.answer(foreign).encoded().bytes()).getStatus())
        .isEqualTo(OCSPResp.TRY_LATER);
    both.signAhead(10);
    BasicOCSPResp answer =
        (BasicOCSPResp) new OCSPResp(both.answer(ours).encoded().bytes()).getResponseObject();
    assertThat(answer.getProducedAt().toInstant()).isEqualTo(clock.instant());
  }
}
