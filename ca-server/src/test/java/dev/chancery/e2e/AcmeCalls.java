package dev.chancery.e2e;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Signed requests of one ACME account (RFC 8555 section 6); for many threads. */
final class AcmeCalls {
  static final ObjectMapper JSON = AcmeKey.JSON;
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final Pattern NEXT = Pattern.compile("<([^>]+)>;\\s*rel=\"next\"");

  private final HttpClient http;
  private final URI directory;
  private final AcmeKey key = AcmeKey.generate();
  private final Consumer<Signed> answered;
  private final Queue<String> nonces = new ConcurrentLinkedQueue<>();
  private @Nullable JsonNode urls;
  private @Nullable String account;

  AcmeCalls(HttpClient http, URI directory) throws GeneralSecurityException {
    this(http, directory, request -> {});
  }

  /**
   * @param answered told of each request that was answered, so that its nonce is spent
   */
  AcmeCalls(HttpClient http, URI directory, Consumer<Signed> answered)
      throws GeneralSecurityException {
    this.http = http;
    this.directory = directory;
    this.answered = answered;
  }

  /** A request as it was sent. */
  record Signed(String url, String body) {
    HttpRequest.Builder request(URI target) {
      return AcmeCalls.request(target.toString())
          .header("Content-Type", "application/jose+json")
          .POST(HttpRequest.BodyPublishers.ofString(body));
    }
  }

  static String base64Url(byte[] bytes) {
    return AcmeKey.base64Url(bytes);
  }

  /** What the server answered: a status below 300. */
  record Answer(String location, Optional<String> next, String body) {
    JsonNode json() throws IOException {
      return JSON.readTree(body);
    }
  }

  /** The server answered with a problem. */
  static final class Problem extends Exception {
    private static final long serialVersionUID = 1L;
    private final int status;
    private final boolean saysWhen;

    Problem(int status, String text, boolean saysWhen) {
      super(status + " " + text);
      this.status = status;
      this.saysWhen = saysWhen;
    }

    /** Whether the server asked to come back later. */
    boolean isOutage() {
      return status == 503;
    }

    /** Whether the server said when to come back: Retry-After. */
    boolean saysWhen() {
      return saysWhen;
    }
  }

  void register() throws Exception {
    HttpResponse<byte[]> answer =
        http.send(request(directory.toString()).build(), HttpResponse.BodyHandlers.ofByteArray());
    urls = JSON.readTree(answer.body());
    account = post(url("newAccount"), "{\"termsOfServiceAgreed\":true}").location();
  }

  /** A URL of the directory. */
  String url(String name) {
    return urls.get(name).asText();
  }

  Answer get(String url) throws Exception {
    return post(url, "");
  }

  Answer post(String url, String payload) throws Exception {
    for (int attempt = 1; ; attempt++) {
      Signed request = new Signed(url, signed(url, payload));
      HttpResponse<String> response =
          http.send(request.request(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString());
      answered.accept(request);
      response.headers().firstValue("Replay-Nonce").ifPresent(nonces::add);
      String text = response.body();
      if (response.statusCode() < 300) {
        return new Answer(
            response.headers().firstValue("Location").orElse(""), next(response), text);
      }
      if (attempt == 3 || !text.contains("badNonce")) {
        throw new Problem(
            response.statusCode(), text, response.headers().firstValue("Retry-After").isPresent());
      }
    }
  }

  /** The next page of a list (RFC 8555 section 7.1.2.1). */
  private static Optional<String> next(HttpResponse<?> response) {
    return response.headers().allValues("Link").stream()
        .map(NEXT::matcher)
        .filter(Matcher::matches)
        .map(link -> link.group(1))
        .findFirst();
  }

  private static HttpRequest.Builder request(String url) {
    return HttpRequest.newBuilder(URI.create(url)).timeout(PATIENCE);
  }

  private String nonce() throws IOException, InterruptedException {
    String kept = nonces.poll();
    if (kept != null) {
      return kept;
    }
    return http.send(
            request(url("newNonce")).HEAD().build(), HttpResponse.BodyHandlers.discarding())
        .headers()
        .firstValue("Replay-Nonce")
        .orElseThrow();
  }

  private String signed(String url, String payload) throws Exception {
    ObjectNode header = JSON.createObjectNode().put("nonce", nonce()).put("url", url);
    if (account == null) {
      header.set("jwk", key.jwk());
    } else {
      header.put("kid", account);
    }
    return key.jws(header, payload).toString();
  }

  /** The account's own URL. */
  String account() {
    return account;
  }

  /** The key authorization's second half (RFC 8555 section 8.1). */
  String thumbprint() throws GeneralSecurityException, JsonProcessingException {
    return key.thumbprint();
  }
}
