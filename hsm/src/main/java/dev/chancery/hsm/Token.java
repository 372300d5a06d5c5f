package dev.chancery.hsm;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.util.Optional;

/**
 * Where private keys live, and never leave. There is no way to sign arbitrary bytes: a key is asked
 * for as the one kind of thing that it will sign (docs/token.md).
 *
 * <p>A class and no interface: the one method that all of those come from is this package's own.
 */
public abstract class Token implements AutoCloseable {
  /** What this token is, for logs and error messages: its kind and label. */
  public abstract String description();

  /**
   * Makes a key pair inside the token: sensitive, not extractable, for signing only.
   *
   * @throws TokenUnusable when the id is taken or the token cannot make such a key
   */
  public abstract SubjectPublicKey generate(KeyId id, KeyAlgorithm algorithm)
      throws TokenUnusable, TokenAway;

  /**
   * The public half of a key.
   *
   * @return empty when there is no key with this id
   * @throws TokenUnusable when there is more than one
   */
  public abstract Optional<SubjectPublicKey> find(KeyId id) throws TokenUnusable, TokenAway;

  /**
   * The key of an issuer, to sign certificates.
   *
   * @param expected the public key of the issuer's certificate
   * @throws TokenUnusable when there is not exactly one key with this id, or it is another key
   */
  public final IssuerKey issuerKey(KeyId id, SubjectPublicKey expected, SigningScheme scheme)
      throws TokenUnusable, TokenAway {
    return new IssuerKey(signing(Operation.ISSUANCE, id, expected, scheme));
  }

  /** The key of an issuer, to sign CRLs; otherwise as {@link #issuerKey}. */
  public final CrlKey crlKey(KeyId id, SubjectPublicKey expected, SigningScheme scheme)
      throws TokenUnusable, TokenAway {
    return new CrlKey(signing(Operation.CRL, id, expected, scheme));
  }

  /** The key of a delegated OCSP signer; otherwise as {@link #issuerKey}. */
  public final OcspKey ocspKey(KeyId id, SubjectPublicKey expected, SigningScheme scheme)
      throws TokenUnusable, TokenAway {
    return new OcspKey(signing(Operation.OCSP, id, expected, scheme));
  }

  /** A key that asks for its own certificate; otherwise as {@link #issuerKey}. */
  public final RequestKey requestKey(KeyId id, SubjectPublicKey expected, SigningScheme scheme)
      throws TokenUnusable, TokenAway {
    return new RequestKey(signing(Operation.UPKEEP, id, expected, scheme));
  }

  /** A key for one kind of thing to sign; otherwise as {@link #issuerKey}. */
  abstract VerifiedSigning signing(
      Operation operation, KeyId id, SubjectPublicKey expected, SigningScheme scheme)
      throws TokenUnusable, TokenAway;

  /** How the token is just now; asks nothing of it. */
  public abstract TokenHealth health();

  /**
   * How many sessions this process has with the token; empty when it has none or does not tell.
   *
   * @throws TokenAway when the token does not answer
   */
  public abstract Optional<Long> sessions() throws TokenAway;

  /** Ends the session with the token. Keys that it gave out answer {@link TokenAway} from then. */
  @Override
  public abstract void close();
}
