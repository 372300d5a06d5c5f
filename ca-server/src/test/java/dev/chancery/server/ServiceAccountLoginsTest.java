package dev.chancery.server;

import static dev.chancery.server.VaultHome.object;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.jwt.NumericDate;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * One cluster, known in three ways: its API server is asked for each token, its keys are read from
 * it, its keys are in a file. Controllers try a login again whatever its status is, and show the
 * text: 400 and 403 stay until somebody acts, 503 ends by itself.
 */
@DisplayName("Logins by service account")
class ServiceAccountLoginsTest {
  private static final String NAMESPACE = "cert-manager";

  @TempDir static Path folder;
  private static ClusterApi cluster;
  private static Path reviewer;
  private static VaultHome home;

  @BeforeAll
  static void serve() throws Exception {
    cluster = new ClusterApi();
    reviewer = Files.writeString(folder.resolve("token"), "first");
    Path keys = Files.writeString(folder.resolve("keys.json"), cluster.published());
    Path strangers = DevelopmentHome.served(folder.resolve("strangers"));
    String byKeys = "{issuer: '" + ClusterApi.ISSUER + "', ";
    String byReview = "{server: '" + cluster.url("/") + "', tokenFile: '" + reviewer + "', ";
    home =
        VaultHome.serve(
            folder.resolve("home"),
            Map.of(
                "vault.clusters.reviewed",
                byReview + "caFile: '" + cluster.roots() + "'}",
                "vault.clusters.published",
                byKeys
                    + "jwksUrl: '"
                    + cluster.url("/openid/v1/jwks")
                    + "', caFile: '"
                    + cluster.roots()
                    + "'}",
                "vault.clusters.filed",
                byKeys + "jwksFile: '" + keys + "'}",
                "vault.clusters.unbelieved",
                byReview + "caFile: '" + strangers.resolve("root.pem") + "'}"));
    for (String name : new String[] {"reviewed", "published", "filed", "unbelieved"}) {
      role(name, name, "vault://web");
      role(name, name + "-other", "vault://other");
    }
  }

  private static void role(String cluster, String name, String audience) throws Exception {
    home.command(
        "role",
        "create",
        name,
        "--issuer=issuing",
        "--profile=tls-server",
        "--name=dns:web.test",
        "--cluster=" + cluster,
        "--service-account=" + NAMESPACE + "/*",
        "--audience=" + audience);
  }

  @AfterAll
  static void stop() {
    home.close();
    cluster.close();
  }

  private static RawHttps.Answer login(String mount, String role, String token) throws Exception {
    return home.api()
        .send(
            """
            POST /v1/auth/%s/login HTTP/1.1
            Host: localhost
            User-Agent: Go-http-client/1.1
            X-Vault-Request: true
            """
                .formatted(mount),
            object("role", role, "jwt", token).toString());
  }

  private static void requireRefused(RawHttps.Answer answer, int status, String says) {
    assertThat(answer.status()).describedAs(answer.toString()).isEqualTo(status);
    assertThat(answer.json().path("errors").path(0).asText()).contains(says);
    assertThat(answer.text()).doesNotContain("client_token", "eyJ");
  }

  private static String token(Consumer<JwtClaims> change) throws Exception {
    return cluster.token(ClusterApi.claims(NAMESPACE, "issuer", "vault://web"), change);
  }

  private static String token() throws Exception {
    return token(claims -> {});
  }

  @ParameterizedTest
  @ValueSource(strings = {"reviewed", "published", "filed"})
  @DisplayName("with its audience it is let in, and signs under its role and under no other")
  void accepted(String known) throws Exception {
    RawHttps.Answer in = login(known, known, token());

    assertThat(in.status()).describedAs(in.toString()).isEqualTo(200);
    String client = in.json().at("/auth/client_token").asText();
    var request = object("csr", TestCsr.forName("a.web.test").pem());
    RawHttps.Answer signed = home.sign("pki/sign/" + known, client, request);
    assertThat(signed.status()).describedAs(signed.toString()).isEqualTo(200);
    requireRefused(
        home.sign("pki/sign/" + known + "-other", client, request), 403, "permission denied");
  }

  @ParameterizedTest
  @ValueSource(strings = {"reviewed", "published", "filed"})
  @DisplayName("another audience, time or issuer, and the right one at another role: 403")
  void notThisToken(String known) throws Exception {
    requireRefused(
        login(known, known, token(claims -> claims.setAudience("vault://else"))), 403, "audience");
    requireRefused(login(known, known, token(claims -> claims.unsetClaim("aud"))), 403, "audience");
    requireRefused(login(known, known + "-other", token()), 403, "audience");
    long past = System.currentTimeMillis() / 1000 - 120;
    requireRefused(
        login(
            known, known, token(claims -> claims.setExpirationTime(NumericDate.fromSeconds(past)))),
        403,
        "token");
    requireRefused(
        login(known, known, token(claims -> claims.setIssuer("https://else"))), 403, "cluster");
    requireRefused(login(known, "nobody", token()), 400, "invalid role name");
    requireRefused(login(known, known, ""), 400, "missing jwt");
    requireRefused(login(known, known, "a".repeat(20_000)), 403, "longer than any");
    String other = known.equals("reviewed") ? "filed" : "reviewed";
    requireRefused(login(other, known, token()), 403, "no service account of " + other);
  }

  @ParameterizedTest
  @ValueSource(strings = {"reviewed", "published", "filed"})
  @DisplayName("no signature, a MAC under the published key, another's key, a changed octet: 403")
  void forged(String known) throws Exception {
    JwtClaims claims = ClusterApi.claims(NAMESPACE, "issuer", "vault://web");
    for (String forged : cluster.forged(claims)) {
      requireRefused(login(known, known, forged), 403, "token");
    }
    String token = token();
    requireRefused(login(known, known, token.substring(1)), 403, "token");
  }

  @ParameterizedTest
  @ValueSource(strings = {"reviewed", "published", "filed"})
  @DisplayName("an account that the role does not list: 403 with both names")
  void anotherAccount(String known) throws Exception {
    requireRefused(
        login(
            known,
            known,
            cluster.token(ClusterApi.claims("default", "thief", "vault://web"), claims -> {})),
        403,
        "the service account default/thief may not log in under role " + known);
  }

  @Test
  @DisplayName("a deleted account: 403 by review at once; by keys only when its token has ended")
  void deleted() throws Exception {
    String token = cluster.token(ClusterApi.claims(NAMESPACE, "gone", "vault://web"), claims -> {});
    assertThat(login("reviewed", "reviewed", token).status()).isEqualTo(200);

    cluster.delete(NAMESPACE, "gone");

    requireRefused(login("reviewed", "reviewed", token), 403, "the cluster does not know");
    // What docs/cert-manager.md says of clusters that cannot be asked.
    assertThat(login("published", "published", token).status()).isEqualTo(200);
  }

  @Test
  @DisplayName("the reviewer's own token is read anew for each review, for clusters replace it")
  void rotated() throws Exception {
    assertThat(login("reviewed", "reviewed", token()).status()).isEqualTo(200);
    assertThat(cluster.lastReviewer()).isEqualTo("Bearer first");

    Files.writeString(reviewer, "second\n");

    assertThat(login("reviewed", "reviewed", token()).status()).isEqualTo(200);
    assertThat(cluster.lastReviewer()).isEqualTo("Bearer second");
    Files.writeString(reviewer, "first");
  }

  @Test
  @DisplayName("an API server that caFile does not vouch for is told nothing: 503")
  void unbelieved() throws Exception {
    requireRefused(login("unbelieved", "unbelieved", token()), 503, "cannot be asked");
  }
}
