package dev.chancery.server;

import static dev.chancery.server.VaultHome.object;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jose4j.jwk.JsonWebKeySet;
import org.jose4j.jwk.RsaJsonWebKey;
import org.jose4j.jwk.RsaJwkGenerator;
import org.jose4j.jws.JsonWebSignature;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.jwt.NumericDate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("Logins by service account and by client certificate")
class VaultLoginsTest {
  private static final String CLUSTER = "https://kubernetes.default.svc";

  @TempDir static Path folder;
  private static VaultHome home;
  private static RsaJsonWebKey key;

  @BeforeAll
  static void serve() throws Exception {
    key = RsaJwkGenerator.generateJwk(2048);
    key.setKeyId("k");
    Path keys = Files.writeString(folder.resolve("keys.json"), new JsonWebKeySet(key).toJson());
    home =
        VaultHome.serve(
            folder.resolve("home"),
            Map.of(
                "vault.certificateLogin",
                "true",
                "vault.clusters",
                "{kubernetes: {issuer: '" + CLUSTER + "', jwksFile: '" + keys + "'}}"));
    for (String name : List.of("web", "other")) {
      home.command(
          "role",
          "create",
          name,
          "--issuer=issuing",
          "--profile=tls-client",
          "--name=dns:" + name + ".test",
          "--service-account=cert-manager/*",
          "--audience=vault://" + name,
          "--certificate-name=dns:agent." + name + ".test");
    }
  }

  @AfterAll
  static void stop() {
    home.close();
  }

  private static String accountToken(String namespace, String audience) throws Exception {
    JwtClaims claims = new JwtClaims();
    claims.setIssuer(CLUSTER);
    claims.setAudience(audience, "https://ca.test");
    claims.setSubject("system:serviceaccount:" + namespace + ":issuer");
    claims.setExpirationTime(NumericDate.fromSeconds(Instant.now().getEpochSecond() + 600));
    claims.setClaim(
        "kubernetes.io",
        Map.of("namespace", namespace, "serviceaccount", Map.of("name", "issuer", "uid", "u")));
    JsonWebSignature signature = new JsonWebSignature();
    signature.setAlgorithmHeaderValue("RS256");
    signature.setKeyIdHeaderValue("k");
    signature.setPayload(claims.toJson());
    signature.setKey(key.getPrivateKey());
    return signature.getCompactSerialization();
  }

  private static RawHttps.Answer login(RawHttps api, String mount, ObjectNode body)
      throws Exception {
    return api.send(
        """
        POST /v1/auth/%s/login HTTP/1.1
        Host: localhost
        X-Vault-Request: true
        """
            .formatted(mount),
        body.toString());
  }

  private static RawHttps.Answer byAccount(String role, String token) throws Exception {
    return login(home.api(), "kubernetes", object("role", role, "jwt", token));
  }

  @Test
  @DisplayName("a service account logs in under its role, and under no other")
  void serviceAccount() throws Exception {
    String token = accountToken("cert-manager", "vault://web");

    RawHttps.Answer in = byAccount("web", token);
    assertThat(in.status()).describedAs(in.toString()).isEqualTo(200);
    RawHttps.Answer signed =
        home.sign(
            "pki/sign/web",
            in.json().at("/auth/client_token").asText(),
            object("csr", TestCsr.forName("a.web.test").pem()));
    assertThat(signed.status()).describedAs(signed.toString()).isEqualTo(200);

    assertThat(byAccount("other", token).status()).isEqualTo(403);
    assertThat(byAccount("nobody", token).status()).isEqualTo(400);
    assertThat(byAccount("web", accountToken("default", "vault://web")).status()).isEqualTo(403);
    assertThat(byAccount("web", token + "x").status()).isEqualTo(403);
    assertThat(byAccount("web", "").status()).isEqualTo(400);
    assertThat(
            home.sign(
                    "pki/sign/other",
                    in.json().at("/auth/client_token").asText(),
                    object("csr", TestCsr.forName("a.other.test").pem()))
                .status())
        .isEqualTo(403);
  }

  @Test
  @DisplayName(
      "a client certificate logs in under the role that admits its names, until it is revoked")
  void clientCertificate() throws Exception {
    TestCsr csr = TestCsr.forName("agent.web.test");
    JsonNode data =
        home.sign("pki/sign/web", home.token("web"), object("csr", csr.pem())).json().path("data");
    List<java.security.cert.X509Certificate> chain = new ArrayList<>();
    chain.add(VaultHome.certificate(data.path("certificate").asText()));
    chain.add(VaultHome.certificate(data.path("issuing_ca").asText()));
    RawHttps api = home.api(Optional.of(new Credential(csr.keys().getPrivate(), chain)));

    RawHttps.Answer any = login(api, "cert", object("name", ""));
    assertThat(any.status()).describedAs(any.toString()).isEqualTo(200);
    assertThat(any.json().at("/auth/policies/0").asText()).isEqualTo("web");
    assertThat(login(api, "cert", object("name", "web")).status()).isEqualTo(200);
    assertThat(login(api, "cert", object("name", "other")).status()).isEqualTo(403);
    assertThat(login(home.api(), "cert", object("name", "web")).status()).isEqualTo(400);

    home.command(
        "certificate",
        "revoke",
        data.path("serial_number").asText().replace(":", ""),
        "--reason=superseded");
    assertThat(login(api, "cert", object("name", "web")).status()).isEqualTo(403);
  }

  @Test
  @DisplayName("what cannot be of the configuration stops the start with its reason")
  void configuration() {
    for (var refused :
        Map.of(
                "{mount: sys}", "neither auth nor sys",
                "{tokenLifetime: 2h}", "from 1m to 1h",
                "{clusters: {kubernetes: {}}}", "one of server",
                "{clusters: {approle: {issuer: a, jwksFile: b}}}", "none of approle",
                "{clusters: {a: {issuer: a}}}", "one of them",
                "{clusters: {a: {server: 'http://a'}}}", "an https URL",
                "{clusters: {a: {server: 'https://a', jwksFile: b}}}", "are for issuer",
                "{unknown: 1}", "unknown")
            .entrySet()) {
      assertThatThrownBy(() ->
              Configuration.read(Home.open(home.directory), Map.of("vault", refused.getKey())))
          .isInstanceOf(ConfigurationInvalid.class)
          .hasMessageContaining(refused.getValue());
    }
  }
}
