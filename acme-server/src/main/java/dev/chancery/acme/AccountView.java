package dev.chancery.acme;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** The account object (RFC 8555 section 7.1.2). */
final class AccountView {
  private AccountView() {}

  static Reply reply(int status, AcmeUrls urls, Account account) {
    return reply(status, urls, account, "valid");
  }

  static Reply deactivated(AcmeUrls urls, Account account) {
    return reply(200, urls, account, "deactivated");
  }

  private static Reply reply(int status, AcmeUrls urls, Account account, String state) {
    ObjectNode json = Json.object().put("status", state);
    ArrayNode list = json.putArray("contact");
    account.contacts().forEach(list::add);
    if (account.terms().isPresent()) {
      json.put("termsOfServiceAgreed", true);
    }
    // Section 7.3.4: with the same value as in the request.
    account
        .binding()
        .ifPresent(binding -> json.set("externalAccountBinding", Json.readOwn(binding.json())));
    json.put("orders", urls.orders(account.id()));
    // cert-manager reads the Location of updates too.
    return Reply.json(status, json).withLocation(urls.account(account.id()));
  }
}
