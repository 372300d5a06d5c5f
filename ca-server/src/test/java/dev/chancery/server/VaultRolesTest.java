package dev.chancery.server;

import static dev.chancery.server.VaultHome.asCertManager;
import static dev.chancery.server.VaultHome.object;
import static dev.chancery.server.VaultHome.requireErrors;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Roles, secret ids and tokens, by the command line and by the API. */
@DisplayName("Roles and what logs in under them")
class VaultRolesTest {
  @TempDir static Path folder;
  private static VaultHome home;
  private static JsonNode web;

  @BeforeAll
  static void serve() throws Exception {
    home = VaultHome.serve(folder.resolve("home"), Map.of());
    web = home.workloadRole();
  }

  @AfterAll
  static void stop() {
    home.close();
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
      home.signed(
          "pki/sign/web", token, asCertManager("", "", TestCsr.forName("t.corp.test").pem()));

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
