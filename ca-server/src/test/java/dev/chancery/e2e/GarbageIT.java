package dev.chancery.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Any garbage on any listener ends in a refusal or a closed connection: nothing of the inside is
 * told, no memory is kept, and the server goes on issuing.
 */
@DisplayName("Garbage on every listener")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class GarbageIT {
  private static final long MOST_GROWTH = 32L << 20;
  private static final Pattern INSIDE =
      Pattern.compile(
          "[A-Za-z]Exception|\\bat [a-z]+\\.[a-z]|\\b(java|javax|org|io|dev|com)\\.[a-z]+\\.|"
              + "[Jj]etty|[Jj]avalin|SERVLET|\\bH2\\b|\\bSQL|\\.java\\b|/tmp/|/usr/|root:x:|secret-echo|pinFile");
  private static final Pattern MEMORY =
      Pattern.compile("(?m)^jvm_memory_used_bytes\\{area=\"heap\",[^}]*\\} ([0-9.E]+)$");

  @TempDir static Path folder;
  private static RunningServer.Ports ports;
  private static RunningServer server;
  private static long heapBefore;

  enum Listener {
    PUBLIC(false, "/ocsp"),
    API(true, "/acme/default/new-account"),
    ADMIN(true, "/admin/v1/certificates/0a/revocation"),
    MANAGEMENT(false, "/metrics");

    private final boolean tls;
    private final String bodyPath;

    Listener(boolean tls, String bodyPath) {
      this.tls = tls;
      this.bodyPath = bodyPath;
    }

    private Optional<SSLContext> tls() throws Exception {
      if (this == ADMIN) {
        // Without an administrator's certificate nothing gets past the handshake.
        return Optional.of(RawExchange.tls(AdminKey.of(folder.resolve("home/admin/admin.pem"))));
      }
      return tls ? Optional.of(RawExchange.tls()) : Optional.empty();
    }

    private int port() {
      return switch (this) {
        case PUBLIC -> ports.publicListener();
        case API -> ports.api();
        case ADMIN -> ports.admin();
        case MANAGEMENT -> ports.management();
      };
    }
  }

  @BeforeAll
  static void start() throws Exception {
    ports = RunningServer.Ports.free();
    server = RunningServer.start(folder, ports, List.of());
    // What is loaded and cached at the first request is not growth.
    for (Listener listener : Listener.values()) {
      RawExchange.of(listener.port(), listener.tls(), Garbage.request("GET /", "X: a"));
    }
    heapBefore = heapInUse();
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @ParameterizedTest
  @EnumSource(Listener.class)
  @Order(1)
  @DisplayName("octets, paths and bodies are refused without a word of the inside")
  void refused(Listener listener) throws Exception {
    Map<String, List<byte[]>> all = new LinkedHashMap<>(Garbage.octets());
    Garbage.paths()
        .forEach(path -> all.put("path " + path, Garbage.request("GET " + path, "X: a")));
    all.putAll(Garbage.bodies(listener.bodyPath));

    List<String> wrong = new ArrayList<>();
    for (Map.Entry<String, List<byte[]>> garbage : all.entrySet()) {
      RawExchange exchange = RawExchange.of(listener.port(), listener.tls(), garbage.getValue());
      complaints(listener, exchange)
          .forEach(complaint ->
              wrong.add(garbage.getKey() + ": " + complaint + ": " + shortened(exchange.answer())));
    }

    assertThat(wrong).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(
      value = Listener.class,
      names = {"API", "ADMIN"})
  @Order(2)
  @DisplayName("on a TLS port, what is no TLS gets no HTTP")
  void plainOnTls(Listener listener) throws Exception {
    for (Map.Entry<String, List<byte[]>> garbage : Garbage.octets().entrySet()) {
      RawExchange exchange = RawExchange.of(listener.port(), Optional.empty(), garbage.getValue());
      assertThat(exchange.hungUp()).describedAs(garbage.getKey()).isTrue();
      assertThat(exchange.statuses()).describedAs(garbage.getKey()).isEmpty();
    }
  }

  @Test
  @Order(3)
  @DisplayName("the garbage kept no memory")
  void memory() throws Exception {
    assertThat(heapInUse() - heapBefore).isLessThan(MOST_GROWTH);
  }

  @Test
  @Order(4)
  @DisplayName("nothing of it was a defect to the server's log")
  void log() throws IOException {
    String log = server.log();
    int defect = log.indexOf(" ERROR ");
    assertThat(defect < 0 ? "" : log.substring(defect)).isEmpty();
    assertThat(log).doesNotContain("OutOfMemory", "StackOverflow");
  }

  @Test
  @Order(5)
  @DisplayName("the server still issues")
  void stillIssues() throws Exception {
    Path root = folder.resolve("home/root.pem");
    Certbot certbot = new Certbot(folder.resolve("certbot"), root, RunningServer.NAME);

    certbot.obtain(server.directoryUrl(), ports.http01());

    OpenSsl openssl = new OpenSsl(folder, root);
    assertThat(openssl.verify(certbot.certificate(1), certbot.chain(1)).requireDone())
        .contains("OK");
  }

  private static List<String> complaints(Listener listener, RawExchange exchange) {
    List<String> complaints = new ArrayList<>();
    if (!exchange.hungUp()) {
      complaints.add("the connection stays open");
    }
    for (int status : exchange.statuses()) {
      boolean refusal = (status >= 400 && status < 500) || status == 501 || status == 505;
      // An error of OCSP's own is a 200 to HTTP (RFC 6960 appendix A).
      boolean ocsp = status == 200 && exchange.answer().contains("application/ocsp-response");
      boolean inform = status == 100;
      boolean metrics = status == 200 && listener == Listener.MANAGEMENT;
      if (!refusal && !ocsp && !inform && !metrics) {
        complaints.add("status " + status);
      }
    }
    INSIDE
        .matcher(exchange.answer().contains("application/ocsp-response") ? "" : exchange.answer())
        .results()
        .forEach(match -> complaints.add("tells " + match.group()));
    if (listener == Listener.API
        && !exchange.statuses().isEmpty()
        && !exchange.answer().contains("application/problem+json")) {
      complaints.add("not a problem document");
    }
    return complaints;
  }

  private static String shortened(String answer) {
    return answer.substring(0, Math.min(answer.length(), 300)).replaceAll("\\s+", " ");
  }

  private static long heapInUse() throws Exception {
    server.command("GC.run");
    RawExchange metrics =
        RawExchange.of(
            ports.management(), Optional.empty(), Garbage.request("GET /metrics", "X: a"));
    List<String> areas =
        MEMORY.matcher(metrics.answer()).results().map(match -> match.group(1)).toList();
    assertThat(areas).describedAs(metrics.answer()).isNotEmpty();
    return areas.stream().mapToLong(octets -> (long) Double.parseDouble(octets)).sum();
  }
}
