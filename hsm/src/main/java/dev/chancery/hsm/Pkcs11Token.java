package dev.chancery.hsm;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A token behind a PKCS #11 module. Every call of the module is made on a platform thread of the
 * token's own; callers may be virtual threads. When the token is lost it is opened anew, in this
 * process, as soon as it is back (docs/token-outages.md).
 */
public final class Pkcs11Token extends Token {
  private static final Logger LOG = LoggerFactory.getLogger(Pkcs11Token.class);

  // Made once: it is told the observer with every signature.
  private final String description;
  private final TokenObserver observer;
  private final Map<KeyId, WantedKey> wanted = new ConcurrentHashMap<>();
  private final TokenSupervisor supervisor;

  private Pkcs11Token(Pkcs11Settings settings, TokenObserver observer, Patience patience) {
    this.description = settings.description();
    this.observer = observer;
    this.supervisor = new TokenSupervisor(settings, observer, wanted.values(), patience);
  }

  /**
   * Finds the token and logs in, with one attempt.
   *
   * @throws TokenUnusable when the module, the token or the PIN is not there or not right
   * @throws TokenAway when the token does not answer
   */
  public static Pkcs11Token open(Pkcs11Settings settings, TokenObserver observer)
      throws TokenUnusable, TokenAway {
    return open(settings, observer, Patience.USUAL);
  }

  static Pkcs11Token open(Pkcs11Settings settings, TokenObserver observer, Patience patience)
      throws TokenUnusable, TokenAway {
    Pkcs11Token token = new Pkcs11Token(settings, observer, patience);
    token.supervisor.open();
    return token;
  }

  /**
   * As {@link #open}, but a token that is not there, or does not answer, is waited for: until then
   * its keys answer {@link TokenAway}.
   *
   * @throws TokenUnusable when the token does not take the PIN
   */
  public static Pkcs11Token openWhenThere(Pkcs11Settings settings, TokenObserver observer)
      throws TokenUnusable {
    Pkcs11Token token = new Pkcs11Token(settings, observer, Patience.USUAL);
    token.supervisor.openWhenThere();
    return token;
  }

  @Override
  public String description() {
    return description;
  }

  @Override
  public SubjectPublicKey generate(KeyId id, KeyAlgorithm algorithm)
      throws TokenUnusable, TokenAway {
    return supervisor.generation().generate(id, algorithm);
  }

  @Override
  public Optional<SubjectPublicKey> find(KeyId id) throws TokenUnusable, TokenAway {
    return supervisor.generation().find(id);
  }

  /**
   * How well the token keeps a private key.
   *
   * @return empty when there is no key with this id
   * @throws TokenUnusable when there is more than one
   */
  public Optional<KeyAttributes> attributes(KeyId id) throws TokenUnusable, TokenAway {
    return supervisor.generation().attributes(id);
  }

  @Override
  VerifiedSigning signing(
      Operation operation, KeyId id, SubjectPublicKey expected, SigningScheme scheme)
      throws TokenUnusable, TokenAway {
    WantedKey key = new WantedKey(id, expected, scheme);
    prepare(key);
    return VerifiedSigning.proven(
        key(key, operation), expected, scheme, id + " of " + description());
  }

  /**
   * Makes a key ready, now if the token is there, else when it is.
   *
   * @throws TokenUnusable when the token is there and the key is not as it must be
   */
  void want(WantedKey key) throws TokenUnusable {
    try {
      prepare(key);
    } catch (TokenAway e) {
      LOG.warn("the key {} cannot be used yet: {}", key.id(), e.getMessage());
    }
  }

  /** Wanted first: else a generation that is opened meanwhile would come without the key. */
  private void prepare(WantedKey key) throws TokenUnusable, TokenAway {
    WantedKey before = wanted.put(key.id(), key);
    try {
      supervisor.prepare(key);
    } catch (TokenUnusable e) {
      if (before == null) {
        wanted.remove(key.id(), key);
      } else {
        wanted.put(key.id(), before);
      }
      throw e;
    }
  }

  /** A key that is wanted. */
  SupervisedKey key(WantedKey key, Operation operation) {
    return new SupervisedKey(key, operation);
  }

  /** A key that outlives the generations of its token. */
  final class SupervisedKey implements TokenKey {
    private final WantedKey key;
    private final Operation operation;

    private SupervisedKey(WantedKey key, Operation operation) {
      this.key = key;
      this.operation = operation;
    }

    /** Whether a signature can be hoped for. */
    boolean isUp() {
      try {
        return supervisor.generation().has(key.id());
      } catch (TokenAway e) {
        return false;
      }
    }

    @Override
    public TokenKey now() throws TokenAway {
      try {
        return new KeyOfGeneration(supervisor.generation(), key, operation);
      } catch (TokenAway e) {
        observer.notSigned(description(), key.id(), operation);
        throw e;
      }
    }

    @Override
    public byte[] sign(byte[] message) throws TokenAway {
      return now().sign(message);
    }

    @Override
    public byte[] sign(HashedMessage message) throws TokenAway, IOException {
      return now().sign(message);
    }
  }

  private final class KeyOfGeneration implements TokenKey {
    private final Generation generation;
    private final WantedKey key;
    private final Operation operation;

    private KeyOfGeneration(Generation generation, WantedKey key, Operation operation) {
      this.generation = generation;
      this.key = key;
      this.operation = operation;
    }

    @Override
    public byte[] sign(byte[] message) throws TokenAway {
      return observed(connection -> connection.sign(key, message));
    }

    @Override
    public byte[] sign(HashedMessage message) throws TokenAway {
      return observed(connection -> connection.sign(key, message));
    }

    private byte[] observed(Generation.Signing signing) throws TokenAway {
      long asked = System.nanoTime();
      try {
        byte[] signature = generation.sign(key, operation, signing);
        Duration took = Duration.ofNanos(System.nanoTime() - asked);
        observer.signed(description(), key.id(), operation, took);
        return signature;
      } catch (TokenAway e) {
        observer.notSigned(description(), key.id(), operation);
        throw e;
      }
    }

    @Override
    public void distrust() {
      observer.wrongSignature(description(), key.id(), operation);
      generation.lose("it gave a signature that does not verify");
    }
  }

  @Override
  public TokenHealth health() {
    return supervisor.health();
  }

  @Override
  public Optional<Long> sessions() throws TokenAway {
    return supervisor.generation().sessions();
  }

  @Override
  public void close() {
    supervisor.close();
  }
}
