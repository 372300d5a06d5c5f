package dev.chancery.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.chancery.core.DnsName;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.hsm.SoftwareKey;
import dev.chancery.server.profiles.BuiltInProfiles;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.testing.DatabaseKind;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.asn1.ASN1GeneralizedTime;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.ASN1UTCTime;
import org.bouncycastle.asn1.ocsp.OCSPObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AuthorityKeyIdentifier;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.cert.X509CertificateHolder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What stands in certificates (RFC 5280 section 4). */
class CertificateContentTest {
  private static final DnsName NAME = new DnsName("www.example.com");

  @TempDir Path folder;
  private Engine engine;

  @BeforeEach
  void open() throws Exception {
    engine = Engine.on(DatabaseKind.H2, folder);
  }

  @AfterEach
  void close() {
    engine.close();
  }

  @Test
  @DisplayName("RFC 5280 section 4.1.2: version, serial, issuer, times, key")
  void fields() throws Exception {
    IssuanceRequest request = Engine.request(NAME);
    X509CertificateHolder certificate = issue(request);

    assertThat(certificate.getVersionNumber()).isEqualTo(3);
    assertThat(certificate.getSerialNumber().signum()).isEqualTo(1);
    assertThat(certificate.getSerialNumber().bitLength()).isBetween(80, 159);
    assertThat(certificate.getIssuer().getEncoded())
        .isEqualTo(engine.issuing.certificate().orElseThrow().getSubject().getEncoded());
    Instant now = Engine.NOW.truncatedTo(ChronoUnit.SECONDS);
    assertThat(certificate.getNotBefore()).isEqualTo(now.minus(Duration.ofMinutes(5)));
    assertThat(certificate.getNotAfter())
        .isEqualTo(now.minus(Duration.ofMinutes(5)).plus(Duration.ofDays(90)).minusSeconds(1));
    assertThat(certificate.getSubjectPublicKeyInfo().getEncoded())
        .isEqualTo(request.publicKey().encoded().bytes());
    assertThat(certificate.getSubject()).hasToString("CN=www.example.com");
  }

  @Test
  @DisplayName("RFC 5280 section 4.2.1: extensions of a TLS server's certificate, and criticality")
  void extensions() throws Exception {
    X509CertificateHolder certificate = issue(Engine.request(NAME));

    assertThat((Object) certificate.getCriticalExtensionOIDs())
        .isEqualTo(Set.of(Extension.keyUsage, Extension.basicConstraints));
    assertThat((Object) certificate.getNonCriticalExtensionOIDs())
        .isEqualTo(
            Set.of(
                Extension.subjectKeyIdentifier,
                Extension.authorityKeyIdentifier,
                Extension.extendedKeyUsage,
                Extension.subjectAlternativeName,
                Extension.cRLDistributionPoints,
                Extension.authorityInfoAccess));
    assertThat(
            AuthorityKeyIdentifier.fromExtensions(certificate.getExtensions())
                .getKeyIdentifierOctets())
        .isEqualTo(
            SubjectKeyIdentifier.fromExtensions(
                    engine.issuing.certificate().orElseThrow().getExtensions())
                .getKeyIdentifier());
    assertThat(BasicConstraints.fromExtensions(certificate.getExtensions()).isCA()).isFalse();
  }

  @Test
  @DisplayName("RFC 7093 section 2 method 1: the subject key identifier")
  void keyIdentifier() throws Exception {
    X509CertificateHolder certificate = issue(Engine.request(NAME));
    byte[] digest =
        MessageDigest.getInstance("SHA-256")
            .digest(certificate.getSubjectPublicKeyInfo().getPublicKeyData().getOctets());

    assertThat(SubjectKeyIdentifier.fromExtensions(certificate.getExtensions()).getKeyIdentifier())
        .isEqualTo(Arrays.copyOf(digest, 20));
  }

  @Test
  @DisplayName("key usages that a key does not have are left out")
  void keyUsageFitsKey() throws Exception {
    for (KeyAlgorithm algorithm :
        Set.of(KeyAlgorithm.EC_P384, KeyAlgorithm.ED25519, KeyAlgorithm.RSA_2048)) {
      SoftwareKey key = SoftwareKey.generate(algorithm);
      X509CertificateHolder certificate =
          issue(Engine.request(Engine.TLS_SERVER, key.publicKey(), NAME));

      KeyUsage usage = KeyUsage.fromExtensions(certificate.getExtensions());
      assertThat(usage.hasUsages(KeyUsage.digitalSignature)).isTrue();
      assertThat(usage.hasUsages(KeyUsage.keyEncipherment))
          .as(algorithm.toString())
          .isEqualTo(algorithm == KeyAlgorithm.RSA_2048);
    }
  }

  @Test
  @DisplayName("RFC 9608, RFC 5280 section 4.2.1.6: short-lived, without subject")
  void shortLived() throws Exception {
    SoftwareKey key = SoftwareKey.generate(KeyAlgorithm.EC_P256);
    X509CertificateHolder certificate =
        issue(Engine.request(new ProfileId("short-lived"), key.publicKey(), NAME));

    assertThat(certificate.getExtension(Extension.noRevAvail).isCritical()).isFalse();
    assertThat(certificate.getExtension(Extension.noRevAvail).getExtnValue().getOctets())
        .containsExactly(5, 0);
    assertThat(certificate.getExtension(Extension.cRLDistributionPoints)).isNull();
    assertThat(certificate.getSubject().getRDNs()).isEmpty();
    assertThat(certificate.getExtension(Extension.subjectAlternativeName).isCritical()).isTrue();
  }

  @Test
  @DisplayName("RFC 6960 section 4.2.2.2.1: the OCSP signer has nocheck and points nowhere")
  void ocspSigner() throws Exception {
    SoftwareKey key = SoftwareKey.generate(KeyAlgorithm.EC_P256);
    X509CertificateHolder certificate =
        issue(
            Engine.internal(
                Engine.ISSUING, BuiltInProfiles.OCSP_SIGNER, key.publicKey(), "CN=OCSP", Set.of()));

    assertThat(ExtendedKeyUsage.fromExtensions(certificate.getExtensions()).getUsages())
        .containsExactly(KeyPurposeId.id_kp_OCSPSigning);
    assertThat(certificate.getExtension(OCSPObjectIdentifiers.id_pkix_ocsp_nocheck)).isNotNull();
    assertThat(certificate.getExtension(Extension.cRLDistributionPoints)).isNull();
    assertThat(certificate.getExtension(Extension.authorityInfoAccess)).isNull();
    assertThat(
            Duration.between(
                certificate.getNotBefore().toInstant(), certificate.getNotAfter().toInstant()))
        .isEqualTo(Duration.ofDays(7).minusSeconds(1));
  }

  @Test
  @DisplayName("every built-in profile can be issued")
  void builtIns() throws Exception {
    SoftwareKey key = SoftwareKey.generate(KeyAlgorithm.EC_P256);
    assertThat(
            issue(
                    Engine.internal(
                        Engine.ISSUING,
                        BuiltInProfiles.ADMIN_CLIENT,
                        key.publicKey(),
                        "CN=alice",
                        Set.of()))
                .getSubject())
        .hasToString("CN=alice");
    X509CertificateHolder api =
        issue(
            Engine.internal(
                Engine.ISSUING,
                BuiltInProfiles.API_SERVER,
                key.publicKey(),
                "CN=ignored",
                Set.of(new DnsName("localhost"))));
    // A common name would have to fit the issuer's name constraints as well; the names say it all.
    assertThat(api.getSubject().getRDNs()).isEmpty();
    assertThat(api.getExtension(Extension.subjectAlternativeName).isCritical()).isTrue();
  }

  @Test
  @DisplayName("RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050")
  void times() throws Exception {
    SoftwareKey key = SoftwareKey.generate(KeyAlgorithm.EC_P256);
    new IssuerRegistry(engine.database).register(new IssuerId("later"), key.publicKey());
    CaCertificates certificates =
        new CaCertificates(engine.issuance, engine.revocations, engine.clock, engine.random);
    IssuedCertificate root =
        certificates.root(
            new IssuerId("later"),
            key.issuerKey(),
            BuiltInProfiles.ROOT,
            new X500Name("CN=Later"),
            engine.clock.instant().plus(Duration.ofDays(24 * 366)));

    ASN1Sequence validity =
        ASN1Sequence.getInstance(
            ASN1Sequence.getInstance(
                    ASN1Sequence.getInstance(root.encoded().bytes()).getObjectAt(0))
                .getObjectAt(4));
    assertThat(validity.getObjectAt(0)).isInstanceOf(ASN1UTCTime.class);
    assertThat(validity.getObjectAt(1))
        .isInstanceOfSatisfying(
            ASN1GeneralizedTime.class, time -> assertThat(time.getTimeString()).startsWith("2050"));
    X509CertificateHolder certificate = Engine.parsed(root);
    assertThat(certificate.getIssuer()).isEqualTo(certificate.getSubject());
    ASN1Integer length =
        BasicConstraints.fromExtensions(certificate.getExtensions()).getPathLenConstraintInteger();
    assertThat(length).isNull();
  }

  @Test
  @DisplayName("a wish for a lifetime is granted exactly, or refused with the bounds")
  void wishes() throws Exception {
    Instant now = Engine.NOW.truncatedTo(ChronoUnit.SECONDS);
    IssuanceRequest plain = Engine.request(NAME);
    X509CertificateHolder granted =
        issue(wish(plain, Optional.of(now), Optional.of(now.plus(Duration.ofDays(10)))));
    assertThat(granted.getNotBefore()).isEqualTo(now);
    assertThat(granted.getNotAfter()).isEqualTo(now.plus(Duration.ofDays(10)));

    refused(wish(plain, Optional.empty(), Optional.of(now.plus(Duration.ofDays(398)))));
    refused(wish(plain, Optional.empty(), Optional.of(now.plus(Duration.ofMinutes(10)))));
    refused(wish(plain, Optional.of(now.minus(Duration.ofHours(1))), Optional.empty()));
    refused(wish(plain, Optional.of(now.plus(Duration.ofDays(4000))), Optional.empty()));
  }

  @Test
  @DisplayName("the standard lifetime is cut off at the issuer's end, a wish beyond it refused")
  void issuerEnds() throws Exception {
    Instant end = engine.issuing.certificate().orElseThrow().getNotAfter().toInstant();
    engine.clock.advance(Duration.between(engine.clock.instant(), end).minus(Duration.ofDays(30)));

    assertThat(issue(Engine.request(NAME)).getNotAfter()).isEqualTo(end);
    refused(wish(Engine.request(NAME), Optional.empty(), Optional.of(end.plusSeconds(1))));
    engine.clock.advance(Duration.ofDays(30).minusMinutes(10));
    refused(Engine.request(NAME));
    engine.clock.advance(Duration.ofDays(1));
    refused(Engine.request(NAME));
  }

  private X509CertificateHolder issue(IssuanceRequest request) throws Exception {
    return Engine.parsed(engine.authority.issue(request));
  }

  private void refused(IssuanceRequest request) {
    assertThatExceptionOfType(Refused.class)
        .isThrownBy(() -> engine.authority.issue(request))
        .withMessageMatching(".*20[0-9-]+T.*Z.*")
        .satisfies(refusal -> assertThat(refusal.reason()).isEqualTo(Reason.BAD_VALIDITY));
  }

  private static IssuanceRequest wish(
      IssuanceRequest plain, Optional<Instant> notBefore, Optional<Instant> notAfter) {
    return new IssuanceRequest(
        plain.issuer(),
        plain.profile(),
        plain.publicKey(),
        plain.subject(),
        plain.names(),
        notBefore,
        notAfter,
        plain.approval());
  }
}
