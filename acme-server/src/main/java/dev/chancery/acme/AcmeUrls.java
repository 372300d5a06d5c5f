package dev.chancery.acme;

import dev.chancery.core.AccountId;
import java.util.UUID;

/** The URLs of one endpoint, as its clients know them. */
record AcmeUrls(AcmeEndpoint endpoint) {
  private String at(String path) {
    return endpoint.externalUrl() + "/acme/" + endpoint.name() + "/" + path;
  }

  String directory() {
    return endpoint.name().equals(AcmeEndpoint.DEFAULT)
        ? endpoint.externalUrl() + "/acme/directory"
        : at("directory");
  }

  String newNonce() {
    return at("new-nonce");
  }

  String newAccount() {
    return at("new-account");
  }

  String newOrder() {
    return at("new-order");
  }

  String newAuthz() {
    return at("new-authz");
  }

  String revokeCert() {
    return at("revoke-cert");
  }

  String keyChange() {
    return at("key-change");
  }

  /** A certificate's identifier follows, after a slash (RFC 9773 section 4.1). */
  String renewalInfo() {
    return at("renewal-info");
  }

  String account(AccountId id) {
    return at("account/" + Base64Url.encode(id.value()));
  }

  /**
   * The account that a kid names.
   *
   * @throws AcmeProblem accountDoesNotExist, when it is no account URL of this endpoint
   */
  AccountId accountAt(String url) throws AcmeProblem {
    String prefix = at("account/");
    try {
      if (url.startsWith(prefix)) {
        return new AccountId(Base64Url.decodeId(url.substring(prefix.length())));
      }
    } catch (AcmeProblem e) {
      // Refused below.
    }
    throw new AcmeProblem(
        AcmeError.ACCOUNT_DOES_NOT_EXIST, "the kid is not the URL of an account here");
  }

  /** What the accounturi of a dns-persist-01 record begins with; never changes, like the URLs. */
  String accountHashPrefix() {
    return at("account-hash/");
  }

  String orders(AccountId id) {
    return account(id) + "/orders";
  }

  String ordersAfter(AccountId id, UUID last) {
    return orders(id) + "?after=" + Base64Url.encode(last);
  }

  String order(OrderId id) {
    return at("order/" + id);
  }

  String finalizeOrder(OrderId id) {
    return order(id) + "/finalize";
  }

  String authorization(AuthorizationId id) {
    return at("authorization/" + id);
  }

  String challenge(ChallengeId id) {
    return at("challenge/" + id);
  }

  /** An order has at most one certificate, so the order's id names it. */
  String certificate(OrderId id) {
    return at("certificate/" + id);
  }

  /** Another chain of the same certificate; the first is {@link #certificate(OrderId)}. */
  String certificate(OrderId id, int chain) {
    return certificate(id) + "/" + chain;
  }
}
