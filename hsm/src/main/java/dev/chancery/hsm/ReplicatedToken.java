package dev.chancery.hsm;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * Tokens that hold the same keys, replicated by their vendor or cloned: each signature comes from
 * the first of them that is up, and so from the first one again as soon as it is back.
 *
 * <p>A signature that was asked for is not asked for again elsewhere when it fails: what the ledger
 * has recorded is signed at most once. Its request is told that the token is away, and the next one
 * goes to the next token.
 */
public final class ReplicatedToken extends Token {
  private final List<Pkcs11Token> tokens;

  /**
   * Of tokens that stay open for whoever else uses them.
   *
   * @param tokens the preferred one first
   */
  public ReplicatedToken(List<Pkcs11Token> tokens) {
    if (tokens.isEmpty()) {
      throw new IllegalArgumentException("a key is in one token at least");
    }
    this.tokens = List.copyOf(tokens);
  }

  @Override
  public String description() {
    return String.join(" or ", tokens.stream().map(Pkcs11Token::description).toList());
  }

  /** Not here: a key is made in one token, and brought to the others by their own means. */
  @Override
  public SubjectPublicKey generate(KeyId id, KeyAlgorithm algorithm) throws TokenUnusable {
    throw new TokenUnusable(
        "the key " + id + " cannot be made in " + description() + ": make it in one and copy it");
  }

  @Override
  public Optional<SubjectPublicKey> find(KeyId id) throws TokenUnusable, TokenAway {
    return firstUp().find(id);
  }

  private Pkcs11Token firstUp() throws TokenAway {
    return tokens.stream()
        .filter(token -> token.health().state() == TokenHealth.State.UP)
        .findFirst()
        .orElseThrow(() -> new TokenAway(description() + ": none of them is there"));
  }

  @Override
  VerifiedSigning signing(
      Operation operation, KeyId id, SubjectPublicKey expected, SigningScheme scheme)
      throws TokenUnusable, TokenAway {
    WantedKey key = new WantedKey(id, expected, scheme);
    for (Pkcs11Token token : tokens) {
      token.want(key);
    }
    return VerifiedSigning.proven(
        new ReplicatedKey(tokens.stream().map(token -> token.key(key, operation)).toList()),
        expected,
        scheme,
        id + " of " + description());
  }

  private record ReplicatedKey(List<Pkcs11Token.SupervisedKey> keys) implements TokenKey {
    @Override
    public TokenKey now() throws TokenAway {
      return firstUp().now();
    }

    @Override
    public byte[] sign(byte[] message) throws TokenAway {
      return now().sign(message);
    }

    @Override
    public byte[] sign(HashedMessage message) throws TokenAway, IOException {
      return now().sign(message);
    }

    private Pkcs11Token.SupervisedKey firstUp() {
      return keys.stream()
          .filter(Pkcs11Token.SupervisedKey::isUp)
          .findFirst()
          .orElse(keys.getFirst());
    }
  }

  /** Of the first that is up, or else of the first. */
  @Override
  public TokenHealth health() {
    return tokens.stream()
        .map(Pkcs11Token::health)
        .filter(health -> health.state() == TokenHealth.State.UP)
        .findFirst()
        .orElseGet(() -> tokens.getFirst().health());
  }

  @Override
  public Optional<Long> sessions() throws TokenAway {
    return firstUp().sessions();
  }

  /** Closes nothing: the tokens are somebody else's as well. */
  @Override
  public void close() {}
}
