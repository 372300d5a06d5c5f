package dev.chancery.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import java.security.KeyPair;

/** One order from its beginning to its certificate, by http-01 (RFC 8555 section 7.4). */
final class AcmeOrder {
  private AcmeOrder() {}

  /** What came of it: where the certificate is, and the chain that came from there. */
  record Issued(String url, String chain) {}

  /**
   * Orders a certificate; who answers challenges knows the account.
   *
   * @param key of the certificate
   * @param name the host that it is for
   */
  static Issued obtain(AcmeCalls acme, KeyPair key, String name) throws Exception {
    return obtain(acme, key, name, "");
  }

  /** As the other one, in the place of a certificate with this identifier (RFC 9773 section 5). */
  static Issued replace(AcmeCalls acme, KeyPair key, String name, String identifier)
      throws Exception {
    return obtain(acme, key, name, ",\"replaces\":\"%s\"".formatted(identifier));
  }

  private static Issued obtain(AcmeCalls acme, KeyPair key, String name, String more)
      throws Exception {
    String order =
        acme.post(
                acme.url("newOrder"),
                "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"%s\"}]%s}".formatted(name, more))
            .location();
    String finalization =
        "{\"csr\":\"%s\"}".formatted(AcmeCalls.base64Url(Requests.csr(key, name)));
    for (int turn = 0; turn < 600; turn++) {
      JsonNode now = acme.get(order).json();
      switch (now.path("status").asText()) {
        case "pending" -> prove(acme, now);
        case "ready" -> acme.post(now.path("finalize").asText(), finalization);
        case "valid" -> {
          String url = now.path("certificate").asText();
          return new Issued(url, acme.get(url).body());
        }
        case "invalid" -> throw new AssertionError(now.toString());
        default -> Thread.sleep(50);
      }
    }
    throw new AssertionError("the order does not come to an end: " + order);
  }

  private static void prove(AcmeCalls acme, JsonNode order) throws Exception {
    for (JsonNode url : order.path("authorizations")) {
      for (JsonNode challenge : acme.get(url.asText()).json().path("challenges")) {
        if (challenge.path("type").asText().equals("http-01")
            && challenge.path("status").asText().equals("pending")) {
          acme.post(challenge.path("url").asText(), "{}");
        }
      }
    }
    Thread.sleep(100);
  }
}
