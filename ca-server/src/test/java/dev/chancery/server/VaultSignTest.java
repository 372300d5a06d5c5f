package dev.chancery.server;

import static dev.chancery.server.VaultHome.asCertManager;
import static dev.chancery.server.VaultHome.certificate;
import static dev.chancery.server.VaultHome.object;
import static dev.chancery.server.VaultHome.requireErrors;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigInteger;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.DERUTF8String;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.OtherName;
import org.bouncycastle.cert.X509CertificateHolder;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the CSRs of controllers become, by field, chain and lifetime. */
@DisplayName("What the Vault-shaped API signs")
class VaultSignTest {
  @TempDir static Path folder;
  private static VaultHome home;
  private static JsonNode web;

  @BeforeAll
  static void serve() throws Exception {
    home = VaultHome.serve(folder.resolve("home"), Map.of());
    web = home.workloadRole();
    home.meshRole();
  }

  @AfterAll
  static void stop() {
    home.close();
  }

  @Test
  @DisplayName("a role by the command line, an AppRole login, a certificate in the ledger")
  void endToEnd() throws Exception {
    JsonNode credential = home.command("role", "credential", "create", "web", "--label=test");
    assertThat(credential.path("roleId")).isEqualTo(web.path("roleId"));
    JsonNode login = home.login(credential).json();
    assertThat(login.path("auth").path("lease_duration").asInt()).isEqualTo(300);
    assertThat(login.path("auth").path("renewable").asBoolean(true)).isFalse();
    TestCsr csr = TestCsr.forName("host.corp.test");

    JsonNode answer =
        home.signed(
                "pki/sign/web",
                login.path("auth").path("client_token").asText(),
                asCertManager("host.corp.test", "host.corp.test", csr.pem()))
            .json();

    JsonNode data = answer.path("data");
    X509Certificate leaf = certificate(data.path("certificate").asText());
    assertThat(leaf.getPublicKey()).isEqualTo(csr.keys().getPublic());
    assertThat(Duration.between(Instant.now(), leaf.getNotAfter().toInstant()))
        .isBetween(Duration.ofHours(23), Duration.ofHours(24));
    assertThat(data.path("expiration").asLong())
        .isEqualTo(leaf.getNotAfter().toInstant().getEpochSecond());
    assertThat(data.path("not_before").asLong())
        .isEqualTo(leaf.getNotBefore().toInstant().getEpochSecond());
    assertThat(new BigInteger(data.path("serial_number").asText().replace(":", ""), 16))
        .isEqualTo(leaf.getSerialNumber());
    assertThat(data.path("serial_number").asText()).matches("([0-9a-f]{2}:)*[0-9a-f]{2}");
    requireLine(leaf, data);
    for (String empty : List.of("lease_id", "request_id")) {
      assertThat(answer.path(empty).asText("?")).isEmpty();
    }
    assertThat(answer.path("warnings").isNull()).isTrue();
    assertThat(answer.path("auth").isNull()).isTrue();
    JsonNode shown =
        home.command("certificate", "show", data.path("serial_number").asText().replace(":", ""));
    assertThat(shown.path("state").asText()).isEqualTo("issued");
    assertThat(shown.path("profile").asText()).isEqualTo("workload");
  }

  /** One line from the leaf to the root, each a PEM block of its own, the root last. */
  private static void requireLine(X509Certificate leaf, JsonNode data) throws Exception {
    assertThat(data.path("ca_chain").isArray()).isTrue();
    assertThat(data.path("ca_chain")).hasSize(2);
    assertThat(data.path("ca_chain").path(0)).isEqualTo(data.path("issuing_ca"));
    X509Certificate below = leaf;
    for (JsonNode element : data.path("ca_chain")) {
      assertThat(element.asText()).containsOnlyOnce("BEGIN CERTIFICATE");
      X509Certificate above = certificate(element.asText());
      below.verify(above.getPublicKey());
      assertThat(above.getBasicConstraints()).isNotNegative();
      below = above;
    }
    below.verify(below.getPublicKey());
    assertThat(below).isEqualTo(certificate(Files.readString(home.directory.resolve("root.pem"))));
  }

  @Test
  @DisplayName("names of every kind are carried, and the subject octet for octet")
  void everyKindOfName() throws Exception {
    X500Name subject =
        new X500NameBuilder(BCStyle.INSTANCE)
            .addRDN(BCStyle.C, "CH")
            .addMultiValuedRDN(
                // In DER the shorter one stands first (X.690 section 11.6).
                new ASN1ObjectIdentifier[] {BCStyle.O, BCStyle.OU}, new String[] {"Corp", "X"})
            .addRDN(new ASN1ObjectIdentifier("0.9.2342.19200300.100.1.1"), "svc-1")
            .build();
    OtherName upn =
        new OtherName(
            new ASN1ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), new DERUTF8String("a@corp.test"));
    GeneralName[] names = {
      new GeneralName(GeneralName.dNSName, "*.app.corp.test"),
      new GeneralName(
          GeneralName.iPAddress,
          new DEROctetString(InetAddress.ofLiteral("10.1.2.3").getAddress())),
      new GeneralName(GeneralName.uniformResourceIdentifier, "spiffe://corp.test/ns/a/sa/b"),
      new GeneralName(GeneralName.rfc822Name, "ops@corp.test"),
      new GeneralName(GeneralName.otherName, upn)
    };
    TestCsr csr = TestCsr.of(subject, names);
    ObjectNode body = asCertManager("", "*.app.corp.test", csr.pem());
    body.put("ip_sans", "10.1.2.3").put("uri_sans", "spiffe://corp.test/ns/a/sa/b");

    JsonNode data = home.signed("pki/sign/web", home.token("web"), body).json().path("data");

    X509CertificateHolder leaf =
        new X509CertificateHolder(certificate(data.path("certificate").asText()).getEncoded());
    // As the octets stand in both, for whoever compares names would not see their order.
    String asked = HexFormat.of().formatHex(subject.getEncoded(ASN1Encoding.DER));
    assertThat(HexFormat.of().formatHex(csr.der())).contains(asked);
    assertThat(HexFormat.of().formatHex(leaf.getEncoded())).contains(asked);
    assertThat(
            GeneralNames.fromExtensions(leaf.getExtensions(), Extension.subjectAlternativeName)
                .getNames())
        .containsExactly(names);
  }

  @Test
  @DisplayName("usages are those of the CSR, as far as the profile has them")
  void usages() throws Exception {
    String token = home.token("web");
    TestCsr client =
        TestCsr.forName("client.corp.test")
            .with(
                Extension.keyUsage,
                new KeyUsage(KeyUsage.digitalSignature | KeyUsage.keyEncipherment))
            .with(Extension.extendedKeyUsage, new ExtendedKeyUsage(KeyPurposeId.id_kp_clientAuth));
    JsonNode data =
        home.signed(
                "pki/sign/web",
                token,
                asCertManager("client.corp.test", "client.corp.test", client.pem()))
            .json()
            .path("data");
    X509Certificate leaf = certificate(data.path("certificate").asText());
    assertThat(leaf.getExtendedKeyUsage()).containsExactly("1.3.6.1.5.5.7.3.2");
    assertThat(leaf.getKeyUsage()[0]).isTrue();

    TestCsr signing =
        TestCsr.forName("sign.corp.test")
            .with(Extension.extendedKeyUsage, new ExtendedKeyUsage(KeyPurposeId.id_kp_codeSigning));
    requireErrors(
        home.sign("pki/sign/web", token, asCertManager("", "", signing.pem())),
        400,
        "does not have the extended key usage 1.3.6.1.5.5.7.3.3");
    TestCsr authority =
        TestCsr.forName("ca.corp.test")
            .with(Extension.keyUsage, new KeyUsage(KeyUsage.keyCertSign));
    requireErrors(
        home.sign("pki/sign/web", token, asCertManager("", "", authority.pem())), 400, "for a CA");
    TestCsr basic =
        TestCsr.forName("ca.corp.test")
            .with(Extension.basicConstraints, new BasicConstraints(true));
    requireErrors(
        home.sign("pki/sign/web", token, asCertManager("", "", basic.pem())), 403, "for a CA");
  }

  @Test
  @DisplayName("lifetimes are Go's durations, seconds, or none; a longer one is cut with a warning")
  void lifetimes() throws Exception {
    String token = home.token("web");
    for (var wanted :
        Map.of(
                "2h0m0s", Duration.ofHours(2),
                "86400", Duration.ofDays(1),
                "", Duration.ofDays(60))
            .entrySet()) {
      ObjectNode body =
          asCertManager("", "", TestCsr.forName("t.corp.test").pem()).put("ttl", wanted.getKey());
      JsonNode data = home.signed("pki/sign/web", token, body).json().path("data");
      assertThat(
              Duration.ofSeconds(data.path("expiration").asLong() - Instant.now().getEpochSecond()))
          .isBetween(wanted.getValue().minusMinutes(5), wanted.getValue());
    }
    ObjectNode number =
        asCertManager("", "", TestCsr.forName("t.corp.test").pem()).put("ttl", 7200);
    home.signed("pki/sign/web", token, number);

    JsonNode cut =
        home.signed(
                "pki/sign/web",
                token,
                asCertManager("", "", TestCsr.forName("t.corp.test").pem()).put("ttl", "9000h"))
            .json();
    assertThat(cut.path("warnings").path(0).asText()).contains("longer than");
    assertThat(
            Duration.ofSeconds(
                cut.path("data").path("expiration").asLong() - Instant.now().getEpochSecond()))
        .isBetween(Duration.ofDays(59), Duration.ofDays(60));
    requireErrors(
        home.sign(
            "pki/sign/web",
            token,
            asCertManager("", "", TestCsr.forName("t.corp.test").pem()).put("ttl", "soon")),
        400,
        "ttl is not a length of time");
  }

  @Test
  @DisplayName("CAs by a role for them: the path of SPIRE, and the usages of Linkerd's issuer")
  void authorities() throws Exception {
    String token = home.token("mesh");
    GeneralName domain =
        new GeneralName(GeneralName.uniformResourceIdentifier, "spiffe://corp.test");
    TestCsr spire = TestCsr.of(new X500Name("C=US,O=SPIFFE"), domain);
    JsonNode data =
        home.signed(
                "pki/root/sign-intermediate",
                token,
                object(
                    "common_name", "",
                    "organization", "SPIFFE",
                    "country", "US",
                    "uri_sans", "spiffe://corp.test",
                    "ttl", "86400",
                    "csr", spire.pem()))
            .json()
            .path("data");
    X509Certificate authority = certificate(data.path("certificate").asText());
    assertThat(authority.getBasicConstraints()).isEqualTo(1);
    assertThat(authority.getKeyUsage()[5]).isTrue();
    requireLine(authority, data);

    String name = "identity.linkerd.corp.test";
    TestCsr linkerd =
        TestCsr.forName(name)
            .with(Extension.keyUsage, new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign))
            .with(
                Extension.extendedKeyUsage,
                new ExtendedKeyUsage(
                    new KeyPurposeId[] {
                      KeyPurposeId.id_kp_serverAuth, KeyPurposeId.id_kp_clientAuth
                    }));
    JsonNode issued =
        home.signed(
                "pki/sign/mesh",
                token,
                asCertManager(name, name, linkerd.pem()).put("ttl", "48h0m0s"))
            .json()
            .path("data");
    X509Certificate issuer = certificate(issued.path("certificate").asText());
    assertThat(issuer.getBasicConstraints()).isEqualTo(1);
    assertThat(issuer.getExtendedKeyUsage()).isNull();
    assertThat(issuer.getSigAlgName()).isEqualTo("SHA256withECDSA");
    requireErrors(
        home.sign(
            "pki/sign/mesh",
            token,
            asCertManager(
                "",
                "",
                TestCsr.of(new X500Name("CN=x"), domain)
                    .with(Extension.nameConstraints, new DEROctetString(new byte[0]))
                    .pem())),
        400,
        "name constraints");
  }
}
