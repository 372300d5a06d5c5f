package dev.chancery.acme;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.acme.SignedRequests.SignedRequest;
import java.util.List;
import java.util.Optional;

/** An account's orders, a page at a time (RFC 8555 section 7.1.2.1). */
final class AccountOrdersResource {
  private final Orders orders;
  private final int pageSize;

  AccountOrdersResource(Orders orders, int pageSize) {
    this.orders = orders;
    this.pageSize = pageSize;
  }

  Reply reply(SignedRequest.ByAccount request) throws AcmeProblem {
    AccountResource.requireOwn(request);
    request.requireNoPayload();
    Optional<String> after = request.path().after();
    Optional<OrderId> last =
        after.isPresent() ? Optional.of(OrderId.parse(after.get())) : Optional.empty();
    // One more than a page, to know whether there is another.
    List<OrderId> found = orders.list(request.account().id(), last, pageSize + 1);
    List<OrderId> page = found.subList(0, Math.min(pageSize, found.size()));
    ObjectNode json = Json.object();
    ArrayNode urls = json.putArray("orders");
    page.forEach(id -> urls.add(request.urls().order(id)));
    Reply reply = Reply.json(200, json);
    return found.size() > pageSize
        ? reply.withLink(
            request.urls().ordersAfter(request.account().id(), page.getLast().value()), "next")
        : reply;
  }
}
