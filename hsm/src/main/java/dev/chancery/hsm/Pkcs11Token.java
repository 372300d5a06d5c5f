package dev.chancery.hsm;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.util.Optional;

/**
 * A token behind a PKCS #11 module. Every call of the module is made on a platform thread of the
 * token's own; callers may be virtual threads.
 */
public final class Pkcs11Token implements Token {
  private final String description;
  private final Pkcs11Connection connection;

  private Pkcs11Token(String description, Pkcs11Connection connection) {
    this.description = description;
    this.connection = connection;
  }

  /**
   * Finds the token and logs in, with one attempt.
   *
   * @throws TokenUnusable when the module, the token or the PIN is not there or not right
   * @throws TokenAway when the token does not answer
   */
  public static Pkcs11Token open(Pkcs11Settings settings) throws TokenUnusable, TokenAway {
    return new Pkcs11Token(settings.description(), Pkcs11Connection.open(settings));
  }

  @Override
  public String description() {
    return description;
  }

  @Override
  public SubjectPublicKey generate(KeyId id, KeyAlgorithm algorithm)
      throws TokenUnusable, TokenAway {
    return connection.generate(id, algorithm);
  }

  @Override
  public Optional<SubjectPublicKey> find(KeyId id) throws TokenUnusable, TokenAway {
    return connection.find(id);
  }

  /**
   * How well the token keeps a private key.
   *
   * @return empty when there is no key with this id
   * @throws TokenUnusable when there is more than one
   */
  public Optional<KeyAttributes> attributes(KeyId id) throws TokenUnusable, TokenAway {
    return connection.attributes(id);
  }

  @Override
  public IssuerKey issuerKey(KeyId id, SubjectPublicKey expected, SigningScheme scheme)
      throws TokenUnusable, TokenAway {
    return new IssuerKey(signing(id, expected, scheme));
  }

  @Override
  public CrlKey crlKey(KeyId id, SubjectPublicKey expected, SigningScheme scheme)
      throws TokenUnusable, TokenAway {
    return new CrlKey(signing(id, expected, scheme));
  }

  @Override
  public OcspKey ocspKey(KeyId id, SubjectPublicKey expected, SigningScheme scheme)
      throws TokenUnusable, TokenAway {
    return new OcspKey(signing(id, expected, scheme));
  }

  private VerifiedSigning signing(KeyId id, SubjectPublicKey expected, SigningScheme scheme)
      throws TokenUnusable, TokenAway {
    connection.prepare(id, expected);
    return VerifiedSigning.proven(
        message -> connection.sign(id, scheme, message),
        expected,
        scheme,
        id + " of " + description);
  }

  @Override
  public void close() {
    connection.close();
  }
}
