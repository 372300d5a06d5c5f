package dev.chancery.hsm;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.util.Optional;

/**
 * Where private keys live, and never leave. There is no way to sign arbitrary bytes: a key is asked
 * for as the one kind of thing that it will sign (docs/token.md).
 */
public interface Token extends AutoCloseable {
  /** What this token is, for logs and error messages: its kind and label. */
  String description();

  /**
   * Makes a key pair inside the token: sensitive, not extractable, for signing only.
   *
   * @throws TokenUnusable when the id is taken or the token cannot make such a key
   */
  SubjectPublicKey generate(KeyId id, KeyAlgorithm algorithm) throws TokenUnusable, TokenAway;

  /**
   * The public half of a key.
   *
   * @return empty when there is no key with this id
   * @throws TokenUnusable when there is more than one
   */
  Optional<SubjectPublicKey> find(KeyId id) throws TokenUnusable, TokenAway;

  /**
   * The key of an issuer, to sign certificates.
   *
   * @param expected the public key of the issuer's certificate
   * @throws TokenUnusable when there is not exactly one key with this id, or it is another key
   */
  IssuerKey issuerKey(KeyId id, SubjectPublicKey expected, SigningScheme scheme)
      throws TokenUnusable, TokenAway;

  /** The key of an issuer, to sign CRLs; otherwise as {@link #issuerKey}. */
  CrlKey crlKey(KeyId id, SubjectPublicKey expected, SigningScheme scheme)
      throws TokenUnusable, TokenAway;

  /** The key of a delegated OCSP signer; otherwise as {@link #issuerKey}. */
  OcspKey ocspKey(KeyId id, SubjectPublicKey expected, SigningScheme scheme)
      throws TokenUnusable, TokenAway;

  /** How the token is just now; asks nothing of it. */
  TokenHealth health();

  /**
   * How many sessions this process has with the token; empty when it has none or does not tell.
   *
   * @throws TokenAway when the token does not answer
   */
  Optional<Long> sessions() throws TokenAway;

  /** Ends the session with the token. Keys that it gave out answer {@link TokenAway} from then. */
  @Override
  void close();
}
