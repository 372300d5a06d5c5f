package dev.chancery.server.engine;

import dev.chancery.core.AccountId;
import dev.chancery.core.Approval;
import dev.chancery.core.CrlScope;
import dev.chancery.core.Der;
import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Name;
import dev.chancery.core.Profile;
import dev.chancery.core.ProfileId;
import dev.chancery.core.RequestId;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.hsm.IssuerKey;
import dev.chancery.hsm.SoftwareKey;
import dev.chancery.server.profiles.BuiltInProfiles;
import dev.chancery.server.profiles.ProfileFiles;
import dev.chancery.store.Database;
import dev.chancery.store.DatabaseSettings;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.JooqIssuanceLedger;
import dev.chancery.store.JooqRevocationLedger;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.net.URI;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.cert.X509CertificateHolder;

/** A root, an issuing CA below it, and the shipped profiles, on a database of a test's own. */
final class Engine implements AutoCloseable {
  static final Instant NOW = Instant.parse("2026-11-22T10:00:00.123Z");
  static final IssuerId ROOT = new IssuerId("root");
  static final IssuerId ISSUING = new IssuerId("issuing");
  static final ProfileId TLS_SERVER = new ProfileId("tls-server");
  static final Path PROFILES = Path.of("../config/profiles");
  static final Issuer.Urls URLS =
      new Issuer.Urls(
          Optional.of(URI.create("http://pki.example/crl/issuing.crl")),
          Optional.of(URI.create("http://pki.example/ocsp")),
          Optional.of(URI.create("http://pki.example/ca/issuing.crt")));
  private static final SubjectPublicKey SUBJECT_KEY =
      SoftwareKey.generate(KeyAlgorithm.EC_P256).publicKey();

  final AdjustableClock clock = new AdjustableClock(NOW);
  final SecureRandom random = new SecureRandom();
  final List<CrlScope> announced = new ArrayList<>();
  final Map<ProfileId, Profile> profiles;
  final SoftwareKey rootKey = SoftwareKey.generate(KeyAlgorithm.EC_P256);
  final SoftwareKey issuingKey = SoftwareKey.generate(KeyAlgorithm.EC_P256);
  final Database database;
  final IssuanceLedger issuance;
  final RevocationLedger revocations;
  final Der rootCertificate;
  final Issuer root;
  final Issuer issuing;
  final IssuingAuthority authority;

  private Engine(Database database) throws Exception {
    this.database = database;
    this.issuance = new JooqIssuanceLedger(database, clock);
    this.revocations = new JooqRevocationLedger(database, clock);
    this.profiles = ProfileFiles.load(PROFILES);
    CaCertificates certificates = new CaCertificates(issuance, revocations, clock, random);
    IssuerRegistry registry = new IssuerRegistry(database);
    registry.register(ROOT, rootKey.publicKey());
    registry.register(ISSUING, issuingKey.publicKey());
    this.rootCertificate =
        certificates
            .root(
                ROOT,
                rootKey.issuerKey(),
                BuiltInProfiles.ROOT,
                new X500Name("CN=Test Root,O=Chancery Tests"),
                clock.instant().plus(Duration.ofDays(7305)))
            .encoded();
    this.root =
        Issuer.of(
            ROOT,
            new X509CertificateHolder(rootCertificate.bytes()),
            List.of(),
            Optional.of(rootKey.issuerKey()),
            URLS);
    this.issuing = issuing(certificates, issuingKey.issuerKey());
    this.authority = authority(issuance, revocations);
  }

  static Engine on(DatabaseKind kind, Path folder) throws Exception {
    TestDatabase where = kind.create(folder);
    return new Engine(
        Database.open(
            new DatabaseSettings(
                where.url(), where.user(), where::password, 4, Duration.ofSeconds(5))));
  }

  private Issuer issuing(CaCertificates certificates, IssuerKey key) throws Exception {
    IssuedCertificate certificate =
        certificates.below(
            root,
            profiles.get(new ProfileId("intermediate-ca")),
            key.publicKey(),
            new X500Name("CN=Test Issuing CA,O=Chancery Tests"),
            clock.instant().plus(Duration.ofDays(1825)));
    return Issuer.of(
        ISSUING,
        new X509CertificateHolder(certificate.encoded().bytes()),
        List.of(List.of(certificate.encoded())),
        Optional.of(key),
        URLS);
  }

  /** The same CA over other ledgers. */
  IssuingAuthority authority(IssuanceLedger issuance, RevocationLedger revocations) {
    return new IssuingAuthority(
        new Catalogue(List.of(root, issuing), profiles.values()),
        issuance,
        revocations,
        clock,
        random,
        announced::add);
  }

  static RequestId requestId() {
    return new RequestId(UUID.randomUUID());
  }

  /** A request for a TLS server's certificate by an ACME order. */
  static IssuanceRequest request(Name... names) {
    return request(TLS_SERVER, SUBJECT_KEY, names);
  }

  static IssuanceRequest request(ProfileId profile, SubjectPublicKey key, Name... names) {
    return new IssuanceRequest(
        ISSUING,
        profile,
        key,
        new X500Name(new org.bouncycastle.asn1.x500.RDN[0]),
        new LinkedHashSet<>(List.of(names)),
        Optional.empty(),
        Optional.empty(),
        new Approval.ValidatedOrder(new AccountId(UUID.randomUUID()), requestId()));
  }

  /** A request of this server's own. */
  static IssuanceRequest internal(
      IssuerId issuer, ProfileId profile, SubjectPublicKey key, String subject, Set<Name> names) {
    return new IssuanceRequest(
        issuer,
        profile,
        key,
        new X500Name(subject),
        names,
        Optional.empty(),
        Optional.empty(),
        new Approval.Infrastructure("test", requestId()));
  }

  static X509CertificateHolder parsed(IssuedCertificate certificate) throws Exception {
    return new X509CertificateHolder(certificate.encoded().bytes());
  }

  @Override
  public void close() {
    database.close();
  }
}
