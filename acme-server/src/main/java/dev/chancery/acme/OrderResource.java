package dev.chancery.acme;

import dev.chancery.acme.SignedRequests.SignedRequest;

/** Reads an order (RFC 8555 section 7.4). */
final class OrderResource {
  private final Orders orders;

  OrderResource(Orders orders) {
    this.orders = orders;
  }

  Reply reply(SignedRequest.ByAccount request) throws AcmeProblem {
    request.requireNoPayload();
    Order order =
        orders
            .find(request.account().id(), OrderId.parse(request.path().id()))
            .orElseThrow(AcmeProblem::notFound);
    return OrderView.reply(200, request.urls(), order);
  }
}
