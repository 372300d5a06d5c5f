package dev.chancery.server;

import static dev.chancery.server.VaultHome.certificate;
import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.chancery.core.Csr;
import dev.chancery.core.Name;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.DERUTF8String;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.OtherName;
import org.bouncycastle.cert.X509CertificateHolder;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The exchanges of cert-manager's Vault issuer, octet for octet as Go's client writes them: the
 * order of its headers, no Content-Type, gzip accepted, the members of JSON in their order, the
 * connection left open.
 */
@DisplayName("Octets of a Vault client written in Go")
class VaultGoldenTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir static Path folder;
  private static ClusterApi cluster;
  private static VaultHome home;

  @BeforeAll
  static void serve() throws Exception {
    cluster = new ClusterApi();
    Path keys = Files.writeString(folder.resolve("keys.json"), cluster.published());
    home =
        VaultHome.serve(
            folder.resolve("home"),
            Map.of(
                "vault.certificateLogin",
                "true",
                "vault.clusters.kubernetes",
                "{issuer: '" + ClusterApi.ISSUER + "', jwksFile: '" + keys + "'}"));
    home.workloadRole(
        "--name=subject:DC=*", "--name=subject:SERIALNUMBER=123", "--name=subject:O=Kör , und +");
    home.meshRole();
    home.command(
        "role",
        "create",
        "cluster",
        "--issuer=issuing",
        "--profile=workload",
        "--name=dns:corp.test",
        "--service-account=cert-manager/chancery",
        "--audience=vault://chancery",
        "--certificate-name=dns:agent.corp.test");
  }

  @AfterAll
  static void stop() {
    home.close();
    cluster.close();
  }

  /** A request line and headers as they leave Go's net/http, in one TLS connection of its own. */
  private static RawHttps.Answer sent(
      RawHttps api, String line, Optional<String> namespace, Optional<String> token, String body)
      throws Exception {
    StringBuilder request = new StringBuilder(line).append(" HTTP/1.1\r\n");
    request.append("Host: localhost\r\n").append("User-Agent: Go-http-client/1.1\r\n");
    if (!body.isEmpty()) {
      int length = body.getBytes(StandardCharsets.UTF_8).length;
      request.append("Content-Length: ").append(length).append("\r\n");
    }
    namespace.ifPresent(name -> request.append("X-Vault-Namespace: ").append(name).append("\r\n"));
    request.append("X-Vault-Request: true\r\n");
    token.ifPresent(text -> request.append("X-Vault-Token: ").append(text).append("\r\n"));
    request.append("Accept-Encoding: gzip\r\n\r\n").append(body);
    return api.verbatim(request.toString());
  }

  private static RawHttps.Answer login(RawHttps api, String line, String body) throws Exception {
    return sent(api, line, Optional.of("team-a"), Optional.empty(), body);
  }

  private static String loggedIn(RawHttps.Answer answer) {
    assertThat(answer.status()).describedAs(answer.toString()).isEqualTo(200);
    JsonNode auth = answer.json().path("auth");
    assertThat(auth.path("client_token").asText()).matches("[!-~]+");
    assertThat(auth.path("renewable")).isEqualTo(JSON.getNodeFactory().booleanNode(false));
    assertThat(auth.path("lease_duration").isIntegralNumber()).isTrue();
    assertThat(auth.path("policies").isArray()).isTrue();
    return auth.path("client_token").asText();
  }

  private static String appRole(String role) throws Exception {
    return appRole("POST", role);
  }

  private static String appRole(String method, String role) throws Exception {
    JsonNode made = home.command("role", "credential", "create", role);
    return loggedIn(
        login(
            home.api(),
            method + " /v1/auth/approle/login",
            "{\"role_id\":\"%s\",\"secret_id\":\"%s\"}"
                .formatted(made.path("roleId").asText(), made.path("secret").asText())));
  }

  private static String account(String method) throws Exception {
    String token =
        cluster.token(
            ClusterApi.claims("cert-manager", "chancery", "vault://chancery"), claims -> {});
    return loggedIn(
        login(
            home.api(),
            method + " /v1/auth/kubernetes/login",
            "{\"jwt\":\"%s\",\"role\":\"cluster\"}".formatted(token)));
  }

  private static String clientCertificate(String method, String name) throws Exception {
    TestCsr csr = TestCsr.forName("agent.corp.test");
    JsonNode data = data(signed("pki/sign/web", appRole("web"), request(csr)));
    List<X509Certificate> chain = new ArrayList<>();
    chain.add(certificate(data.path("certificate").asText()));
    chain.add(certificate(data.path("issuing_ca").asText()));
    RawHttps api = home.api(Optional.of(new Credential(csr.keys().getPrivate(), chain)));
    return loggedIn(login(api, method + " /v1/auth/cert/login", "{\"name\":\"" + name + "\"}"));
  }

  private static String staticToken() throws Exception {
    return home.command("role", "credential", "create", "cluster", "--kind=token")
        .path("secret")
        .asText();
  }

  @ParameterizedTest
  @ValueSource(strings = {"approle", "account", "certificate", "any certificate", "token"})
  @DisplayName("each login, and a certificate after it, with a namespace in both")
  void logins(String login) throws Exception {
    String token =
        switch (login) {
          case "approle" -> appRole("cluster");
          case "account" -> account("POST");
          case "certificate" -> clientCertificate("POST", "cluster");
          case "any certificate" -> clientCertificate("POST", "");
          default -> staticToken();
        };
    TestCsr csr = TestCsr.forName("a.corp.test");

    RawHttps.Answer health =
        sent(home.api(), "GET /v1/sys/health", Optional.empty(), Optional.of(token), "");
    JsonNode answer = signed("pki/sign/cluster", token, request(csr));

    assertThat(health.status()).isEqualTo(200);
    requireWhole(answer, csr);
  }

  /**
   * What cert-manager makes of a CSR: the members in the order in which Go writes a map, and PEM
   * with its line ends escaped.
   */
  private static String request(TestCsr csr) throws Exception {
    return "{\"alt_names\":"
        + names(csr, GeneralName.dNSName)
        + ",\"common_name\":"
        + JSON.writeValueAsString(commonName(csr))
        + ",\"csr\":"
        + JSON.writeValueAsString(csr.pem())
        + ",\"exclude_cn_from_sans\":\"true\",\"ip_sans\":"
        + names(csr, GeneralName.iPAddress)
        + ",\"ttl\":\"2160h0m0s\",\"uri_sans\":"
        + names(csr, GeneralName.uniformResourceIdentifier)
        + "}";
  }

  /** As SPIRE does. */
  private static String spireRequest(TestCsr csr) throws Exception {
    return "{\"common_name\":"
        + JSON.writeValueAsString(commonName(csr))
        + ",\"country\":\"CH\",\"csr\":"
        + JSON.writeValueAsString(csr.pem())
        + ",\"organization\":\"SPIFFE\",\"ttl\":\"\",\"uri_sans\":"
        + names(csr, GeneralName.uniformResourceIdentifier)
        + "}";
  }

  private static String commonName(TestCsr csr) throws Exception {
    return String.join(",", Csr.parse(csr.der()).commonNames());
  }

  private static String names(TestCsr csr, int kind) throws Exception {
    return JSON.writeValueAsString(
        Csr.parse(csr.der()).names().stream()
            .filter(name -> name.toGeneralName().getTagNo() == kind)
            .map(Name::value)
            .collect(joining(",")));
  }

  private static JsonNode signed(String path, String token, String body) throws Exception {
    RawHttps.Answer answer =
        sent(home.api(), "POST /v1/" + path, Optional.of("team-a"), Optional.of(token), body);
    assertThat(answer.status()).describedAs(answer.toString()).isEqualTo(200);
    return answer.json();
  }

  private static JsonNode data(JsonNode answer) {
    return answer.path("data");
  }

  /** Each member of the answer with the type that Go decodes it into, and one line of CAs. */
  private static void requireWhole(JsonNode answer, TestCsr csr) throws Exception {
    assertThat(answer.path("request_id").isTextual()).isTrue();
    assertThat(answer.path("lease_id").isTextual()).isTrue();
    assertThat(answer.path("renewable").isBoolean()).isTrue();
    assertThat(answer.path("lease_duration").isIntegralNumber()).isTrue();
    assertThat(answer.path("auth").isNull()).isTrue();
    assertThat(answer.path("warnings").isNull() || answer.path("warnings").isArray()).isTrue();
    JsonNode data = data(answer);
    for (String text : List.of("certificate", "issuing_ca", "serial_number")) {
      assertThat(data.path(text).isTextual()).describedAs(text).isTrue();
    }
    for (String number : List.of("expiration", "not_before")) {
      assertThat(data.path(number).isIntegralNumber()).describedAs(number).isTrue();
    }
    X509Certificate below = certificate(data.path("certificate").asText());
    assertThat(below.getPublicKey()).isEqualTo(csr.keys().getPublic());
    assertThat(data.path("ca_chain")).hasSize(2);
    assertThat(data.path("ca_chain").path(0)).isEqualTo(data.path("issuing_ca"));
    for (JsonNode element : data.path("ca_chain")) {
      assertThat(element.asText())
          .matches(
              "-----BEGIN CERTIFICATE-----\\v([A-Za-z0-9+/=]{1,64}\\v)+-----END"
                  + " CERTIFICATE-----\\v?");
      X509Certificate above = certificate(element.asText());
      below.verify(above.getPublicKey());
      below = above;
    }
    below.verify(below.getPublicKey());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "POST pki/sign/web",
        "PUT pki/sign/web",
        "POST pki/issuer/issuing/sign/web",
        "POST pki/issuer/default/sign/web",
        "POST pki/sign-verbatim/web",
        "PUT pki/issuer/issuing/sign-verbatim/web"
      })
  @DisplayName("each path, twice as after a lost answer: the same octets of a certificate")
  void paths(String path) throws Exception {
    String token = appRole("web");
    TestCsr csr = TestCsr.forName("b.corp.test");
    String line = path.replace(" ", " /v1/");
    String body = request(csr);

    RawHttps.Answer first = sent(home.api(), line, Optional.empty(), Optional.of(token), body);
    RawHttps.Answer second = sent(home.api(), line, Optional.empty(), Optional.of(token), body);

    assertThat(first.status()).describedAs(first.toString()).isEqualTo(200);
    requireWhole(first.json(), csr);
    assertThat(data(second.json())).isEqualTo(data(first.json()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "pki/sign/mesh",
        "pki/root/sign-intermediate",
        "pki/issuer/issuing/sign-intermediate"
      })
  @DisplayName("isCA is said by the path alone: each that is for CAs makes one")
  void authority(String path) throws Exception {
    String spiffe = "spiffe://corp.test";
    TestCsr csr =
        TestCsr.of(
            new X500Name("O=SPIFFE"),
            new GeneralName(GeneralName.uniformResourceIdentifier, spiffe));

    JsonNode answer = signed(path, appRole("mesh"), request(csr));

    requireWhole(answer, csr);
    X509Certificate authority = certificate(data(answer).path("certificate").asText());
    assertThat(authority.getBasicConstraints()).isEqualTo(1);
  }

  @Test
  @DisplayName("SPIRE's requests, which are PUT: each login, and a CA")
  void spire() throws Exception {
    assertThat(account("PUT")).isNotEmpty();
    assertThat(clientCertificate("PUT", "cluster")).isNotEmpty();
    TestCsr csr =
        TestCsr.of(
            new X500Name("C=CH,O=SPIFFE"),
            new GeneralName(GeneralName.uniformResourceIdentifier, "spiffe://corp.test"));

    RawHttps.Answer answer =
        sent(
            home.api(),
            "PUT /v1/pki/root/sign-intermediate",
            Optional.empty(),
            Optional.of(appRole("PUT", "mesh")),
            spireRequest(csr));

    assertThat(answer.status()).describedAs(answer.toString()).isEqualTo(200);
    requireWhole(answer.json(), csr);
  }

  static Stream<GeneralName> names() {
    OtherName upn =
        new OtherName(
            new ASN1ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), new DERUTF8String("a@corp.test"));
    return Stream.of(
        new GeneralName(GeneralName.dNSName, "c.corp.test"),
        new GeneralName(GeneralName.dNSName, "*.c.corp.test"),
        new GeneralName(GeneralName.iPAddress, new DEROctetString(new byte[] {10, 0, 0, 7})),
        new GeneralName(GeneralName.uniformResourceIdentifier, "spiffe://corp.test/ns/a/sa/b"),
        new GeneralName(GeneralName.rfc822Name, "ops@corp.test"),
        new GeneralName(GeneralName.otherName, upn));
  }

  @ParameterizedTest
  @MethodSource("names")
  @DisplayName("each kind of name alone: carried as it is, critical for want of a subject")
  void eachKind(GeneralName name) throws Exception {
    TestCsr csr = TestCsr.of(new X500Name(new org.bouncycastle.asn1.x500.RDN[0]), name);

    JsonNode data = data(signed("pki/sign/web", appRole("web"), request(csr)));

    Extension held =
        new X509CertificateHolder(certificate(data.path("certificate").asText()).getEncoded())
            .getExtension(Extension.subjectAlternativeName);
    assertThat(held.isCritical()).isTrue();
    assertThat(GeneralNames.getInstance(held.getParsedValue()).getNames()).containsExactly(name);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "CN=d.corp.test",
        "C=CH,O=Corp,OU=Ops,CN=d.corp.test",
        "DC=corp,DC=test,OU=Ops+O=Corp,CN=d.corp.test",
        "2.5.4.5=#0c03313233,UID=svc-1,CN=d.corp.test",
        "O=Kör \\, und \\+,CN=d.corp.test"
      })
  @DisplayName("literalSubject comes back octet for octet")
  void literalSubject(String subject) throws Exception {
    X500Name literal = new X500Name(subject);
    TestCsr csr = TestCsr.of(literal, new GeneralName(GeneralName.dNSName, "d.corp.test"));

    JsonNode data = data(signed("pki/sign/web", appRole("web"), request(csr)));

    // As the octets stand in both: whoever reads and writes names would order their attributes.
    String octets = HexFormat.of().formatHex(literal.getEncoded(ASN1Encoding.DER));
    assertThat(HexFormat.of().formatHex(csr.der())).contains(octets);
    assertThat(
            HexFormat.of().formatHex(certificate(data.path("certificate").asText()).getEncoded()))
        .contains(octets);
  }

  @Test
  @DisplayName("a bad token at the sign path, which nobody asks about before: 403 and its reason")
  void badToken() throws Exception {
    RawHttps.Answer refused =
        sent(
            home.api(),
            "POST /v1/pki/sign/web",
            Optional.of("team-a"),
            Optional.of("hvs.nothing"),
            request(TestCsr.forName("e.corp.test")));

    VaultHome.requireErrors(refused, 403, "permission denied");
  }
}
