package dev.chancery.server;

import static dev.chancery.server.VaultHome.asCertManager;
import static dev.chancery.server.VaultHome.object;
import static dev.chancery.server.VaultHome.requireErrors;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERUTF8String;
import org.bouncycastle.asn1.x500.RDN;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.GeneralName;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Paths and methods, repetitions, and what is refused. */
@DisplayName("Requests to sign: where, how often, and which are refused")
class VaultRequestsTest {
  @TempDir static Path folder;
  private static VaultHome home;

  @BeforeAll
  static void serve() throws Exception {
    home = VaultHome.serve(folder.resolve("home"), Map.of());
    home.workloadRole();
    home.meshRole();
  }

  @AfterAll
  static void stop() {
    home.close();
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
  @DisplayName("a subject says nothing of who somebody is but what the role permits")
  void subjects() throws Exception {
    String token = home.token("web");
    for (String permitted :
        List.of(
            "CN=a.corp.test",
            "CN=A.Corp.Test",
            "CN=b.corp.test",
            "CN=10.1.2.3",
            "CN=ops@corp.test",
            "CN=system:probe",
            "CN=Payroll of the Corporation",
            "O=Corp",
            "O=Corp,OU=Ops+OU=Web",
            "C=CH,ST=Bern,L=Thun,STREET=Bahnhofstrasse 1,PostalCode=3600",
            "UID=svc-1",
            "E=ops@corp.test")) {
      home.signed("pki/sign/web", token, ofSubject(permitted));
    }
    for (String refused :
        List.of(
            "CN=payroll.other.test",
            "CN=payroll.other.test.",
            "CN=\\ payroll.other.test",
            "CN=payroll.other.test\\ ",
            "CN=.payroll.other.test",
            "CN=pay\u00adroll.other.test",
            "CN=payroll\uff0eother\uff0etest",
            "CN=*.other.test",
            "CN=intranet",
            "CN=Administrator",
            "CN=system:admin",
            "CN=192.0.2.1",
            "CN=2001:db8::1",
            "CN=root@other.test",
            "CN=Root <root@other.test>",
            "CN=https://other.test/",
            "CN=spiffe://corp.test.evil/a",
            "CN=a.corp.test+CN=payroll.other.test",
            "O=system:masters",
            "O=Corp+O=system:masters",
            "O=corp",
            "OU=Board",
            "OU=board",
            "OU=\\ Board",
            "UID=svc-2",
            "DC=corp,DC=test",
            "SERIALNUMBER=1",
            "2.5.4.97=VATCH-1",
            "E=root@other.test")) {
      requireErrors(home.sign("pki/sign/web", token, ofSubject(refused)), 400, "");
    }
    requireErrors(
        home.sign("pki/sign/web", token, ofSubject("O=system:masters")),
        400,
        "policy does not allow O=system:masters in the subject");
    for (ASN1ObjectIdentifier type : List.of(BCStyle.CN, BCStyle.O)) {
      RawHttps.Answer huge =
          home.sign("pki/sign/web", token, ofAttribute(type, "a" + ".".repeat(45_000) + "b"));
      requireErrors(huge, 400, "more than 255 characters");
      RawHttps.Answer longer = home.sign("pki/sign/web", token, ofAttribute(type, "b".repeat(200)));
      requireErrors(longer, 400, "b".repeat(80) + "... in the subject");
      assertThat(huge.body().length + longer.body().length).isLessThan(1000);
    }
    requireErrors(
        home.sign("pki/sign/web", token, ofSubject("O=Corp" + ",O=Corp".repeat(20))),
        400,
        "more than 20 attributes");
    // A CA is neither a host nor a user.
    String mesh = home.token("mesh");
    GeneralName domain =
        new GeneralName(GeneralName.uniformResourceIdentifier, "spiffe://corp.test");
    for (String permitted : List.of("CN=mesh-ca", "CN=Mesh CA 1,O=SPIFFE")) {
      home.signed(
          "pki/root/sign-intermediate",
          mesh,
          object(
              "csr",
              TestCsr.of(new X500Name(permitted), domain).pem(),
              "exclude_cn_from_sans",
              "true"));
    }
    for (String refused : List.of("CN=payroll.other.test", "CN=mesh-ca,O=system:masters")) {
      requireErrors(
          home.sign(
              "pki/root/sign-intermediate",
              mesh,
              object(
                  "csr",
                  TestCsr.of(new X500Name(refused), domain).pem(),
                  "exclude_cn_from_sans",
                  "true")),
          400,
          "policy does not allow");
    }
  }

  private static ObjectNode ofSubject(String subject) throws Exception {
    return ofSubject(new X500Name(subject));
  }

  /** Longer than there may be, which only the octets can say. */
  private static ObjectNode ofAttribute(ASN1ObjectIdentifier type, String text) throws Exception {
    return ofSubject(new X500Name(new RDN[] {new RDN(type, new DERUTF8String(text))}));
  }

  private static ObjectNode ofSubject(X500Name subject) throws Exception {
    return asCertManager(
        "", "", TestCsr.of(subject, new GeneralName(GeneralName.dNSName, "a.corp.test")).pem());
  }

  @Test
  @DisplayName("URIs with commas in them, one and several, are those of the CSR")
  void commas() throws Exception {
    String token = home.token("web");
    String first = "spiffe://corp.test/a,b";
    String second = "spiffe://corp.test/c";
    ObjectNode body =
        asCertManager(
            "",
            "",
            TestCsr.of(
                    new X500Name(new RDN[0]),
                    new GeneralName(GeneralName.uniformResourceIdentifier, first),
                    new GeneralName(GeneralName.uniformResourceIdentifier, second))
                .pem());

    home.signed("pki/sign/web", token, body.put("uri_sans", first));
    home.signed("pki/sign/web", token, body.put("uri_sans", first + "," + second));
    home.signed("pki/sign/web", token, body.put("uri_sans", second + "," + first));
    requireErrors(
        home.sign("pki/sign/web", token, body.put("uri_sans", first + ",spiffe://corp.test/d")),
        400,
        "uri_sans has a name that the CSR does not have");
  }

  @Test
  @Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  @DisplayName("lists as long as a body can be are compared with the CSR at once")
  void longLists() throws Exception {
    String token = home.token("web");
    ObjectNode body = asCertManager("", "", TestCsr.forName("a.corp.test").pem());
    for (String field : List.of("uri_sans", "alt_names", "ip_sans", "other_sans")) {
      requireErrors(
          home.sign("pki/sign/web", token, body.deepCopy().put(field, "a,".repeat(50_000))),
          400,
          field + " has a name that the CSR does not have");
    }
    // As many parts as the CSR's own URIs have.
    List<GeneralName> uris = new ArrayList<>();
    for (int i = 0; i < 15; i++) {
      uris.add(
          new GeneralName(
              GeneralName.uniformResourceIdentifier,
              "spiffe://corp.test/a" + i + ",a".repeat(1000)));
    }
    ObjectNode many =
        asCertManager(
            "", "", TestCsr.of(new X500Name(new RDN[0]), uris.toArray(GeneralName[]::new)).pem());
    requireErrors(
        home.sign("pki/sign/web", token, many.put("uri_sans", "a,".repeat(15_000))),
        400,
        "uri_sans has a name that the CSR does not have");
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
      home.signed(path, token, asCertManager("", "", TestCsr.forName("p.corp.test").pem()));
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
    requireErrors(home.get("/v1/pki/sign/web"), 405, "unsupported operation");
    requireErrors(home.get("/v1/pki/nothing"), 404, "no such path");
    requireErrors(home.get("/v1/other/sign/web"), 404, "no such path");
    requireErrors(home.get("/v1/auth/aws/login"), 404, "no such path");
  }

  @Test
  @DisplayName("the same request of the same token has the same certificate; of another, another")
  void repeated() throws Exception {
    String token = home.token("web");
    ObjectNode body = asCertManager("", "", TestCsr.forName("again.corp.test").pem());

    JsonNode first = home.signed("pki/sign/web", token, body).json().path("data");
    JsonNode second = home.signed("pki/sign/web", token, body).json().path("data");
    JsonNode other = home.signed("pki/sign/web", home.token("web"), body).json().path("data");
    JsonNode shorter =
        home.signed("pki/sign/web", token, body.put("ttl", "2h")).json().path("data");

    assertThat(second).isEqualTo(first);
    assertThat(
            List.of(first, other, shorter).stream()
                .map(data -> data.path("serial_number").asText())
                .distinct())
        .hasSize(3);
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
        home.api().send(head, "{\"csr\":\"" + "a".repeat(130 * 1024) + "\"}"),
        413,
        "octets at most");
    requireErrors(home.api().send(head, "{\"csr\":{}}"), 400, "csr is not a string");
  }
}
