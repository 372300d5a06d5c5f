package dev.chancery.server.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.DnsName;
import dev.chancery.core.IpName;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.ProfileId;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.hsm.IssuerKey;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.Pkcs11Settings;
import dev.chancery.hsm.Pkcs11Token;
import dev.chancery.hsm.TokenObserver;
import dev.chancery.server.profiles.BuiltInProfiles;
import dev.chancery.server.profiles.ProfileFiles;
import dev.chancery.store.Database;
import dev.chancery.store.DatabaseSettings;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.JooqIssuanceLedger;
import dev.chancery.store.JooqRevocationLedger;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.SoftHsmToken;
import dev.chancery.testing.TestDatabase;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.cert.X509CertificateHolder;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The whole way on a token, judged by OpenSSL and by the JDK. */
class IssuedOnTokenTest {
  private static final IssuerId ROOT = new IssuerId("root");
  private static final IssuerId ISSUING = new IssuerId("issuing");

  // SoftHSM sees no token that is made after it was loaded, so there is one for all cases.
  @TempDir static Path tokenFolder;
  private static SoftHsmToken made;
  private static int keys;

  @TempDir Path folder;

  @BeforeAll
  static void makeToken() {
    made =
        SoftHsmToken.create(tokenFolder, "engine-" + UUID.randomUUID().toString().substring(0, 8));
  }

  // Real time: OpenSSL looks at the machine's clock.
  private final AdjustableClock clock = new AdjustableClock(Instant.now());
  private final SecureRandom random = new SecureRandom();

  @ParameterizedTest(name = "{0} with keys {1}, pss {2}")
  @DisplayName("RFC 5280 section 6: root, issuing CA and leaf verify elsewhere")
  @CsvSource({
    "H2, ec-p256, false",
    "POSTGRESQL, ec-p384, false",
    "H2, rsa-3072, false",
    "POSTGRESQL, rsa-2048, true",
  })
  void verifies(DatabaseKind kind, String algorithm, boolean pss) throws Exception {
    KeyAlgorithm keyAlgorithm = KeyAlgorithm.named(algorithm).orElseThrow();
    TestDatabase where = kind.create(folder);
    DatabaseSettings settings = DatabaseSettings.of(where.url(), where.user(), where::password);
    Pkcs11Settings tokenSettings =
        new Pkcs11Settings(
            made.library(),
            Optional.of(made.label()),
            Optional.empty(),
            made.pinFile(),
            2,
            Duration.ofSeconds(10),
            Pkcs11Settings.Place.PROCESS,
            Map.of());
    try (Database database = Database.open(settings);
        Pkcs11Token token = Pkcs11Token.open(tokenSettings, TokenObserver.NONE)) {
      var issuance = new JooqIssuanceLedger(database, clock);
      var revocations = new JooqRevocationLedger(database, clock);
      var profiles = ProfileFiles.load(Engine.PROFILES);
      IssuerRegistry registry = new IssuerRegistry(database);
      SigningScheme scheme = SigningScheme.of(keyAlgorithm, pss);
      IssuerKey rootKey = key(token, keyAlgorithm, scheme);
      IssuerKey issuingKey = key(token, keyAlgorithm, scheme);
      registry.register(ROOT, rootKey.publicKey());
      registry.register(ISSUING, issuingKey.publicKey());
      CaCertificates certificates = new CaCertificates(issuance, revocations, clock, random);

      IssuedCertificate root =
          certificates.root(
              ROOT,
              rootKey,
              BuiltInProfiles.ROOT,
              new X500Name("CN=Root"),
              clock.instant().plus(Duration.ofDays(7305)));
      Issuer rootIssuer = issuer(ROOT, root, rootKey);
      IssuedCertificate issuing =
          certificates.below(
              rootIssuer,
              profiles.get(new ProfileId("intermediate-ca")),
              issuingKey.publicKey(),
              new X500Name("CN=Issuing"),
              clock.instant().plus(Duration.ofDays(1825)));
      IssuingAuthority authority =
          new IssuingAuthority(
              new Catalogue(List.of(issuer(ISSUING, issuing, issuingKey)), profiles.values()),
              issuance,
              revocations,
              clock,
              random,
              issuer -> {});
      IssuanceRequest request =
          Engine.request(
              new DnsName("www.example.com"),
              new DnsName("*.example.com"),
              IpName.parse("2001:db8::1"));
      IssuedCertificate leaf = authority.issue(request);

      Path rootFile = pem("root.pem", root);
      Path issuingFile = pem("issuing.pem", issuing);
      Path leafFile = pem("leaf.pem", leaf);
      String verified =
          openssl(
              "verify",
              "-x509_strict",
              "-purpose",
              "sslserver",
              "-verify_hostname",
              "a.example.com",
              "-CAfile",
              rootFile.toString(),
              "-untrusted",
              issuingFile.toString(),
              leafFile.toString());
      assertThat(verified).contains("leaf.pem: OK");
      String text = openssl("x509", "-in", leafFile.toString(), "-noout", "-text");
      assertThat(text)
          .contains("DNS:www.example.com, DNS:*.example.com, IP Address:2001:DB8:0:0:0:0:0:1")
          .contains("CA:FALSE", "TLS Web Server Authentication", "Digital Signature")
          .contains("OCSP - URI:http://pki.example/ocsp")
          .contains("CA Issuers - URI:http://pki.example/ca/issuing.crt")
          .contains("URI:http://pki.example/crl/issuing.crl")
          .doesNotContain("Key Encipherment");
      assertThat(openssl("x509", "-in", issuingFile.toString(), "-noout", "-text"))
          .contains("CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign");
      validatePath(root, List.of(leaf, issuing));
    }
  }

  private static IssuerKey key(Pkcs11Token token, KeyAlgorithm algorithm, SigningScheme scheme)
      throws Exception {
    KeyId id = new KeyId(String.format("%02x", ++keys));
    SubjectPublicKey publicKey = token.generate(id, algorithm);
    return token.issuerKey(id, publicKey, scheme);
  }

  private static Issuer issuer(IssuerId id, IssuedCertificate certificate, IssuerKey key)
      throws Exception {
    return Issuer.of(
        id,
        new X509CertificateHolder(certificate.encoded().bytes()),
        List.of(List.of(certificate.encoded())),
        Optional.of(key),
        Engine.URLS);
  }

  private void validatePath(IssuedCertificate root, List<IssuedCertificate> path) throws Exception {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    PKIXParameters parameters =
        new PKIXParameters(Set.of(new TrustAnchor(decoded(factory, root), null)));
    parameters.setRevocationEnabled(false);
    parameters.setDate(Date.from(clock.instant()));
    List<X509Certificate> certificates = new ArrayList<>();
    for (IssuedCertificate certificate : path) {
      certificates.add(decoded(factory, certificate));
    }
    assertThat(
            CertPathValidator.getInstance("PKIX")
                .validate(factory.generateCertPath(certificates), parameters))
        .isNotNull();
  }

  private static X509Certificate decoded(CertificateFactory factory, IssuedCertificate certificate)
      throws Exception {
    return (X509Certificate)
        factory.generateCertificate(new ByteArrayInputStream(certificate.encoded().bytes()));
  }

  private Path pem(String name, IssuedCertificate certificate) throws Exception {
    String body =
        Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII))
            .encodeToString(certificate.encoded().bytes());
    return Files.writeString(
        folder.resolve(name),
        "-----BEGIN CERTIFICATE-----\n" + body + "\n-----END CERTIFICATE-----\n");
  }

  private static String openssl(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of("openssl"));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(output).isZero();
    return output;
  }
}
