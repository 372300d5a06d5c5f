package dev.chancery.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.BouncyCastle;
import dev.chancery.core.Der;
import dev.chancery.core.DnsName;
import dev.chancery.core.Name;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.hsm.SoftwareKey;
import dev.chancery.testing.DatabaseKind;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.asn1.x500.RDN;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.GeneralSubtree;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.NameConstraints;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.bc.BcX509ExtensionUtils;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * RFC 5280 section 4.2.1.10 on a root, an intermediate CA with constraints and certificates below
 * it. OpenSSL is the relying party: it must accept all that is allowed here.
 */
final class NameConstraintCheckTest {
  private static final GeneralSubtree[] PERMITTED = {
    dns("example.com"),
    dns("only.example.net"),
    ip("0a000000ff000000"),
    ip("20010db8000000000000000000000000ffffffff000000000000000000000000"),
    email("example.com"),
    email(".mail.example"),
    email("one@alone.example"),
    uri("svc.example"),
    uri(".pods.example"),
  };
  private static final GeneralSubtree[] EXCLUDED = {
    dns("secret.example.com"),
    ip("0a090000ffff0000"),
    email("root@example.com"),
    uri("bad.pods.example"),
  };

  @TempDir Path folder;
  private final KeyPair rootPair = ellipticPair();
  private final KeyPair issuingPair = ellipticPair();
  private X509CertificateHolder root;
  private X509CertificateHolder issuing;
  private NameConstraintCheck check;
  private int serial;

  @BeforeEach
  void open() throws Exception {
    root = ca("CN=Root", rootPair.getPublic().getEncoded(), null);
    issuing =
        ca(
            "CN=Issuing",
            issuingPair.getPublic().getEncoded(),
            new NameConstraints(PERMITTED, EXCLUDED));
    check = NameConstraintCheck.of(List.of(issuing), List.of(Der.of(issuing.getEncoded())));
    pem("root.pem", root);
    pem("issuing.pem", issuing);
  }

  @Test
  void namesWithinAreAllowedAndVerify() throws Exception {
    for (GeneralName name :
        List.of(
            dnsName("example.com"),
            dnsName("www.example.com"),
            dnsName("a.b.example.com"),
            dnsName("notsecret.example.com"),
            dnsName("only.example.net"),
            dnsName("*.only.example.net"),
            dnsName("*.www.example.com"),
            address("10.1.2.3"),
            address("2001:db8::1"),
            mail("someone@example.com"),
            mail("someone@a.mail.example"),
            mail("one@alone.example"),
            url("spiffe://svc.example/a"),
            url("https://x.pods.example/b"))) {
      assertAllowedAndVerifies("", name);
    }
  }

  @Test
  void namesOutsideAreRefused() throws Exception {
    for (GeneralName name :
        List.of(
            dnsName("example.org"),
            dnsName("badexample.com"),
            dnsName("example.com.evil.example"),
            dnsName("com"),
            dnsName("secret.example.com"),
            dnsName("very.secret.example.com"),
            dnsName("*.secret.example.com"),
            dnsName("*.com"),
            dnsName("*.example.net"),
            address("11.1.2.3"),
            address("10.9.0.1"),
            address("2001:db9::1"),
            mail("someone@sub.example.com"),
            mail("someone@mail.example"),
            mail("two@alone.example"),
            mail("root@example.com"),
            url("spiffe://other.example/a"),
            url("spiffe://x.svc.example/a"),
            url("https://pods.example/b"),
            url("https://bad.pods.example/b"))) {
      assertRefused("", name);
      assertThat(verifies("", name)).as("OpenSSL on %s", name).isFalse();
    }
  }

  @Test
  @DisplayName("A wildcard that stands for an excluded name is refused, though OpenSSL would not")
  void wildcardOverAHoleIsRefused() throws Exception {
    assertRefused("", dnsName("*.example.com"));
    assertThat(verifies("", dnsName("*.example.com"))).isTrue();
  }

  @Test
  @DisplayName("A common name counts as a host's when no DNS name is there, as OpenSSL has it")
  void commonNames() throws Exception {
    assertAllowedAndVerifies("CN=www.example.com", dnsName("www.example.com"));
    assertAllowedAndVerifies("CN=Just A Name", address("10.1.2.3"));
    assertAllowedAndVerifies("CN=www.example.com", address("10.1.2.3"));
    assertAllowedAndVerifies("CN=www.example.com");
    // A DNS name takes its place.
    assertAllowedAndVerifies("CN=www.example.org", dnsName("www.example.com"));
    for (String subject : List.of("CN=www.example.org", "CN=under_score.example.org")) {
      assertRefused(subject);
      assertThat(verifies(subject)).isFalse();
      assertRefused(subject, address("10.1.2.3"));
      assertThat(verifies(subject, address("10.1.2.3"))).isFalse();
    }
  }

  @Test
  void mailAddressOfTheSubjectCounts() throws Exception {
    assertAllowedAndVerifies("E=someone@example.com", dnsName("www.example.com"));
    assertRefused("E=someone@example.org", dnsName("www.example.com"));
    assertThat(verifies("E=someone@example.org", dnsName("www.example.com"))).isFalse();
  }

  @Test
  void constraintsOfTheCaAboveCountToo() throws Exception {
    NameConstraintCheck below =
        NameConstraintCheck.of(
            List.of(root), List.of(Der.of(root.getEncoded()), Der.of(issuing.getEncoded())));

    below.require(Set.of(new DnsName("www.example.com")));
    assertThatThrownBy(() -> below.require(Set.of(new DnsName("www.example.org"))))
        .isInstanceOf(Refused.class);
  }

  @Test
  @DisplayName("The engine refuses before it records, and issues what verifies")
  void engineObeys() throws Exception {
    try (Engine engine = Engine.on(DatabaseKind.H2, folder)) {
      SoftwareKey key = engine.issuingKey;
      issuing =
          ca(
              "CN=Issuing",
              key.publicKey().encoded().bytes(),
              new NameConstraints(PERMITTED, EXCLUDED));
      pem("issuing.pem", issuing);
      Issuer issuer =
          Issuer.of(
              Engine.ISSUING,
              issuing,
              List.of(List.of(Der.of(issuing.getEncoded()))),
              Optional.of(key.issuerKey()),
              Engine.URLS);
      IssuingAuthority authority =
          new IssuingAuthority(
              new Catalogue(List.of(issuer), engine.profiles.values()),
              engine.issuance,
              engine.revocations,
              engine.clock,
              engine.random,
              revoked -> {});

      pem(
          "leaf.pem",
          Engine.parsed(authority.issue(Engine.request(new DnsName("www.example.com")))));
      assertThat(opensslAccepts()).isTrue();
      int signatures = key.signatures();
      assertThatThrownBy(() -> authority.issue(Engine.request(new DnsName("www.example.org"))))
          .isInstanceOfSatisfying(
              Refused.class, e -> assertThat(e.reason()).isEqualTo(Reason.REJECTED_NAME));
      assertThat(key.signatures()).isEqualTo(signatures);
    }
  }

  private void assertAllowedAndVerifies(String subject, GeneralName... names) throws Exception {
    require(subject, names);
    assertThat(verifies(subject, names)).as("OpenSSL on %s %s", subject, List.of(names)).isTrue();
  }

  private void assertRefused(String subject, GeneralName... names) {
    assertThatThrownBy(() -> require(subject, names))
        .as("%s %s", subject, List.of(names))
        .isInstanceOfSatisfying(
            Refused.class, e -> assertThat(e.reason()).isEqualTo(Reason.REJECTED_NAME));
  }

  private void require(String subject, GeneralName... names) throws Refused {
    Set<Name> parsed = new LinkedHashSet<>();
    for (GeneralName name : names) {
      parsed.add(Name.of(name));
    }
    check.require(parsed);
    check.require(subject.isEmpty() ? new X500Name(new RDN[0]) : new X500Name(subject), parsed);
  }

  private boolean verifies(String subject, GeneralName... names) throws Exception {
    X509v3CertificateBuilder leaf =
        builder("CN=Issuing", subject, ellipticPair().getPublic().getEncoded());
    if (names.length > 0) {
      leaf.addExtension(
          Extension.subjectAlternativeName, subject.isEmpty(), new GeneralNames(names));
    }
    pem("leaf.pem", leaf.build(signer(issuingPair)));
    return opensslAccepts();
  }

  private boolean opensslAccepts() throws Exception {
    List<String> command = new ArrayList<>(List.of("openssl", "verify"));
    for (String file : List.of("-CAfile", "root.pem", "-untrusted", "issuing.pem", "leaf.pem")) {
      command.add(file.startsWith("-") ? file : folder.resolve(file).toString());
    }
    command.addAll(2, List.of("-attime", Long.toString(Engine.NOW.getEpochSecond())));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    boolean accepted = process.waitFor() == 0;
    // Refused for the names and nothing else.
    if (!accepted) {
      assertThat(said).containsPattern("permitted subtree violation|excluded subtree violation");
    }
    return accepted;
  }

  private X509CertificateHolder ca(
      String subject, byte[] key, @Nullable NameConstraints constraints) throws Exception {
    X509v3CertificateBuilder builder =
        builder("CN=Root", subject, key)
            .addExtension(Extension.basicConstraints, true, new BasicConstraints(true))
            .addExtension(
                Extension.keyUsage, true, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign));
    if (constraints != null) {
      builder.addExtension(Extension.nameConstraints, true, constraints);
    }
    return builder.build(signer(rootPair));
  }

  private X509v3CertificateBuilder builder(String issuer, String subject, byte[] key)
      throws Exception {
    SubjectPublicKeyInfo info = SubjectPublicKeyInfo.getInstance(key);
    serial++;
    return new X509v3CertificateBuilder(
            new X500Name(issuer),
            BigInteger.valueOf(serial),
            Date.from(Engine.NOW.minus(Duration.ofDays(1))),
            Date.from(Engine.NOW.plus(Duration.ofDays(1000))),
            subject.isEmpty() ? new X500Name(new RDN[0]) : new X500Name(subject),
            info)
        .addExtension(
            Extension.subjectKeyIdentifier,
            false,
            new BcX509ExtensionUtils().createSubjectKeyIdentifier(info));
  }

  private static org.bouncycastle.operator.ContentSigner signer(KeyPair pair) throws Exception {
    return new JcaContentSignerBuilder("SHA256withECDSA")
        .setProvider(BouncyCastle.PROVIDER)
        .build(pair.getPrivate());
  }

  private void pem(String file, X509CertificateHolder certificate) throws IOException {
    Files.writeString(
        folder.resolve(file),
        "-----BEGIN CERTIFICATE-----\n"
            + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(certificate.getEncoded())
            + "\n-----END CERTIFICATE-----\n");
  }

  private static KeyPair ellipticPair() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", BouncyCastle.PROVIDER);
      generator.initialize(256, new SecureRandom());
      return generator.generateKeyPair();
    } catch (java.security.GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }

  private static GeneralSubtree dns(String base) {
    return new GeneralSubtree(dnsName(base));
  }

  private static GeneralSubtree ip(String hex) {
    return new GeneralSubtree(
        new GeneralName(
            GeneralName.iPAddress,
            new org.bouncycastle.asn1.DEROctetString(java.util.HexFormat.of().parseHex(hex))));
  }

  private static GeneralSubtree email(String base) {
    return new GeneralSubtree(mail(base));
  }

  private static GeneralSubtree uri(String base) {
    return new GeneralSubtree(url(base));
  }

  private static GeneralName dnsName(String name) {
    return new GeneralName(GeneralName.dNSName, name);
  }

  private static GeneralName address(String address) {
    return new GeneralName(GeneralName.iPAddress, address);
  }

  private static GeneralName mail(String address) {
    return new GeneralName(GeneralName.rfc822Name, address);
  }

  private static GeneralName url(String url) {
    return new GeneralName(GeneralName.uniformResourceIdentifier, url);
  }
}
