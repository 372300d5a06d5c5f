package dev.chancery.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpTimeoutException;
import java.security.KeyPair;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * One account that takes orders from beginning to end, one after the other, each for a name of its
 * own so that no authorization is there to be reused.
 */
final class OrderingClient {
  // A thousand times what it takes; each Pebble that hangs costs the benchmark this long.
  private static final int PATIENCE_SECONDS = 5;
  private final AcmeCalls acme;
  private final String name;
  private final Map<String, Awaited> challenges;
  private final int fetches;
  private final Duration pause;
  private final KeyPair key = AcmeKey.pairOfKeys();
  private final String thumbprint;
  private int begun;
  private int orders;
  private int looks;
  private int failures;

  /** What a challenge is answered with, and how often it is still to be asked for. */
  record Awaited(String answer, CountDownLatch asked) {}

  /**
   * @param name part of the names that it orders; no other client's
   * @param challenges where the web server finds the answers to challenges, by token
   * @param fetches how often the server comes for one
   * @param pause before each look
   */
  OrderingClient(
      HttpClient http,
      String directory,
      String name,
      Map<String, Awaited> challenges,
      int fetches,
      Duration pause)
      throws Exception {
    this.acme = new AcmeCalls(http, URI.create(directory));
    this.name = name;
    this.challenges = challenges;
    this.fetches = fetches;
    this.pause = pause;
    acme.register();
    this.thumbprint = acme.thumbprint();
  }

  /** From a new order to its certificate, unless an answer on the way does not come. */
  void order() throws Exception {
    try {
      order("n" + ++begun + "." + name + ".chancery.test");
      orders++;
    } catch (IOException e) {
      failures++;
    }
  }

  private void order(String host) throws Exception {
    ObjectNode request = AcmeKey.JSON.createObjectNode();
    request.putArray("identifiers").addObject().put("type", "dns").put("value", host);
    AcmeCalls.Answer made = acme.post(acme.url("newOrder"), request.toString());
    JsonNode order = made.json();

    String authorization = order.path("authorizations").path(0).asText();
    JsonNode challenge = http01(acme.get(authorization).json());
    String token = challenge.path("token").asText();
    Awaited awaited = new Awaited(token + "." + thumbprint, new CountDownLatch(fetches));
    challenges.put(token, awaited);
    acme.post(challenge.path("url").asText(), "{}");
    // No look is worth a request before that.
    if (!awaited.asked().await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      throw new HttpTimeoutException("the server never came for the answer to " + host);
    }
    until(authorization, "valid");
    challenges.remove(token);

    String csr = AcmeKey.base64Url(Requests.csr(key, host));
    JsonNode finalized =
        acme.post(
                order.path("finalize").asText(),
                AcmeKey.JSON.createObjectNode().put("csr", csr).toString())
            .json();
    JsonNode valid =
        finalized.path("status").asText().equals("valid")
            ? finalized
            : until(made.location(), "valid");
    String chain = acme.get(valid.path("certificate").asText()).body();
    if (!chain.startsWith("-----BEGIN CERTIFICATE-----")) {
      throw new AssertionError("no certificate for " + host + ": " + chain);
    }
  }

  private static JsonNode http01(JsonNode authorization) {
    for (JsonNode challenge : authorization.path("challenges")) {
      if (challenge.path("type").asText().equals("http-01")) {
        return challenge;
      }
    }
    throw new AssertionError("no http-01 challenge: " + authorization);
  }

  private JsonNode until(String url, String wanted) throws Exception {
    while (true) {
      Thread.sleep(pause);
      looks++;
      JsonNode now = acme.get(url).json();
      String status = now.path("status").asText();
      if (status.equals(wanted)) {
        return now;
      }
      if (!status.equals("pending") && !status.equals("processing")) {
        throw new AssertionError(now.toString());
      }
    }
  }

  /** How many certificates it has. */
  int orders() {
    return orders;
  }

  /** How many orders it gave up. */
  int failures() {
    return failures;
  }

  /** How often it looked at an authorization or an order, waiting for it to move. */
  int looks() {
    return looks;
  }
}
