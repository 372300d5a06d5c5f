package dev.chancery.server;

import static dev.chancery.server.VaultHome.object;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** One cluster takes connections and says nothing; another is well. */
@DisplayName("A cluster that hangs")
@Execution(ExecutionMode.CONCURRENT)
class HangingClusterTest {
  private static final int MOST_LOGINS = 2;

  @TempDir Path folder;
  private ClusterApi cluster;
  private ServerSocket hanging;
  private VaultHome home;

  @BeforeEach
  void serve() throws Exception {
    cluster = new ClusterApi();
    // Nobody accepts: the kernel does, and nothing comes after.
    hanging = new ServerSocket(0, 100, InetAddress.getLoopbackAddress());
    String hung = "https://localhost:" + hanging.getLocalPort();
    Path token = Files.writeString(folder.resolve("token"), "reviewer");
    String files = "tokenFile: '" + token + "', caFile: '" + cluster.roots() + "'}";
    String byKeys = "{issuer: '" + ClusterApi.ISSUER + "', jwksUrl: '";
    home =
        VaultHome.serve(
            folder.resolve("home"),
            Map.of(
                "vault.mostLogins", "" + MOST_LOGINS,
                "vault.clusters.reviewed", "{server: '" + cluster.url("/") + "', " + files,
                "vault.clusters.published", byKeys + cluster.url("/openid/v1/jwks") + "', " + files,
                "vault.clusters.hungreview", "{server: '" + hung + "', " + files,
                "vault.clusters.hungkeys", byKeys + hung + "/openid/v1/jwks', " + files));
    for (String name : List.of("reviewed", "published", "hungreview", "hungkeys")) {
      home.command(
          "role",
          "create",
          name,
          "--issuer=issuing",
          "--profile=tls-server",
          "--name=dns:web.test",
          "--cluster=" + name,
          "--service-account=cert-manager/*",
          "--audience=vault://web");
    }
  }

  @AfterEach
  void stop() throws Exception {
    home.close();
    cluster.close();
    hanging.close();
  }

  private RawHttps.Answer login(String name) throws Exception {
    String token =
        cluster.token(ClusterApi.claims("cert-manager", "issuer", "vault://web"), claims -> {});
    return home.api()
        .send(
            "POST /v1/auth/" + name + "/login HTTP/1.1\nHost: localhost\nX-Vault-Request: true",
            object("role", name, "jwt", token).toString());
  }

  @Test
  @DisplayName("holds up its own logins for ten seconds, and those of nobody else")
  void bulkheads() throws Exception {
    JsonNode credential = home.command("role", "credential", "create", "reviewed");
    String staticToken =
        home.command("role", "credential", "create", "reviewed", "--kind=token")
            .path("secret")
            .asText();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<RawHttps.Answer>> held = new ArrayList<>();
      for (int i = 0; i < MOST_LOGINS; i++) {
        held.add(threads.submit(() -> login("hungreview")));
        held.add(threads.submit(() -> login("hungkeys")));
      }
      Thread.sleep(1000);

      assertThat(login("reviewed").status()).isEqualTo(200);
      assertThat(login("published").status()).isEqualTo(200);
      assertThat(home.login(credential).status()).isEqualTo(200);
      home.signed(
          "pki/sign/reviewed", staticToken, object("csr", TestCsr.forName("a.web.test").pem()));
      // Its own places are taken, and it is said at once.
      VaultHome.requireErrors(login("hungreview"), 503, "too many requests");
      for (Future<RawHttps.Answer> answer : held) {
        assertThat(answer.get().status()).isEqualTo(503);
      }
    }
  }

  @Test
  @DisplayName("does not keep the end of the server from answering what it has begun")
  void answersBeforeTheEnd() throws Exception {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<RawHttps.Answer> held = threads.submit(() -> login("hungreview"));
      Socket asked = hanging.accept();

      Future<?> end = threads.submit(() -> home.close());

      assertThat(held.get().status()).isEqualTo(503);
      end.get();
      asked.close();
      assertThatThrownBy(() -> login("reviewed")).isInstanceOf(IOException.class);
    }
  }
}
