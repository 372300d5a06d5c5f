package dev.chancery.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.function.Consumer;

/** Orders certificates and brings orders to their end, as RFC 8555 section 7.1.6 has them move. */
final class Applicant {
  private static final long PAUSE_MILLIS = 20;

  private final AcmeCalls acme;
  private final Witness witness;
  private final String name;
  private final Consumer<String> announcement;
  private final String finalization;

  /** Orders for the server's own test name; whoever answers challenges knows the account. */
  Applicant(AcmeCalls acme, Witness witness) throws Exception {
    this(acme, witness, RunningServer.NAME, token -> {});
  }

  /**
   * @param name what it orders certificates for
   * @param announcement told of each token before the server is asked to look for it
   */
  Applicant(AcmeCalls acme, Witness witness, String name, Consumer<String> announcement)
      throws Exception {
    this.acme = acme;
    this.witness = witness;
    this.name = name;
    this.announcement = announcement;
    this.finalization =
        AcmeCalls.JSON
            .createObjectNode()
            .put("csr", AcmeKey.base64Url(Requests.csr(AcmeKey.pairOfKeys(), name)))
            .toString();
  }

  /** Orders again and again until interrupted; an order that a dying server cut off is left. */
  void keepOrdering() {
    while (!Thread.currentThread().isInterrupted()) {
      try {
        String order = order();
        String status = finish(order, Duration.ofSeconds(60));
        if (!status.equals("valid")) {
          witness.surprised(order + " ended " + status);
        }
      } catch (InterruptedException e) {
        return;
      } catch (IOException e) {
        // The server is dead: what was said before counts, what was not said does not.
        if (!pause()) {
          return;
        }
      } catch (AcmeCalls.Problem e) {
        if (!e.isOutage()) {
          witness.surprised(e.toString());
        }
        if (!pause()) {
          return;
        }
      } catch (Exception e) {
        witness.surprised(e.toString());
        return;
      }
    }
  }

  /** Orders again and again until interrupted; what is told to come back later does so. */
  void keepOrderingThroughOutages() {
    try {
      while (!Thread.currentThread().isInterrupted()) {
        String order = order();
        String status = finishThroughOutages(order, Duration.ofMinutes(3));
        if (!status.equals("valid")) {
          witness.surprised(order + " ended " + status);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (Exception e) {
      witness.surprised(e.toString());
    }
  }

  /** As {@link #finish}, but comes back as often as it is told to. */
  String finishThroughOutages(String url, Duration patience) throws Exception {
    long end = System.nanoTime() + patience.toNanos();
    while (true) {
      try {
        return finish(url, Duration.ofNanos(end - System.nanoTime()));
      } catch (AcmeCalls.Problem e) {
        if (!e.isOutage() || System.nanoTime() > end) {
          throw e;
        }
        Thread.sleep(PAUSE_MILLIS);
      }
    }
  }

  /**
   * Orders, and goes on with the same order when an answer is lost on the way, until it has the
   * certificate or the order is over.
   */
  void obtainThroughLosses(Duration patience) throws Exception {
    long end = System.nanoTime() + patience.toNanos();
    String url = again(this::order, witness, end);
    finishThroughLosses(url, patience);
  }

  /** As {@link #finish}, but asks again when an answer is lost. */
  void finishThroughLosses(String url, Duration patience) throws Exception {
    long end = System.nanoTime() + patience.toNanos();
    String status =
        again(() -> finish(url, Duration.ofNanos(end - System.nanoTime())), witness, end);
    if (!status.equals("valid")) {
      witness.surprised(url + " ended " + status);
    }
  }

  /** Does something until an answer comes that is none of an outage. */
  static <T> T again(Callable<T> what, Witness witness, long end) throws Exception {
    while (true) {
      try {
        return what.call();
      } catch (IOException e) {
        witness.lost();
        if (System.nanoTime() > end) {
          throw e;
        }
      } catch (AcmeCalls.Problem e) {
        if (!e.isOutage() || System.nanoTime() > end) {
          throw e;
        }
      }
      Thread.sleep(PAUSE_MILLIS);
    }
  }

  /** A new order whose next step is to be finalized. */
  String readyOrder() throws Exception {
    String url = order();
    for (int look = 0; look < 500; look++) {
      JsonNode order = acme.get(url).json();
      if (order.get("status").asText().equals("ready")) {
        return url;
      }
      authorize(order);
    }
    throw new AssertionError(url + " does not become ready");
  }

  private static boolean pause() {
    try {
      Thread.sleep(PAUSE_MILLIS);
      return true;
    } catch (InterruptedException e) {
      return false;
    }
  }

  private String order() throws Exception {
    String url =
        acme.post(
                acme.url("newOrder"),
                "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"" + name + "\"}]}")
            .location();
    witness.ordered(url);
    return url;
  }

  /**
   * Does what the order's status asks for until it is valid or invalid, or until no time is left.
   */
  String finish(String url, Duration patience) throws Exception {
    long end = System.nanoTime() + patience.toNanos();
    while (true) {
      JsonNode order = acme.get(url).json();
      String status = order.get("status").asText();
      switch (status) {
        case "pending" -> authorize(order);
        case "ready" -> finalizeReady(order);
        case "valid" -> {
          witness.received(url, acme.get(order.get("certificate").asText()).body());
          return status;
        }
        case "invalid" -> {
          return status + ": " + order;
        }
        default -> Thread.sleep(PAUSE_MILLIS);
      }
      if (System.nanoTime() > end) {
        return status;
      }
    }
  }

  /** Asks for the certificate of an order that is ready. */
  void finalizeReady(JsonNode order) throws Exception {
    long asked = System.nanoTime();
    try {
      JsonNode after = acme.post(order.get("finalize").asText(), finalization).json();
      if (after.get("status").asText().equals("valid")) {
        witness.issued(new Witness.Answer(asked, System.nanoTime()));
      }
    } catch (AcmeCalls.Problem e) {
      if (e.isOutage()) {
        witness.putOff(new Witness.Answer(asked, System.nanoTime()));
        if (!e.saysWhen()) {
          witness.surprised("not told when to come back: " + e.getMessage());
        }
      }
      throw e;
    }
  }

  private void authorize(JsonNode order) throws Exception {
    for (JsonNode url : order.get("authorizations")) {
      JsonNode authorization = acme.get(url.asText()).json();
      for (JsonNode challenge : authorization.get("challenges")) {
        if (challenge.get("type").asText().equals("http-01")
            && challenge.get("status").asText().equals("pending")) {
          announcement.accept(challenge.get("token").asText());
          acme.post(challenge.get("url").asText(), "{}");
        }
      }
    }
    Thread.sleep(PAUSE_MILLIS);
  }
}
