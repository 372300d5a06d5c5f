package dev.chancery.server;

import static dev.chancery.server.VaultHome.certificate;
import static dev.chancery.server.VaultHome.object;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
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

/** Every exchange of cert-manager's Vault issuer, octet for octet as its client sends them. */
@DisplayName("The Vault-shaped API")
class VaultTest {
  @TempDir static Path folder;
  private static VaultHome home;
  private static JsonNode web;

  @BeforeAll
  static void serve() throws Exception {
    home = VaultHome.serve(folder.resolve("home"), Map.of());
    web =
        home.command(
            "role",
            "create",
            "web",
            "--issuer=issuing",
            "--profile=workload",
            "--name=dns:corp.test",
            "--deny=dns:secret.corp.test",
            "--name=ip:10.0.0.0/8",
            "--name=uri:spiffe://corp.test/",
            "--name=email:corp.test",
            "--name=other:1.3.6.1.4.1.311.20.2.3",
            "--wildcards",
            "--max-ttl=60d");
    home.command(
        "role",
        "create",
        "mesh",
        "--issuer=issuing",
        "--profile=mesh-ca",
        "--ca",
        "--path-length=1",
        "--name=uri:spiffe://corp.test/",
        "--name=dns:linkerd.corp.test");
  }

  @AfterAll
  static void stop() {
    home.close();
  }

  private static ObjectNode asCertManager(String commonName, String names, String csr) {
    return object(
        "common_name", commonName,
        "alt_names", names,
        "ip_sans", "",
        "uri_sans", "",
        "ttl", "24h0m0s",
        "csr", csr,
        "exclude_cn_from_sans", "true");
  }

  private static RawHttps.Answer signed(String path, String token, ObjectNode body)
      throws Exception {
    RawHttps.Answer answer = home.sign(path, token, body);
    assertThat(answer.status()).describedAs(answer.toString()).isEqualTo(200);
    return answer;
  }

  private static void requireErrors(RawHttps.Answer answer, int status, String says) {
    assertThat(answer.status()).describedAs(answer.toString()).isEqualTo(status);
    assertThat(answer.headers()).containsEntry("content-type", "application/json");
    assertThat(answer.json().path("errors").isArray()).isTrue();
    assertThat(answer.json().path("errors").path(0).asText()).contains(says);
    assertThat(answer.text()).doesNotContain("Exception", "dev.chancery", "select ");
  }

  private static RawHttps.Answer get(String path) throws Exception {
    return home.api().send("GET " + path + " HTTP/1.1\nHost: localhost", "");
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
        signed(
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
                new ASN1ObjectIdentifier[] {BCStyle.O, BCStyle.OU}, new String[] {"Corp", "Ops"})
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
    ObjectNode body = asCertManager("", "*.app.corp.test", TestCsr.of(subject, names).pem());
    body.put("ip_sans", "10.1.2.3").put("uri_sans", "spiffe://corp.test/ns/a/sa/b");

    JsonNode data = signed("pki/sign/web", home.token("web"), body).json().path("data");

    X509CertificateHolder leaf =
        new X509CertificateHolder(certificate(data.path("certificate").asText()).getEncoded());
    assertThat(leaf.getSubject().getEncoded()).isEqualTo(subject.getEncoded());
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
        signed(
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
      JsonNode data = signed("pki/sign/web", token, body).json().path("data");
      assertThat(
              Duration.ofSeconds(data.path("expiration").asLong() - Instant.now().getEpochSecond()))
          .isBetween(wanted.getValue().minusMinutes(5), wanted.getValue());
    }
    ObjectNode number =
        asCertManager("", "", TestCsr.forName("t.corp.test").pem()).put("ttl", 7200);
    signed("pki/sign/web", token, number);

    JsonNode cut =
        signed(
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
  @DisplayName("what the role does not allow is refused in Vault's form, and nothing is issued")
  void refusals() throws Exception {
    String token = home.token("web");
    for (String name : List.of("host.other.test", "a.secret.corp.test")) {
      requireErrors(
          home.sign("pki/sign/web", token, asCertManager("", "", TestCsr.forName(name).pem())),
          400,
          name);
    }
    X500Name smuggled = new X500Name("CN=payroll.other.test");
    requireErrors(
        home.sign(
            "pki/sign/web",
            token,
            asCertManager(
                "",
                "",
                TestCsr.of(smuggled, new GeneralName(GeneralName.dNSName, "a.corp.test")).pem())),
        400,
        "payroll.other.test");
    requireErrors(
        home.sign(
            "pki/sign/web",
            token,
            asCertManager(
                "",
                "",
                TestCsr.of(
                        new X500Name("CN=intranet"),
                        new GeneralName(
                            GeneralName.uniformResourceIdentifier, "spiffe://corp.test/a"))
                    .pem())),
        400,
        "the dns name intranet");
    requireErrors(
        home.sign(
            "pki/sign/web",
            token,
            asCertManager("", "b.corp.test", TestCsr.forName("a.corp.test").pem())),
        400,
        "alt_names has a name that the CSR does not have");
    requireErrors(home.sign("pki/sign/web", token, asCertManager("", "", "nonsense")), 400, "csr");
    requireErrors(home.sign("pki/sign/web", token, object()), 400, "missing csr");
    requireErrors(
        home.sign("pki/sign/mesh", token, asCertManager("", "", TestCsr.forName("a").pem())),
        403,
        "permission denied");
    requireErrors(
        home.sign(
            "pki/issuer/other/sign/web",
            token,
            asCertManager("", "", TestCsr.forName("a.corp.test").pem())),
        400,
        "issuer issuing");
    requireErrors(home.sign("pki/root/sign-intermediate", token, object()), 403, "is not for CAs");
    requireErrors(home.sign("pki/sign/web", "nonsense", object()), 403, "permission denied");
    requireErrors(home.sign("pki/sign/web", "a.b.c", object()), 403, "permission denied");
    requireErrors(
        home.api().send("POST /v1/pki/sign/web HTTP/1.1\nHost: localhost", "{}"),
        403,
        "missing client token");
  }

  @Test
  @DisplayName("every path to sign on, by POST and by PUT, with a namespace that says nothing here")
  void paths() throws Exception {
    String token = home.token("web");
    for (String path :
        List.of(
            "pki/sign/web",
            "pki/sign-verbatim/web",
            "pki/issuer/default/sign/web",
            "pki/issuer/issuing/sign/web",
            "pki/issuer/issuing/sign-verbatim/web")) {
      signed(path, token, asCertManager("", "", TestCsr.forName("p.corp.test").pem()));
      RawHttps.Answer put =
          home.api()
              .send(
                  """
                  PUT /v1/%s HTTP/1.1
                  Host: localhost
                  X-Vault-Namespace: team-a/
                  Authorization: Bearer %s
                  Content-Type: text/plain
                  """
                      .formatted(path, token),
                  asCertManager("", "", TestCsr.forName("p.corp.test").pem()).toString());
      assertThat(put.status()).describedAs(put.toString()).isEqualTo(200);
    }
    requireErrors(get("/v1/pki/sign/web"), 405, "unsupported operation");
    requireErrors(get("/v1/pki/nothing"), 404, "no such path");
    requireErrors(get("/v1/other/sign/web"), 404, "no such path");
    requireErrors(get("/v1/auth/aws/login"), 404, "no such path");
  }

  @Test
  @DisplayName("CAs by a role for them: the path of SPIRE, and the usages of Linkerd's issuer")
  void authorities() throws Exception {
    String token = home.token("mesh");
    GeneralName domain =
        new GeneralName(GeneralName.uniformResourceIdentifier, "spiffe://corp.test/");
    TestCsr spire = TestCsr.of(new X500Name("C=US,O=SPIFFE"), domain);
    JsonNode data =
        signed(
                "pki/root/sign-intermediate",
                token,
                object(
                    "common_name", "",
                    "organization", "SPIFFE",
                    "country", "US",
                    "uri_sans", "spiffe://corp.test/",
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
        signed(
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

  @Test
  @DisplayName("the same request of the same token has the same certificate; of another, another")
  void repeated() throws Exception {
    String token = home.token("web");
    ObjectNode body = asCertManager("", "", TestCsr.forName("again.corp.test").pem());

    JsonNode first = signed("pki/sign/web", token, body).json().path("data");
    JsonNode second = signed("pki/sign/web", token, body).json().path("data");
    JsonNode other = signed("pki/sign/web", home.token("web"), body).json().path("data");
    JsonNode shorter = signed("pki/sign/web", token, body.put("ttl", "2h")).json().path("data");

    assertThat(second).isEqualTo(first);
    assertThat(
            List.of(first, other, shorter).stream()
                .map(data -> data.path("serial_number").asText())
                .distinct())
        .hasSize(3);
  }

  @Test
  @DisplayName("secret ids: uses, expiry, addresses, revocation; wrong ones all have one answer")
  void secretIds() throws Exception {
    JsonNode once = home.command("role", "credential", "create", "web", "--uses=1");
    assertThat(home.login(once).status()).isEqualTo(200);
    requireErrors(home.login(once), 400, "no uses left");
    JsonNode elsewhere =
        home.command("role", "credential", "create", "web", "--network=192.0.2.0/24");
    requireErrors(home.login(elsewhere), 400, "may not be used from this address");
    JsonNode near = home.command("role", "credential", "create", "web", "--network=127.0.0.0/8");
    assertThat(home.login(near).status()).isEqualTo(200);
    home.command("role", "credential", "revoke", "web", near.path("id").asText());
    requireErrors(home.login(near), 400, "invalid role or secret ID");
    JsonNode soon =
        home.command(
            "role",
            "credential",
            "create",
            "web",
            "--expires=" + Instant.now().plusSeconds(2).toString());
    Thread.sleep(2100);
    requireErrors(home.login(soon), 400, "has expired");

    ObjectNode wrong = object("roleId", web.path("roleId").asText(), "secret", "wrong");
    requireErrors(home.login(wrong), 400, "invalid role or secret ID");
    wrong.put("roleId", "web").put("secret", once.path("secret").asText());
    requireErrors(home.login(wrong), 400, "invalid role or secret ID");
    assertThat(home.command("role", "credential", "list", "web").toString())
        .doesNotContain(once.path("secret").asText(), "secret\"");
  }

  @Test
  @DisplayName("tokens say of themselves what clients ask, and end when they are given up")
  void tokens() throws Exception {
    JsonNode made = home.command("role", "credential", "create", "web", "--kind=token");
    for (String token : List.of(home.token("web"), made.path("secret").asText())) {
      String head = " HTTP/1.1\nHost: localhost\nX-Vault-Token: " + token;
      RawHttps.Answer lookup = home.api().send("GET /v1/auth/token/lookup-self" + head, "");
      assertThat(lookup.status()).isEqualTo(200);
      assertThat(lookup.json().path("data").path("id").asText()).isEqualTo(token);
      assertThat(lookup.json().path("data").path("renewable").asBoolean(true)).isFalse();
      assertThat(lookup.json().path("data").path("ttl").isIntegralNumber()).isTrue();
      requireErrors(
          home.api().send("PUT /v1/auth/token/renew-self" + head, "{}"), 400, "not renewable");
      signed("pki/sign/web", token, asCertManager("", "", TestCsr.forName("t.corp.test").pem()));

      assertThat(home.api().send("PUT /v1/auth/token/revoke-self" + head, "").status())
          .isEqualTo(204);

      requireErrors(
          home.api().send("GET /v1/auth/token/lookup-self" + head, ""), 403, "permission denied");
      requireErrors(
          home.sign("pki/sign/web", token, asCertManager("", "", TestCsr.forName("t").pem())),
          403,
          "permission denied");
    }
  }

  @Test
  @DisplayName("health, seal, CA, chain, CRL and certificates are there without a token")
  void reading() throws Exception {
    RawHttps.Answer health = get("/v1/sys/health?standbyok=true");
    assertThat(health.status()).isEqualTo(200);
    assertThat(health.json().path("initialized").asBoolean()).isTrue();
    assertThat(health.json().path("sealed").asBoolean(true)).isFalse();
    assertThat(home.api().send("HEAD /v1/sys/health HTTP/1.1\nHost: localhost", "").status())
        .isEqualTo(200);
    assertThat(get("/v1/sys/seal-status").json().path("sealed").asBoolean(true)).isFalse();

    X509Certificate root = certificate(Files.readString(home.directory.resolve("root.pem")));
    X509Certificate issuing = certificate(get("/v1/pki/ca/pem").text());
    issuing.verify(root.getPublicKey());
    assertThat(get("/v1/pki/ca").body()).isEqualTo(issuing.getEncoded());
    assertThat(get("/v1/pki/issuer/issuing/der").body()).isEqualTo(issuing.getEncoded());
    assertThat(certificate(get("/v1/pki/cert/ca").json().at("/data/certificate").asText()))
        .isEqualTo(issuing);
    assertThat(get("/v1/pki/issuer/default/json").json().at("/data/ca_chain")).hasSize(2);
    assertThat(get("/v1/pki/ca_chain").text().split("BEGIN CERTIFICATE", -1)).hasSize(3);
    X509CRL crl =
        (X509CRL)
            CertificateFactory.getInstance("X.509")
                .generateCRL(new ByteArrayInputStream(get("/v1/pki/crl/pem").body()));
    crl.verify(issuing.getPublicKey());
    assertThat(get("/v1/pki/crl").body()).isEqualTo(crl.getEncoded());

    String serial =
        signed(
                "pki/sign/web",
                home.token("web"),
                asCertManager("", "", TestCsr.forName("r.corp.test").pem()))
            .json()
            .at("/data/serial_number")
            .asText();
    assertThat(get("/v1/pki/cert/" + serial).json().at("/data/revocation_time").asLong(-1))
        .isZero();
    home.command("certificate", "revoke", serial.replace(":", ""), "--reason=superseded");
    JsonNode revoked = get("/v1/pki/cert/" + serial.replace(':', '-')).json().path("data");
    assertThat(revoked.path("revocation_time").asLong()).isPositive();
    requireErrors(get("/v1/pki/cert/00:11"), 404, "no such certificate");
    requireErrors(get("/v1/pki/issuer/nobody/json"), 404, "no such issuer");
  }

  @Test
  @DisplayName("bodies that are no JSON object, too long, or ambiguous are refused")
  void bodies() throws Exception {
    String token = home.token("web");
    String head = "POST /v1/pki/sign/web HTTP/1.1\nHost: localhost\nX-Vault-Token: " + token;
    for (String body : List.of("[]", "{", "\"a\"", "{\"csr\":\"a\",\"csr\":\"b\"}", "{}{}")) {
      requireErrors(home.api().send(head, body), 400, "not one JSON object");
    }
    requireErrors(
        home.api().send(head, "{\"csr\":\"" + "a".repeat(130 * 1024) + "\"}"), 413, "longer than");
    requireErrors(home.api().send(head, "{\"csr\":{}}"), 400, "csr is not a string");
  }

  @Test
  @DisplayName(
      "a role that is deleted takes its tokens and secret ids with it; its commands refuse")
  void roles() throws Exception {
    home.command(
        "role", "create", "gone", "--issuer=issuing", "--profile=tls-server", "--name=dns:*");
    JsonNode credential = home.command("role", "credential", "create", "gone");
    String token = home.token("gone");
    assertThat(home.command("role", "list").findValuesAsText("name")).contains("gone", "web");

    home.command("role", "delete", "gone");

    requireErrors(home.sign("pki/sign/gone", token, object()), 403, "permission denied");
    requireErrors(home.login(credential), 400, "invalid role or secret ID");
    for (var refused :
        Map.of(
                List.of("create", "web", "--issuer=issuing", "--profile=workload", "--name=dns:*"),
                "already",
                List.of("create", "x", "--issuer=issuing", "--profile=workload"),
                "allows no name",
                List.of("create", "x", "--issuer=no", "--profile=workload", "--name=dns:*"),
                "no issuer no",
                List.of("create", "x", "--issuer=issuing", "--profile=mesh-ca", "--name=dns:*"),
                "makes CAs",
                List.of("create", "x", "--issuer=issuing", "--profile=workload", "--name=a.test"),
                "begins with dns:",
                List.of("show", "gone"),
                "no such role")
            .entrySet()) {
      String[] words = refused.getKey().toArray(String[]::new);
      String[] command = new String[words.length + 1];
      command[0] = "role";
      System.arraycopy(words, 0, command, 1, words.length);
      CommandRun run = home.attempt(command);
      assertThat(run.exitCode()).describedAs(Arrays.toString(command)).isEqualTo(1);
      assertThat(run.err()).contains(refused.getValue());
    }
  }

  @Test
  @DisplayName("the database has digests of secrets and never the secrets")
  void secretsAreNotKept() throws Exception {
    JsonNode made = home.command("role", "credential", "create", "web", "--kind=token");
    String secret = made.path("secret").asText();
    boolean digestSeen = false;
    byte[] digest =
        java.security.MessageDigest.getInstance("SHA-256")
            .digest(secret.getBytes(StandardCharsets.US_ASCII));
    try (var files = Files.walk(home.directory.resolve("database"))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String content = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
        assertThat(content).doesNotContain(secret);
        digestSeen |= content.contains(new String(digest, StandardCharsets.ISO_8859_1));
      }
    }
    assertThat(digestSeen).describedAs(HexFormat.of().formatHex(digest)).isTrue();
  }
}
