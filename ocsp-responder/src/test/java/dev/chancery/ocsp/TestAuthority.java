package dev.chancery.ocsp;

import dev.chancery.core.BouncyCastle;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.Der;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Name;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.RequestId;
import dev.chancery.core.Revocation;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.math.BigInteger;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PublicKey;
import java.security.spec.ECGenParameterSpec;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.ocsp.OCSPObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AccessDescription;
import org.bouncycastle.asn1.x509.AuthorityInformationAccess;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v2CRLBuilder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.bc.BcX509ExtensionUtils;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** A self-signed CA that issues end entity and OCSP signer certificates for a week. */
final class TestAuthority implements CertificateAuthority {
  static final Duration LIFETIME = Duration.ofDays(7);

  private final Clock clock;
  private final KeyPair keys;
  private final X500Name subject;
  private final X509CertificateHolder certificate;
  private final Map<RequestId, IssuedCertificate> issued = new HashMap<>();
  private final Set<SubjectPublicKey> blocked = new HashSet<>();
  private long lastSerial = 1000;
  private boolean away;

  TestAuthority(String name, Clock clock) throws Exception {
    this.clock = clock;
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", BouncyCastle.PROVIDER);
    generator.initialize(new ECGenParameterSpec("P-256"));
    this.keys = generator.generateKeyPair();
    this.subject = new X500Name("CN=" + name + ",O=Chancery tests");
    this.certificate =
        builder(
                BigInteger.ONE,
                Duration.ofDays(3650),
                subject,
                SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded()))
            .addExtension(Extension.basicConstraints, true, new BasicConstraints(true))
            .addExtension(
                Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign))
            .build(signer());
  }

  X509CertificateHolder certificate() {
    return certificate;
  }

  synchronized int count() {
    return issued.size();
  }

  synchronized void setAway(boolean away) {
    this.away = away;
  }

  /** A server certificate with this serial number. */
  X509CertificateHolder endEntity(BigInteger serial) throws Exception {
    return endEntity(serial, keyPair().getPublic(), "http://127.0.0.1:1/ocsp");
  }

  static KeyPair keyPair() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", BouncyCastle.PROVIDER);
    generator.initialize(new ECGenParameterSpec("P-256"));
    return generator.generateKeyPair();
  }

  /** A certificate of localhost that says where to ask for its status. */
  X509CertificateHolder endEntity(BigInteger serial, PublicKey key, String ocsp) throws Exception {
    return builder(
            serial,
            LIFETIME,
            new X500Name("CN=localhost"),
            SubjectPublicKeyInfo.getInstance(key.getEncoded()))
        .addExtension(
            Extension.subjectAlternativeName,
            false,
            new GeneralNames(new GeneralName(GeneralName.dNSName, "localhost")))
        .addExtension(
            Extension.authorityInfoAccess,
            false,
            new AuthorityInformationAccess(
                AccessDescription.id_ad_ocsp,
                new GeneralName(GeneralName.uniformResourceIdentifier, ocsp)))
        .build(signer());
  }

  /** A responder's certificate, for these purposes. */
  X509CertificateHolder responder(PublicKey key, KeyPurposeId... purposes) throws Exception {
    return builder(
            BigInteger.valueOf(77),
            LIFETIME,
            new X500Name("CN=OCSP responder"),
            SubjectPublicKeyInfo.getInstance(key.getEncoded()))
        .addExtension(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(purposes))
        .build(signer());
  }

  /** A CRL of this CA, with whatever else a test wants in it. */
  byte[] crl(Instant thisUpdate, Instant nextUpdate, Consumer<X509v2CRLBuilder> content)
      throws Exception {
    X509v2CRLBuilder crl = new X509v2CRLBuilder(subject, Date.from(thisUpdate));
    crl.setNextUpdate(Date.from(nextUpdate));
    content.accept(crl);
    return crl.build(signer()).getEncoded();
  }

  @Override
  public synchronized IssuedCertificate issue(IssuanceRequest request) throws TokenAway {
    if (away) {
      throw new TokenAway("taken away by the test");
    }
    try {
      SerialNumber serial = SerialNumber.of(BigInteger.valueOf(++lastSerial));
      SubjectPublicKeyInfo key =
          SubjectPublicKeyInfo.getInstance(request.publicKey().encoded().bytes());
      X509CertificateHolder holder =
          builder(serial.value(), LIFETIME, request.subject(), key)
              .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature))
              .addExtension(
                  Extension.extendedKeyUsage,
                  false,
                  new ExtendedKeyUsage(KeyPurposeId.id_kp_OCSPSigning))
              .addExtension(OCSPObjectIdentifiers.id_pkix_ocsp_nocheck, false, DERNull.INSTANCE)
              .build(signer());
      IssuedCertificate certificate =
          new IssuedCertificate(
              request.issuer(),
              serial,
              holder.getNotBefore().toInstant(),
              holder.getNotAfter().toInstant(),
              Der.of(holder.getEncoded()));
      issued.put(request.approval().request(), certificate);
      return certificate;
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public Optional<IssuedCertificate> settle(RequestId request) {
    throw new UnsupportedOperationException();
  }

  /** Takes what was issued out of what is asked for, as the ledger does with what is revoked. */
  synchronized void revokeAll() {
    issued.clear();
  }

  @Override
  public synchronized Optional<IssuedCertificate> issued(RequestId request) {
    return Optional.ofNullable(issued.get(request));
  }

  private X509v3CertificateBuilder builder(
      BigInteger serial, Duration lifetime, X500Name name, SubjectPublicKeyInfo key)
      throws Exception {
    Instant now = clock.instant();
    BcX509ExtensionUtils identifiers = new BcX509ExtensionUtils();
    SubjectPublicKeyInfo own = SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded());
    return new X509v3CertificateBuilder(
            subject,
            serial,
            Date.from(now.minusSeconds(600)),
            Date.from(now.plus(lifetime)),
            name,
            key)
        .addExtension(
            Extension.subjectKeyIdentifier, false, identifiers.createSubjectKeyIdentifier(key))
        .addExtension(
            Extension.authorityKeyIdentifier, false, identifiers.createAuthorityKeyIdentifier(own));
  }

  private ContentSigner signer() throws Exception {
    return new JcaContentSignerBuilder("SHA256withECDSA")
        .setProvider(BouncyCastle.PROVIDER)
        .build(keys.getPrivate());
  }

  @Override
  public void requirePermitted(
      IssuerId issuer,
      ProfileId profile,
      Set<Name> names,
      Optional<Instant> notBefore,
      Optional<Instant> notAfter) {
    throw new UnsupportedOperationException();
  }

  /** Blocks a key, as a report of its compromise does. */
  synchronized void block(SubjectPublicKey key) {
    blocked.add(key);
  }

  @Override
  public synchronized void requireUsable(SubjectPublicKey key) throws Refused {
    if (blocked.contains(key)) {
      throw new Refused(Reason.BAD_PUBLIC_KEY, "blocked by the test");
    }
  }

  @Override
  public void requireNotBlocked(SubjectPublicKey key) throws Refused {
    requireUsable(key);
  }

  @Override
  public void revoke(Revocation revocation) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Optional<CertificateRecord> find(IssuerId issuer, SerialNumber serial) {
    throw new UnsupportedOperationException();
  }

  @Override
  public List<List<Der>> chains(IssuerId issuer) {
    throw new UnsupportedOperationException();
  }
}
