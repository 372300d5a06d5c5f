package dev.chancery.server;

import static dev.chancery.server.VaultHome.object;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("Logins by client certificate, and what the configuration says of logins")
class VaultLoginsTest {
  @TempDir static Path folder;
  private static VaultHome home;

  @BeforeAll
  static void serve() throws Exception {
    home = VaultHome.serve(folder.resolve("home"), Map.of("vault.certificateLogin", "true"));
    for (String name : List.of("web", "other")) {
      home.command(
          "role",
          "create",
          name,
          "--issuer=issuing",
          "--profile=tls-client",
          "--name=dns:" + name + ".test",
          "--certificate-name=dns:agent." + name + ".test");
    }
  }

  @AfterAll
  static void stop() {
    home.close();
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
  @DisplayName("a certificate of another issuer says nothing, unless the role names that one")
  void anotherIssuer() throws Exception {
    try (VaultHome two =
        VaultHome.serveTwoIssuers(
            folder.resolve("two"), Clock.systemUTC(), Map.of("vault.certificateLogin", "true"))) {
      String[] own = {
        "role", "create", "web", "--issuer=issuing", "--profile=tls-client", "--name=dns:web.test"
      };
      two.command(with(own, "--certificate-name=dns:agent.web.test"));
      own[2] = "open";
      two.command(
          with(own, "--certificate-name=dns:agent.web.test", "--certificate-issuer=second"));
      own[2] = "tenant";
      own[3] = "--issuer=second";
      two.command(own);
      TestCsr csr = TestCsr.forName("agent.web.test");
      JsonNode data =
          two.signed("pki/sign/tenant", two.token("tenant"), object("csr", csr.pem()))
              .json()
              .path("data");
      RawHttps api =
          two.api(
              Optional.of(
                  new Credential(
                      csr.keys().getPrivate(),
                      List.of(
                          VaultHome.certificate(data.path("certificate").asText()),
                          VaultHome.certificate(data.path("issuing_ca").asText())))));

      assertThat(login(api, "cert", object("name", "web")).status()).isEqualTo(403);
      assertThat(login(api, "cert", object("name", "open")).status()).isEqualTo(200);
      assertThat(two.command("role", "show", "web").path("certificateIssuer").asText())
          .isEqualTo("issuing");
      for (String more : List.of("--certificate-issuer=none", "--certificate-issuer=second")) {
        own[2] = "x";
        assertThat(two.attempt(with(own, more)).err()).contains("certificateIssuer is an issuer");
      }
    }
  }

  private static String[] with(String[] words, String... more) {
    List<String> all = new ArrayList<>(List.of(words));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  @Test
  @DisplayName("a role that nobody can log in under, as the API is off, is made with a notice")
  void off() throws Exception {
    try (VaultHome closed =
        VaultHome.serve(folder.resolve("closed"), Map.of("vault.enabled", "false"))) {
      assertThat(closed.workloadRole().path("notice").asText()).contains("enabled: true");
    }
    assertThat(home.command("role", "show", "web").has("notice")).isFalse();
  }

  @Test
  @DisplayName("a request to sign is answered before its client has waited for a minute")
  void signPatience() throws Exception {
    for (String timeout : List.of("5s", "20s")) {
      Configuration configuration =
          Configuration.read(Home.open(home.directory), Map.of("token.timeout", timeout));
      assertThat(
              VaultConfiguration.signPatience(configuration)
                  .plus(Durations.parse(timeout))
                  .plus(Databases.PATIENCE.multipliedBy(2)))
          .isBetween(Duration.ofSeconds(40), Duration.ofSeconds(55));
      // Nobody alive is taken for dead, and who waits sees the dead replaced.
      assertThat(VaultConfiguration.longestIssuance(configuration))
          .isEqualTo(Durations.parse(timeout).plus(Databases.PATIENCE))
          .isLessThanOrEqualTo(VaultConfiguration.signPatience(configuration));
    }
    Configuration configuration =
        Configuration.read(
            Home.open(home.directory),
            Map.of(
                "token.timeout", "20s",
                "tokens", "{second: {library: /a.so, label: second, pinFile: pin, timeout: 20s}}",
                "issuers",
                    "[{name: issuing, certificate: certs/issuing.pem, keyId: '01', ocspKeyId: '02',"
                        + " standbyTokens: [second]}]"));
    assertThat(VaultConfiguration.longestIssuance(configuration)).isEqualTo(Duration.ofSeconds(45));
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
