package dev.chancery.crl;

import dev.chancery.core.Approval;
import dev.chancery.core.BouncyCastle;
import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.Der;
import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Octets;
import dev.chancery.core.PreparedCertificate;
import dev.chancery.core.ProfileId;
import dev.chancery.core.PublishedCrl;
import dev.chancery.core.RequestId;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.ToBeSigned;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.SoftwareToken;
import dev.chancery.store.Database;
import dev.chancery.store.DatabaseSettings;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.JooqCrlLedger;
import dev.chancery.store.JooqIssuanceLedger;
import dev.chancery.store.JooqRevocationLedger;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.SecureRandom;
import java.security.cert.CertPathValidator;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Date;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.CRLDistPoint;
import org.bouncycastle.asn1.x509.DistributionPoint;
import org.bouncycastle.asn1.x509.DistributionPointName;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CRLHolder;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.bc.BcX509ExtensionUtils;
import org.bouncycastle.cert.jcajce.JcaX509ContentVerifierProviderBuilder;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** One issuer with its key, an empty database and the ledgers on it. */
final class CrlFixture implements AutoCloseable {
  static final IssuerId ISSUER = new IssuerId("issuing");
  static final CrlScope SCOPE = CrlScope.unsharded(ISSUER);
  static final CrlName NAME = CrlName.complete(SCOPE);
  static final KeyId KEY = new KeyId("01");
  static final CrlSettings SETTINGS = new CrlSettings(Duration.ofDays(7), Duration.ofDays(1));
  static final CoalescedTask.Pause PAUSE =
      new CoalescedTask.Pause(Duration.ofMillis(10), Duration.ofMillis(50));
  private static final SecureRandom RANDOM = new SecureRandom();

  final AdjustableClock clock =
      new AdjustableClock(Instant.now().truncatedTo(ChronoUnit.SECONDS).plusMillis(400));
  final SoftwareToken token = new SoftwareToken();
  final Database database;
  final IssuanceLedger issuance;
  final RevocationLedger revocations;
  final FaultyCrlLedger crls;
  final CrlIssuer issuer;
  final List<CrlName> published = new CopyOnWriteArrayList<>();
  private final ContentSigner signer;
  private final Path folder;

  CrlFixture(DatabaseKind kind, Path folder) throws Exception {
    this(kind, folder, KeyAlgorithm.EC_P256, false);
  }

  CrlFixture(DatabaseKind kind, Path folder, KeyAlgorithm algorithm, boolean pss) throws Exception {
    this.folder = folder;
    TestDatabase where = kind.create(folder);
    database = Database.open(DatabaseSettings.of(where.url(), where.user(), where::password));
    issuance = new JooqIssuanceLedger(database, clock);
    revocations = new JooqRevocationLedger(database, clock);
    crls = new FaultyCrlLedger(new JooqCrlLedger(database, clock));
    SubjectPublicKey key = token.generate(KEY, algorithm);
    new IssuerRegistry(database).register(ISSUER, key);
    SigningScheme scheme = SigningScheme.of(algorithm, pss);
    KeyPair pair = token.keyPair(KEY);
    signer =
        new JcaContentSignerBuilder(scheme.jcaName())
            .setProvider(BouncyCastle.PROVIDER)
            .build(pair.getPrivate());
    issuer =
        new CrlIssuer(ISSUER, authority("CN=Issuing CA"), token.crlKey(KEY, key, scheme), SETTINGS);
  }

  private X509CertificateHolder authority(String subject) throws Exception {
    return builder(BigInteger.ONE, subject, Duration.ofDays(3650))
        .addExtension(Extension.basicConstraints, true, new BasicConstraints(true))
        .addExtension(
            Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign))
        .build(signer);
  }

  /** The issuer with its key, under another name. */
  CrlIssuer issuerNamed(String subject) throws Exception {
    return new CrlIssuer(ISSUER, authority(subject), issuer.key(), SETTINGS);
  }

  private X509v3CertificateBuilder builder(BigInteger serial, String subject, Duration lifetime)
      throws Exception {
    SubjectPublicKeyInfo key =
        SubjectPublicKeyInfo.getInstance(token.keyPair(KEY).getPublic().getEncoded());
    BcX509ExtensionUtils identifiers = new BcX509ExtensionUtils();
    Instant now = clock.instant();
    return new X509v3CertificateBuilder(
            new X500Name("CN=Issuing CA"),
            serial,
            Date.from(now.minusSeconds(60)),
            Date.from(now.plus(lifetime)),
            new X500Name(subject),
            key)
        .addExtension(
            Extension.subjectKeyIdentifier, false, identifiers.createSubjectKeyIdentifier(key))
        .addExtension(
            Extension.authorityKeyIdentifier, false, identifiers.createAuthorityKeyIdentifier(key));
  }

  /** A shelf as each node has one. */
  CrlShelf shelf() {
    try {
      return new CrlShelf(crls, clock, Files.createTempDirectory(folder, "shelf"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A publisher as each node has one. */
  CrlPublisher publisher(CrlShelf shelf) {
    return publisher(shelf, revocations);
  }

  CrlPublisher publisher(CrlShelf shelf, RevocationLedger from) {
    return publisher(shelf, from, issuer.settings(), PAUSE);
  }

  CrlPublisher publisher(
      CrlShelf shelf, RevocationLedger from, CrlSettings settings, CoalescedTask.Pause pause) {
    CrlIssuer configured = new CrlIssuer(ISSUER, issuer.certificate(), issuer.key(), settings);
    return new CrlPublisher(List.of(configured), crls, from, shelf, clock, published::add, pause);
  }

  /** A certificate that the ledger knows as issued. */
  X509CertificateHolder issued(Duration lifetime) throws Exception {
    return issued(lifetime, CrlScope.UNSHARDED, Optional.empty());
  }

  /** A certificate of a shard that the ledger knows as issued, with the URL of its CRL. */
  X509CertificateHolder issued(Duration lifetime, int shard, Optional<URI> location)
      throws Exception {
    SerialNumber serial = SerialNumber.next(clock.instant(), RANDOM);
    X509v3CertificateBuilder builder = builder(serial.value(), "CN=server.example", lifetime);
    if (location.isPresent()) {
      GeneralName url =
          new GeneralName(GeneralName.uniformResourceIdentifier, location.get().toString());
      builder.addExtension(
          Extension.cRLDistributionPoints,
          false,
          new CRLDistPoint(
              new DistributionPoint[] {
                new DistributionPoint(new DistributionPointName(new GeneralNames(url)), null, null)
              }));
    }
    X509CertificateHolder holder = builder.build(signer);
    IssuanceLedger.Recorded recorded =
        issuance.record(
            new PreparedCertificate(
                ISSUER,
                serial,
                new ProfileId("tls-server"),
                holder.getNotBefore().toInstant(),
                holder.getNotAfter().toInstant(),
                issuer.key().publicKey(),
                new Approval.Infrastructure("test", new RequestId(UUID.randomUUID())),
                shard,
                new ToBeSigned(
                    Der.of(holder.toASN1Structure().getTBSCertificate().getEncoded("DER")),
                    issuer.key().scheme())));
    if (issuance.complete(recorded, SignatureValue.of(holder.getSignature())).isEmpty()) {
      throw new AssertionError("the certificate was not completed");
    }
    return holder;
  }

  void revoke(X509CertificateHolder certificate, RevocationReason reason) {
    revoke(certificate, reason, Optional.empty());
  }

  void revoke(
      X509CertificateHolder certificate, RevocationReason reason, Optional<Instant> invalidity) {
    revocations.revoke(
        new Revocation(
            ISSUER,
            SerialNumber.of(certificate.getSerialNumber()),
            reason,
            clock.instant().truncatedTo(ChronoUnit.SECONDS),
            invalidity,
            "admin alice"));
  }

  /** The published CRL, its signature checked as a relying party would. */
  X509CRLHolder current() throws Exception {
    return current(NAME);
  }

  /** As {@link #current()}, of another name. */
  X509CRLHolder current(CrlName name) throws Exception {
    X509CRLHolder crl = new X509CRLHolder(newest(name));
    if (!crl.isSignatureValid(
        new JcaX509ContentVerifierProviderBuilder()
            .setProvider(BouncyCastle.PROVIDER)
            .build(issuer.certificate()))) {
      throw new AssertionError("the CRL's signature is wrong");
    }
    return crl;
  }

  private byte[] newest(CrlName name) throws IOException {
    PublishedCrl published = crls.current(name).orElseThrow();
    try {
      return octets(published.encoded());
    } catch (IOException e) {
      // A publisher that a test has running can drop it for a newer one while it is read.
      if (crls.currentNumber(name).orElseThrow().equals(published.number())) {
        throw e;
      }
      return newest(name);
    }
  }

  /** Has Java's PKIX look at a certificate of the issuer with a CRL (RFC 5280 section 6.3). */
  void validate(X509CertificateHolder holder, byte[] crl) throws Exception {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    X509Certificate anchor = certificate(factory, issuer.certificate());
    PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(anchor, null)));
    parameters.addCertStore(
        CertStore.getInstance(
            "Collection",
            new CollectionCertStoreParameters(
                List.of(factory.generateCRL(new ByteArrayInputStream(crl))))));
    CertPathValidator.getInstance("PKIX")
        .validate(factory.generateCertPath(List.of(certificate(factory, holder))), parameters);
  }

  private static X509Certificate certificate(
      CertificateFactory factory, X509CertificateHolder holder) throws Exception {
    return (X509Certificate)
        factory.generateCertificate(new ByteArrayInputStream(holder.getEncoded()));
  }

  static byte[] octets(Octets octets) throws IOException {
    try (InputStream in = octets.open()) {
      return in.readAllBytes();
    }
  }

  @Override
  public void close() {
    database.close();
  }
}
