package dev.chancery.server;

import static dev.chancery.server.VaultHome.object;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.api.io.TempDir;

/** Many controllers, two nodes, one PostgreSQL; then one of the nodes ends under way. */
@DisplayName("The Vault-shaped API on two nodes")
class VaultTwoNodesIT {
  private static final int CONTROLLERS = 50;
  private static final int EACH = 10;
  private static final int MOST_LOGINS = 100;

  @TempDir Path folder;
  private final ObjectMapper json = new ObjectMapper();
  private final List<Long> millis = Collections.synchronizedList(new ArrayList<>());
  private final AtomicInteger failedSigns = new AtomicInteger();
  private final AtomicInteger turn = new AtomicInteger();
  private String secretId = "";
  private String roleId = "";

  @Test
  @DisplayName("500 requests by 50 at once: none fails; when a node ends, another login heals all")
  void manyControllers(TestReporter reporter) throws Exception {
    TestDatabase database = DatabaseKind.POSTGRESQL.create(folder);
    Path password = Files.writeString(folder.resolve("password"), database.password() + "\n");
    try (VaultHome one =
            VaultHome.serve(
                folder.resolve("one"),
                Map.of(
                    "database.url", database.url(),
                    "database.user", database.user(),
                    "database.passwordFile", password.toString()));
        VaultHome other = one.secondNode(folder.resolve("other"));
        HttpClient http = HttpClient.newBuilder().sslContext(one.api().context()).build()) {
      one.command(
          "role", "create", "web", "--issuer=issuing", "--profile=tls-server", "--name=dns:a.test");
      JsonNode credential = one.command("role", "credential", "create", "web");
      secretId = credential.path("secret").asText();
      roleId = credential.path("roleId").asText();
      List<URI> nodes = List.of(one.addresses().apiUrl().uri(), other.addresses().apiUrl().uri());

      long start = System.nanoTime();
      List<String> serials = run(http, nodes, CONTROLLERS, EACH, () -> {});
      Duration took = Duration.ofNanos(System.nanoTime() - start);

      assertThat(serials).hasSize(CONTROLLERS * EACH);
      assertThat(failedSigns).hasValue(0);
      List<Long> sorted = millis.stream().sorted().toList();
      reporter.publishEntry(
          Map.of(
              "requests", String.valueOf(serials.size()),
              "seconds", String.valueOf(took.toMillis() / 1000.0),
              "p50 ms of a sign", String.valueOf(sorted.get(sorted.size() / 2)),
              "p99 ms of a sign", String.valueOf(sorted.get(sorted.size() * 99 / 100))));

      AtomicBoolean ended = new AtomicBoolean();
      List<String> more =
          run(
              http,
              nodes,
              20,
              5,
              () -> {
                if (ended.compareAndSet(false, true)) {
                  other.stop();
                }
              });
      assertThat(more).hasSize(100);
      assertThat(ended).isTrue();
      serials.addAll(more);
      assertThat(new HashSet<>(serials)).hasSameSizeAs(serials);
    }
  }

  /** Runs so many controllers, and something in the middle. */
  private List<String> run(
      HttpClient http, List<URI> nodes, int controllers, int each, Runnable inTheMiddle)
      throws Exception {
    AtomicInteger done = new AtomicInteger();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Callable<List<String>>> work = new ArrayList<>();
      for (int i = 0; i < controllers; i++) {
        work.add(() -> {
          List<String> serials = new ArrayList<>();
          for (int n = 0; n < each; n++) {
            serials.add(certificate(http, nodes));
            if (done.incrementAndGet() == controllers * each / 2) {
              inTheMiddle.run();
            }
          }
          return serials;
        });
      }
      List<String> all = new ArrayList<>();
      for (Future<List<String>> one : threads.invokeAll(work)) {
        all.addAll(one.get());
      }
      return all;
    }
  }

  /** As a controller: a new login for each, again after whatever went wrong. */
  private String certificate(HttpClient http, List<URI> nodes) throws Exception {
    String csr = TestCsr.forName("www.a.test").pem();
    for (int attempt = 0; attempt < MOST_LOGINS; attempt++) {
      URI node = nodes.get(turn.getAndIncrement() % nodes.size());
      try {
        HttpResponse<String> login =
            send(
                http,
                node,
                "/v1/auth/approle/login",
                "",
                object("role_id", roleId, "secret_id", secretId));
        if (login.statusCode() == 200) {
          long start = System.nanoTime();
          HttpResponse<String> signed =
              send(
                  http,
                  node,
                  "/v1/pki/sign/web",
                  json.readTree(login.body()).at("/auth/client_token").asText(),
                  object("csr", csr, "ttl", "24h0m0s"));
          millis.add(Duration.ofNanos(System.nanoTime() - start).toMillis());
          if (signed.statusCode() == 200) {
            return json.readTree(signed.body()).at("/data/serial_number").asText();
          }
          failedSigns.incrementAndGet();
        }
      } catch (IOException e) {
        // The node is gone, or goes; the next turn is the other's.
      }
      Thread.sleep(100);
    }
    throw new AssertionError("no certificate after " + MOST_LOGINS + " logins");
  }

  private static HttpResponse<String> send(
      HttpClient http, URI node, String path, String token, ObjectNode body)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(node.resolve(path)).timeout(Duration.ofSeconds(60));
    if (!token.isEmpty()) {
      request.header("X-Vault-Token", token);
    }
    return http.send(
        request.POST(HttpRequest.BodyPublishers.ofString(body.toString())).build(),
        HttpResponse.BodyHandlers.ofString());
  }
}
