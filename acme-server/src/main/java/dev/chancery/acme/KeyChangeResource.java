package dev.chancery.acme;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.acme.SignedRequests.SignedRequest;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.Refused;
import java.util.Optional;

/** Gives an account another key (RFC 8555 section 7.3.5). */
final class KeyChangeResource {
  private final Accounts accounts;
  private final CertificateAuthority authority;

  KeyChangeResource(Accounts accounts, CertificateAuthority authority) {
    this.accounts = accounts;
    this.authority = authority;
  }

  Reply reply(SignedRequest.ByAccount request) throws AcmeProblem, Refused {
    Account account = request.account();
    AcmeUrls urls = request.urls();
    // 1. The inner JWS proves that the new key agrees.
    Jws inner = Jws.parse(request.requiredPayload().json());
    if (!(inner.signer() instanceof Jws.Signer.Key signer)) {
      throw AcmeProblem.malformed("the inner JWS must carry the new key as jwk");
    }
    if (inner.nonce().isPresent()) {
      throw AcmeProblem.malformed("the inner JWS must have no nonce");
    }
    AccountKey newKey = signer.key();
    inner.requireSignedBy(newKey);
    if (!inner.url().equals(urls.keyChange())) {
      throw AcmeProblem.malformed("the url of the inner JWS is not that of the outer one");
    }
    // 2. It says which account and which old key, so that it serves for nothing else.
    Payload change =
        Payload.parse(inner.payload())
            .orElseThrow(() -> AcmeProblem.malformed("the inner payload is empty"));
    if (!change.requiredText("account").equals(urls.account(account.id()))) {
      throw AcmeProblem.malformed("the inner payload names another account");
    }
    if (!(change.json().get("oldKey") instanceof ObjectNode oldKey)
        || !AccountKey.parse(oldKey).equals(account.key())) {
      throw AcmeProblem.malformed("oldKey is not the account's key");
    }
    authority.requireUsable(newKey.subjectPublicKey());
    // 3. No account has the new key: not even this one, whose key would not change.
    if (newKey.equals(account.key())) {
      throw new AcmeProblem(AcmeError.KEY_IN_USE, "the account has the new key already")
          .at(urls.account(account.id()));
    }
    return switch (accounts.changeKey(account.id(), account.key(), newKey)) {
      case CHANGED -> AccountView.reply(200, urls, account);
      case LOST ->
          throw new AcmeProblem(
              AcmeError.UNAUTHORIZED, "the account's key was changed in the meantime");
      case IN_USE -> {
        AcmeProblem conflict =
            new AcmeProblem(AcmeError.KEY_IN_USE, "another account has the new key");
        Optional<Account> other = accounts.find(urls.endpoint(), newKey);
        throw other.isPresent() ? conflict.at(urls.account(other.get().id())) : conflict;
      }
    };
  }
}
