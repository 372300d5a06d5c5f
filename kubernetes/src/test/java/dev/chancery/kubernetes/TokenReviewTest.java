package dev.chancery.kubernetes;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.fabric8.kubernetes.api.model.authentication.TokenReviewBuilder;
import io.fabric8.kubernetes.api.model.authentication.TokenReviewStatus;
import io.fabric8.kubernetes.api.model.authentication.TokenReviewStatusBuilder;
import io.fabric8.kubernetes.client.server.mock.KubernetesMockServer;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
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

/** Against the API server that a Kubernetes client library comes with for tests. */
@DisplayName("Tokens verified by the cluster's API server")
@Execution(ExecutionMode.CONCURRENT)
class TokenReviewTest {
  private static final String AUDIENCE = "vault://issuer";

  @TempDir Path folder;
  private final KubernetesMockServer server = new KubernetesMockServer(false);
  private ClusterHttp http;
  private TokenReview review;

  @BeforeEach
  void serve() throws Exception {
    server.init();
    Path own = Files.writeString(folder.resolve("token"), "reviewer\n");
    http = new ClusterHttp(Optional.empty(), Optional.of(own));
    review = new TokenReview(http, URI.create(server.url("/")));
  }

  @AfterEach
  void stop() {
    http.close();
    server.destroy();
  }

  private void answers(TokenReviewStatus status) {
    server
        .expect()
        .post()
        .withPath("/apis/authentication.k8s.io/v1/tokenreviews")
        .andReturn(201, new TokenReviewBuilder().withStatus(status).build())
        .once();
  }

  private static TokenReviewStatusBuilder known(String user) {
    return new TokenReviewStatusBuilder()
        .withAuthenticated(true)
        .withAudiences(AUDIENCE)
        .withNewUser()
        .withUsername(user)
        .withUid("1-2-3")
        .endUser();
  }

  private void requireRefused(int status, String says) {
    assertThatThrownBy(() -> review.verify("secret-token", AUDIENCE))
        .isInstanceOfSatisfying(
            VaultProblem.class,
            problem -> {
              assertThat(problem.status()).isEqualTo(status);
              assertThat(problem.text()).contains(says).doesNotContain("secret-token");
            });
  }

  @Test
  @DisplayName("an account that it knows, for this audience; it is asked as its reviewer")
  void accepted() throws Exception {
    answers(known("system:serviceaccount:team:issuer").build());

    assertThat(review.verify("secret-token", AUDIENCE))
        .isEqualTo(new ServiceAccount("team", "issuer", "1-2-3"));

    var request = server.takeRequest();
    assertThat(request.getHeaders().get("Authorization")).isEqualTo("Bearer reviewer");
    assertThat(request.getUtf8Body()).contains("\"secret-token\"", "[\"" + AUDIENCE + "\"]");
  }

  @Test
  @DisplayName("unknown tokens, deleted accounts, other audiences, other users: 403")
  void refused() {
    answers(new TokenReviewStatusBuilder().withAuthenticated(false).build());
    requireRefused(403, "does not know this token");
    answers(
        known("system:serviceaccount:team:issuer")
            .withError("service account team/issuer has been deleted")
            .build());
    requireRefused(403, "does not know this token");
    answers(known("system:serviceaccount:team:issuer").withAudiences("vault://other").build());
    requireRefused(403, "audience");
    answers(known("system:serviceaccount:team:issuer").withAudiences().build());
    requireRefused(403, "audience");
    answers(known("kubernetes-admin").build());
    requireRefused(403, "not one of a service account");
  }

  @Test
  @DisplayName("an API server whose answer does not come to its end: 503 after ten seconds")
  void half() throws Exception {
    try (ServerSocket half = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<Socket> served =
          threads.submit(() -> {
            Socket socket = half.accept();
            socket
                .getOutputStream()
                .write("HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{".getBytes(US_ASCII));
            return socket;
          });
      review = new TokenReview(http, URI.create("http://127.0.0.1:" + half.getLocalPort()));

      assertTimeoutPreemptively(
          Duration.ofSeconds(30), () -> requireRefused(503, "cannot be asked"));
      served.get().close();
    }
  }

  @Test
  @DisplayName("an API server that fails, refuses its reviewer or is away: 503, to be tried again")
  void unavailable() {
    server
        .expect()
        .post()
        .withPath("/apis/authentication.k8s.io/v1/tokenreviews")
        .andReturn(401, "no")
        .once();
    requireRefused(503, "cannot be asked");
    server
        .expect()
        .post()
        .withPath("/apis/authentication.k8s.io/v1/tokenreviews")
        .andReturn(201, "{")
        .once();
    requireRefused(503, "cannot be asked");
    server.destroy();
    requireRefused(503, "cannot be asked");
  }
}
