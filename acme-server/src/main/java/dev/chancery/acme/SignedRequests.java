package dev.chancery.acme;

import dev.chancery.core.AccountId;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.Cidr;
import dev.chancery.core.Upload;
import io.javalin.http.Context;
import java.io.IOException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The way in for everything that is signed (RFC 8555 sections 6.2 to 6.5): size, form, nonce, URL,
 * account, signature, in this order.
 *
 * <p>The nonce is checked for being ours first and spent last. Its MAC keeps out made-up ones
 * without a look at the database; it is spent only by a request whose signature is right, so
 * garbage writes nothing and someone who saw a nonce cannot burn it for its owner without an
 * account; and since it is spent before the request does anything, the same request sent twice acts
 * once.
 */
final class SignedRequests {
  private static final int LONGEST_BODY = 128 * 1024;
  private static final String CONTENT_TYPE = "application/jose+json";

  private final Nonces nonces;
  private final Accounts accounts;
  private final CertificateAuthority authority;
  private final KnownAccounts known = new KnownAccounts();

  SignedRequests(Nonces nonces, Accounts accounts, CertificateAuthority authority) {
    this.nonces = nonces;
    this.accounts = accounts;
    this.authority = authority;
  }

  /** A request that is proven to come from whoever holds a key. */
  sealed interface SignedRequest {
    AcmeUrls urls();

    Optional<Payload> payload();

    /**
     * The payload of a request that cannot be POST-as-GET.
     *
     * @throws AcmeProblem malformed
     */
    default Payload requiredPayload() throws AcmeProblem {
      return payload().orElseThrow(() -> AcmeProblem.malformed("the payload is empty"));
    }

    /**
     * Requires POST-as-GET (RFC 8555 section 6.3): nothing at all, an empty object is not it.
     *
     * @throws AcmeProblem malformed
     */
    default void requireNoPayload() throws AcmeProblem {
      if (payload().isPresent()) {
        throw AcmeProblem.malformed("this resource is read by an empty payload");
      }
    }

    /** Signed by the key of a valid account. */
    record ByAccount(AcmeUrls urls, Account account, Optional<Payload> payload, RequestPath path)
        implements SignedRequest {}

    /**
     * Signed by the key that it carries.
     *
     * @param network where it comes from
     */
    record ByKey(AcmeUrls urls, AccountKey key, Optional<Payload> payload, Cidr network)
        implements SignedRequest {}
  }

  /**
   * Reads and authenticates a request, and spends its nonce.
   *
   * @throws AcmeProblem when it is not to be acted on
   */
  SignedRequest authenticate(AcmeUrls urls, Context context) throws AcmeProblem {
    // Not context.contentType(), which fails on a charset that does not exist.
    requireContentType(context.header("Content-Type"));
    Jws jws = Jws.parse(body(context));
    Nonces.Genuine nonce = nonces.genuine(jws.nonce());
    RequestPath path = RequestPath.of(context);
    if (!jws.url().equals(urls.endpoint().externalUrl() + path.pathAndQuery())) {
      throw new AcmeProblem(
          AcmeError.UNAUTHORIZED, "the url of the JWS is not the URL that was requested");
    }
    return switch (jws.signer()) {
      case Jws.Signer.Account(String kid) -> {
        Account account = authenticated(jws, nonce, urls.endpoint(), urls.accountAt(kid));
        yield new SignedRequest.ByAccount(urls, account, Payload.parse(jws.payload()), path);
      }
      case Jws.Signer.Key signer -> {
        AccountKey key = signer.key();
        jws.requireSignedBy(key);
        nonce.spend();
        yield new SignedRequest.ByKey(
            urls, key, Payload.parse(jws.payload()), PeerNetwork.of(context));
      }
    };
  }

  /**
   * The account that has signed; the nonce is spent. With a key that is blocked or compromised it
   * can only read: that harms nobody.
   */
  private Account authenticated(Jws jws, Nonces.Genuine nonce, AcmeEndpoint endpoint, AccountId id)
      throws AcmeProblem {
    boolean changes = jws.payload().length > 0;
    Optional<Account> before = known.find(id);
    if (before.isPresent()
        && jws.isSignedBy(before.get().key())
        && nonce.spendBy(endpoint, before.get())) {
      if (changes) {
        before.get().requireKeyNotBlocked(authority);
      }
      return before.get();
    }
    // Whatever it was that did not fit, what the database says now decides, and says why.
    Account account =
        accounts
            .find(endpoint, id)
            .orElseThrow(() ->
                new AcmeProblem(AcmeError.ACCOUNT_DOES_NOT_EXIST, "there is no such account"));
    jws.requireSignedBy(account.key());
    nonce.spend();
    known.keep(account);
    if (changes) {
      account.requireUsableKey(authority);
    }
    return account;
  }

  private static void requireContentType(@Nullable String header) throws AcmeProblem {
    String type = header == null ? "" : header.split(";", 2)[0].strip();
    if (!type.equalsIgnoreCase(CONTENT_TYPE)) {
      throw new AcmeProblem(
          AcmeError.UNSUPPORTED_MEDIA_TYPE, "the content type must be " + CONTENT_TYPE);
    }
  }

  private static byte[] body(Context context) throws AcmeProblem {
    try {
      return Upload.read(context.req().getInputStream(), LONGEST_BODY);
    } catch (Upload.TooLong e) {
      throw new AcmeProblem(AcmeError.TOO_LARGE, String.valueOf(e.getMessage()));
    } catch (Upload.TooSlow e) {
      throw new AcmeProblem(AcmeError.TOO_SLOW, String.valueOf(e.getMessage()));
    } catch (IOException e) {
      throw AcmeProblem.malformed("the body could not be read");
    }
  }
}
