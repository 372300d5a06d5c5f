package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.TokenAway;
import dev.chancery.store.Database;
import dev.chancery.store.DatabaseSettings;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import io.javalin.config.JavalinConfig;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.eclipse.jetty.http.UriCompliance;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("What every listener does with its routes")
class HttpListenerTest {
  private final HttpClient http = HttpClient.newHttpClient();

  @AfterEach
  void stop() {
    http.close();
  }

  private record Listening(HttpListener listener, int port) implements AutoCloseable {
    static Listening with(Consumer<JavalinConfig> routes) throws Exception {
      BoundPort port = BoundPort.bind("test", new Configuration.ListenerSection("127.0.0.1", 0));
      return new Listening(HttpListener.http(port, UriCompliance.DEFAULT, routes), port.port());
    }

    @Override
    public void close() {
      listener.close();
    }
  }

  private HttpResponse<String> send(Listening to, String method, String path) throws Exception {
    return http.send(
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + to.port() + path))
            .method(method, HttpRequest.BodyPublishers.noBody())
            .build(),
        BodyHandlers.ofString());
  }

  @Test
  @DisplayName("RFC 9110 9.3.2: a probe that asks by HEAD hears the same as one that asks by GET")
  void headOfReadiness() throws Exception {
    AtomicBoolean ready = new AtomicBoolean();
    Management management =
        new Management(
            Map.of(
                "key",
                () -> {
                  if (!ready.get()) {
                    throw new TokenAway("pulled out by the test");
                  }
                }),
            new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
    try (Listening listening = Listening.with(management::routes)) {
      assertThat(send(listening, "GET", "/readyz").statusCode()).isEqualTo(503);
      assertThat(send(listening, "HEAD", "/readyz").statusCode()).isEqualTo(503);
      ready.set(true);
      assertThat(send(listening, "GET", "/readyz").statusCode()).isEqualTo(200);
      assertThat(send(listening, "HEAD", "/readyz").statusCode()).isEqualTo(200);
    }
  }

  @Test
  @DisplayName("a route for HEAD itself is left alone")
  void ownHead() throws Exception {
    try (Listening listening =
        Listening.with(config -> {
          config.routes.head("/a", context -> context.status(202));
          config.routes.get("/a", context -> context.status(203));
        })) {
      assertThat(send(listening, "HEAD", "/a").statusCode()).isEqualTo(202);
      assertThat(send(listening, "GET", "/a").statusCode()).isEqualTo(203);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
  @DisplayName("RFC 9110 15.5.6: a method that a path does not have is 405 with those it has")
  void methodNotAllowed(String method) throws Exception {
    try (Listening listening =
        Listening.with(config -> {
          ErrorAnswers.TEXT.routes(config);
          config.routes.get("/a/{id}.pem", context -> context.result("here"));
          config.routes.delete("/b", context -> context.result("gone"));
        })) {
      HttpResponse<String> answer = send(listening, method, "/a/1.pem");
      assertThat(answer.statusCode()).isEqualTo(405);
      assertThat(answer.headers().allValues("Allow")).containsExactly("GET, HEAD");
      assertThat(answer.body()).isEqualTo("Method Not Allowed\n");
      assertThat(send(listening, method, "/nowhere").statusCode()).isEqualTo(404);
      HttpResponse<String> head = send(listening, "HEAD", "/b");
      assertThat(head.statusCode()).isEqualTo(405);
      assertThat(head.headers().allValues("Allow")).containsExactly("DELETE");
    }
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("an outage of the token or the database is 503 with Retry-After, and says no more")
  void outage(ErrorAnswers answers, @TempDir Path folder) throws Exception {
    TestDatabase where = DatabaseKind.H2.create(folder);
    Database database =
        Database.open(DatabaseSettings.of(where.url(), where.user(), where::password));
    database.close();
    try (Listening listening =
        Listening.with(config -> {
          answers.routes(config);
          config.routes.get("/database", context -> database.sql().selectOne().fetch());
          config.routes.get(
              "/token",
              context -> {
                throw new TokenAway("pulled out by the test");
              });
        })) {
      for (String path : List.of("/database", "/token")) {
        HttpResponse<String> answer = send(listening, "GET", path);
        assertThat(answer.statusCode()).describedAs(path).isEqualTo(503);
        assertThat(answer.headers().firstValue("Retry-After")).hasValue("10");
        assertThat(answer.body())
            .contains("the server cannot work at the moment")
            .doesNotContain("database", "test");
      }
    }
  }
}
