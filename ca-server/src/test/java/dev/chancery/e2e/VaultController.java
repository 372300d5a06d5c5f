package dev.chancery.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Has CSRs signed as an in-cluster controller does that stands before a balancer: a new login for
 * each, by turns at the nodes, and the request to sign at another node; the same again after
 * whatever went wrong, then at one node, for a balancer has noticed by then. May be used by many
 * threads.
 */
final class VaultController {
  private static final String PATH = "/v1/pki/sign/web";
  private static final int MOST_LOGINS = 100;
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final Duration PAUSE = Duration.ofMillis(100);

  private final ObjectMapper json = new ObjectMapper();
  private final HttpClient http;
  private final List<URI> nodes;
  private final ObjectNode login = JsonNodeFactory.instance.objectNode();
  private final AtomicInteger turn = new AtomicInteger();
  private final AtomicInteger refusedLogins = new AtomicInteger();
  private final AtomicInteger failedSigns = new AtomicInteger();
  private final AtomicInteger lostAnswers = new AtomicInteger();
  private final AtomicInteger healed = new AtomicInteger();
  private final List<Repeated> repeated = Collections.synchronizedList(new ArrayList<>());
  private final List<Long> loginMicros = Collections.synchronizedList(new ArrayList<>());
  private final List<Long> signMicros = Collections.synchronizedList(new ArrayList<>());

  VaultController(HttpClient http, List<URI> nodes, JsonNode credential) {
    this.http = http;
    this.nodes = List.copyOf(nodes);
    login
        .put("role_id", credential.path("roleId").asText())
        .put("secret_id", credential.path("secret").asText());
  }

  /** A certificate for a name and a new key, after as many logins as that takes. */
  X509Certificate certificate(String name) throws Exception {
    ObjectNode request = JsonNodeFactory.instance.objectNode();
    request
        .put("csr", Requests.pem(Requests.csr(AcmeKey.pairOfKeys(), name)))
        .put("alt_names", name)
        .put("ttl", "24h0m0s");
    for (int attempt = 0; attempt < MOST_LOGINS; attempt++) {
      int place = turn.getAndIncrement();
      URI node = nodes.get(place % nodes.size());
      URI signer = attempt == 0 ? nodes.get((place + 1) % nodes.size()) : node;
      try {
        Optional<String> token = token(node);
        if (token.isPresent()) {
          HttpResponse<String> signed = signed(signer, token.get(), request);
          if (signed.statusCode() == 200) {
            healed.addAndGet(attempt > 0 ? 1 : 0);
            return certificate(json.readTree(signed.body()));
          }
          failedSigns.incrementAndGet();
        }
      } catch (IOException e) {
        // The node is gone, or goes; the next turn is the other's.
        lostAnswers.incrementAndGet();
      }
      Thread.sleep(PAUSE);
    }
    throw new AssertionError("no certificate after " + MOST_LOGINS + " logins");
  }

  /**
   * Asks a node to sign. When that has no answer, the same is asked of the others, as a client does
   * that tries again by itself, and what they answer is kept.
   */
  private HttpResponse<String> signed(URI signer, String token, ObjectNode request)
      throws Exception {
    try {
      return send(signer, PATH, token, request, signMicros);
    } catch (IOException e) {
      for (URI other : nodes) {
        if (!other.equals(signer)) {
          List<Long> unmeasured = new ArrayList<>();
          HttpResponse<String> first = send(other, PATH, token, request, unmeasured);
          HttpResponse<String> second = send(other, PATH, token, request, unmeasured);
          repeated.add(new Repeated(first, second));
        }
      }
      throw e;
    }
  }

  /** What a node answered to a request that had been lost with another, asked twice. */
  record Repeated(HttpResponse<String> first, HttpResponse<String> second) {}

  /** All that were lost and sent again. */
  List<Repeated> repeated() {
    return List.copyOf(repeated);
  }

  private Optional<String> token(URI node) throws IOException, InterruptedException {
    HttpResponse<String> answer = send(node, "/v1/auth/approle/login", "", login, loginMicros);
    if (answer.statusCode() != 200) {
      refusedLogins.incrementAndGet();
      return Optional.empty();
    }
    return Optional.of(json.readTree(answer.body()).at("/auth/client_token").asText());
  }

  private HttpResponse<String> send(
      URI node, String path, String token, ObjectNode body, List<Long> micros)
      throws IOException, InterruptedException {
    HttpRequest.Builder request = HttpRequest.newBuilder(node.resolve(path)).timeout(LIMIT);
    if (!token.isEmpty()) {
      request.header("X-Vault-Token", token);
    }
    long begun = System.nanoTime();
    HttpResponse<String> answer =
        http.send(
            request.POST(HttpRequest.BodyPublishers.ofString(body.toString())).build(),
            HttpResponse.BodyHandlers.ofString());
    micros.add((System.nanoTime() - begun) / 1000);
    return answer;
  }

  static X509Certificate certificate(JsonNode answer) throws Exception {
    String pem = answer.at("/data/certificate").asText();
    return (X509Certificate)
        CertificateFactory.getInstance("X.509")
            .generateCertificate(new ByteArrayInputStream(pem.getBytes(StandardCharsets.US_ASCII)));
  }

  /** How long answers to logins took since this was asked last, in microseconds, in order. */
  List<Long> takeLoginMicros() {
    return sorted(loginMicros);
  }

  /** Likewise, to requests to sign. */
  List<Long> takeSignMicros() {
    return sorted(signMicros);
  }

  private static List<Long> sorted(List<Long> micros) {
    List<Long> all = micros.stream().sorted().toList();
    micros.clear();
    return all;
  }

  int refusedLogins() {
    return refusedLogins.get();
  }

  /** Requests to sign that were answered with an error. */
  int failedSigns() {
    return failedSigns.get();
  }

  /** Requests that had no answer. */
  int lostAnswers() {
    return lostAnswers.get();
  }

  /** Certificates that took more than one login. */
  int healed() {
    return healed.get();
  }
}
