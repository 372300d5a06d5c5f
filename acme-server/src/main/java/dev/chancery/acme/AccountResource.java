package dev.chancery.acme;

import dev.chancery.acme.SignedRequests.SignedRequest;
import dev.chancery.core.AccountId;
import java.net.URI;
import java.util.List;
import java.util.Optional;

/** Reads, updates and deactivates an account (RFC 8555 sections 7.3.2 and 7.3.6). */
final class AccountResource {
  private final Accounts accounts;
  private final Orders orders;
  private final Authorizations authorizations;

  AccountResource(Accounts accounts, Orders orders, Authorizations authorizations) {
    this.accounts = accounts;
    this.orders = orders;
    this.authorizations = authorizations;
  }

  Reply reply(SignedRequest.ByAccount request) throws AcmeProblem {
    requireOwn(request);
    AcmeUrls urls = request.urls();
    Account account = request.account();
    if (request.payload().isEmpty()) {
      return AccountView.reply(200, urls, account);
    }
    Payload payload = request.payload().get();
    Optional<String> status = payload.text("status");
    // Section 7.3.2: any other status is ignored; a client may post back the object that it read.
    if (status.equals(Optional.of("deactivated"))) {
      requireValid(accounts.deactivate(account.id()));
      // Nobody can use these any more, from the statement above on; what a crash leaves of them
      // ends with its expiry. An order that is processing already is brought to its end.
      orders.cancelAll(
          account.id(), Problem.of(AcmeError.UNAUTHORIZED, "the account was deactivated"));
      authorizations.deactivateAll(account.id());
      return AccountView.deactivated(urls, account);
    }
    return AccountView.reply(200, urls, updated(urls.endpoint(), account, payload));
  }

  private Account updated(AcmeEndpoint endpoint, Account account, Payload payload)
      throws AcmeProblem {
    Optional<List<String>> contacts = payload.texts("contact");
    boolean agrees = payload.flag("termsOfServiceAgreed");
    Optional<URI> terms = endpoint.termsOfService().filter(_ -> agrees);
    Account updated = account;
    if (contacts.isPresent()) {
      updated = updated.withContacts(Contacts.check(contacts.get()));
      requireValid(accounts.setContacts(account.id(), updated.contacts()));
    }
    if (terms.isPresent()) {
      updated = updated.agreeingTo(terms.get());
      requireValid(accounts.agree(account.id(), terms.get()));
    }
    return updated;
  }

  private static void requireValid(boolean changed) throws AcmeProblem {
    if (!changed) {
      throw new AcmeProblem(AcmeError.ACCOUNT_DEACTIVATED, "the account is deactivated");
    }
  }

  /**
   * Only the account itself may use its URLs.
   *
   * @throws AcmeProblem unauthorized
   */
  static void requireOwn(SignedRequest.ByAccount request) throws AcmeProblem {
    AccountId asked = new AccountId(Base64Url.decodeId(request.path().id()));
    if (!asked.equals(request.account().id())) {
      throw new AcmeProblem(AcmeError.UNAUTHORIZED, "this is not the account's own URL");
    }
  }
}
