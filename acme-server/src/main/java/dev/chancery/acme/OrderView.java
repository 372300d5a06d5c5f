package dev.chancery.acme;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** The order object (RFC 8555 section 7.1.3). */
final class OrderView {
  private static final int RETRY_AFTER = 1;

  private OrderView() {}

  /** Always with the order's URL: clients take it from finalize answers too. */
  static Reply reply(int status, AcmeUrls urls, Order order) {
    Order.Details details = order.details();
    ObjectNode json = Json.object().put("status", status(order));
    json.put("expires", Times.text(details.expires()));
    details.notBefore().ifPresent(time -> json.put("notBefore", Times.text(time)));
    details.notAfter().ifPresent(time -> json.put("notAfter", Times.text(time)));
    if (!urls.endpoint().profiles().isEmpty()) {
      json.put("profile", details.profileAt(urls.endpoint()).value());
    }
    // RFC 9773 section 5: what was accepted MUST be shown again.
    details.replaces().ifPresent(identifier -> json.put("replaces", identifier));
    ArrayNode identifiers = json.putArray("identifiers");
    ArrayNode authorizations = json.putArray("authorizations");
    for (Order.Item item : details.items()) {
      identifiers.add(Identifiers.json(item.name()));
      authorizations.add(urls.authorization(item.authorization()));
    }
    json.put("finalize", urls.finalizeOrder(details.id()));
    if (order instanceof Order.Valid) {
      json.put("certificate", urls.certificate(details.id()));
    }
    if (order instanceof Order.Invalid invalid) {
      invalid.problem().ifPresent(problem -> json.set("error", problem));
    }
    Reply reply = Reply.json(status, json).withLocation(urls.order(details.id()));
    return order instanceof Order.Processing ? reply.withRetryAfter(RETRY_AFTER) : reply;
  }

  private static String status(Order order) {
    return switch (order) {
      case Order.Pending pending -> "pending";
      case Order.Ready ready -> "ready";
      case Order.Processing processing -> "processing";
      case Order.Valid valid -> "valid";
      case Order.Invalid invalid -> "invalid";
    };
  }
}
