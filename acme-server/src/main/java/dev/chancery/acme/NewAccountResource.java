package dev.chancery.acme;

import dev.chancery.acme.SignedRequests.SignedRequest;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.Refused;
import java.net.URI;
import java.util.List;
import java.util.Optional;

/** Makes accounts and finds them by their key (RFC 8555 sections 7.3 and 7.3.1). */
final class NewAccountResource {
  private final Accounts accounts;
  private final CertificateAuthority authority;

  NewAccountResource(Accounts accounts, CertificateAuthority authority) {
    this.accounts = accounts;
    this.authority = authority;
  }

  Reply reply(SignedRequest.ByKey request) throws AcmeProblem, Refused {
    Payload payload = request.requiredPayload();
    AcmeUrls urls = request.urls();
    boolean onlyReturnExisting = payload.flag("onlyReturnExisting");
    boolean agreed = payload.flag("termsOfServiceAgreed");
    List<String> contacts = Contacts.check(payload.texts("contact").orElse(List.of()));

    Optional<Account> existing = accounts.find(urls.endpoint(), request.key());
    if (existing.isPresent()) {
      return AccountView.reply(200, urls, existing.get());
    }
    if (onlyReturnExisting) {
      throw new AcmeProblem(AcmeError.ACCOUNT_DOES_NOT_EXIST, "there is no account with this key");
    }
    authority.requireUsable(request.key().subjectPublicKey());
    Optional<URI> terms = urls.endpoint().termsOfService();
    if (terms.isPresent() && !agreed) {
      throw new AcmeProblem(
          AcmeError.USER_ACTION_REQUIRED, "the terms of service must be agreed to: " + terms.get());
    }
    Optional<Account> made =
        accounts.create(urls.endpoint(), request.key(), contacts, terms.isPresent());
    if (made.isPresent()) {
      return AccountView.reply(201, urls, made.get());
    }
    // Another request with the same key was faster.
    return AccountView.reply(
        200,
        urls,
        accounts.find(urls.endpoint(), request.key()).orElseThrow(AcmeProblem::notFound));
  }
}
