package dev.chancery.acme;

import com.fasterxml.jackson.databind.node.ObjectNode;
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
  private final BindingKeys bindingKeys;
  private final RateLimiter limiter;

  NewAccountResource(
      Accounts accounts,
      CertificateAuthority authority,
      BindingKeys bindingKeys,
      RateLimiter limiter) {
    this.accounts = accounts;
    this.authority = authority;
    this.bindingKeys = bindingKeys;
    this.limiter = limiter;
  }

  Reply reply(SignedRequest.ByKey request) throws AcmeProblem, Refused {
    Payload payload = request.requiredPayload();
    AcmeUrls urls = request.urls();
    boolean onlyReturnExisting = payload.flag("onlyReturnExisting");
    boolean agreed = payload.flag("termsOfServiceAgreed");
    List<String> contacts = Contacts.check(payload.texts("contact").orElse(List.of()));

    Optional<Account> existing = accounts.find(urls.endpoint(), request.key());
    if (existing.isPresent()) {
      existing.get().requireUsableKey(authority);
      return AccountView.reply(200, urls, existing.get());
    }
    if (onlyReturnExisting) {
      throw new AcmeProblem(AcmeError.ACCOUNT_DOES_NOT_EXIST, "there is no account with this key");
    }
    authority.requireUsable(request.key().subjectPublicKey());
    Optional<URI> terms = urls.endpoint().termsOfService();
    if (terms.isPresent() && !agreed) {
      throw new AcmeProblem(Problem.ofTerms(terms.get()));
    }
    Optional<ExternalAccountBinding.Verified> binding = binding(urls, payload, request.key());
    limiter.newAccount(urls.endpoint(), request.network());
    Accounts.Creation creation =
        accounts.create(urls.endpoint(), request.key(), contacts, terms, binding);
    if (creation instanceof Accounts.Creation.Made(Account account)) {
      return AccountView.reply(201, urls, account);
    }
    // Another request with the same key may have been faster, and then has used the binding key.
    Optional<Account> other = accounts.find(urls.endpoint(), request.key());
    if (other.isEmpty() && creation instanceof Accounts.Creation.NotBound(var key, var at)) {
      throw bindingKeys.whyNot(key, at);
    }
    return AccountView.reply(200, urls, other.orElseThrow(AcmeProblem::notFound));
  }

  /**
   * The binding that the request carries, as far as the endpoint looks at it: section 7.3.4 forbids
   * to show one that was not verified.
   */
  private Optional<ExternalAccountBinding.Verified> binding(
      AcmeUrls urls, Payload payload, AccountKey key) throws AcmeProblem {
    BindingRule rule = urls.endpoint().binding();
    if (!rule.takesBindings()) {
      return Optional.empty();
    }
    Optional<ObjectNode> member = payload.object("externalAccountBinding");
    if (member.isPresent()) {
      return Optional.of(ExternalAccountBinding.parse(member.get()).verify(bindingKeys, urls, key));
    }
    if (rule == BindingRule.REQUIRED) {
      throw new AcmeProblem(
          AcmeError.EXTERNAL_ACCOUNT_REQUIRED,
          "an account here must be bound by a key that the operator gives out");
    }
    return Optional.empty();
  }
}
