package dev.chancery.hsm;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One login to a token: the module, the slot, the sessions, the key handles and the threads. They
 * belong together; none of them means anything after the others are gone.
 */
final class Pkcs11Connection {
  private static final Logger LOG = LoggerFactory.getLogger(Pkcs11Connection.class);
  // A network HSM can take its time to make an RSA key; nothing but a start or a ceremony waits.
  private static final Duration SLOW_WORK_LIMIT = Duration.ofMinutes(2);

  private final Pkcs11Settings settings;
  private final String description;
  private final TokenThreads threads;
  private final Cryptoki module;
  private final CryptokiToken token;
  private final Pkcs11Login login;
  private final SunPkcs11 provider;
  private final Map<KeyId, SunPkcs11.Key> keys = new ConcurrentHashMap<>();
  private final AtomicBoolean open = new AtomicBoolean(true);

  private Pkcs11Connection(
      Pkcs11Settings settings,
      TokenThreads threads,
      Cryptoki module,
      CryptokiToken token,
      Pkcs11Login login,
      SunPkcs11 provider) {
    this.settings = settings;
    this.description = settings.description();
    this.threads = threads;
    this.module = module;
    this.token = token;
    this.login = login;
    this.provider = provider;
  }

  static Pkcs11Connection open(Pkcs11Settings settings) throws TokenUnusable, TokenAway {
    TokenThreads threads = new TokenThreads(settings.description(), settings.signingThreads());
    try {
      return slowly(settings.description(), threads, () -> login(settings, threads));
    } catch (TokenUnusable | TokenAway | RuntimeException e) {
      threads.close();
      throw e;
    }
  }

  private static Pkcs11Connection login(Pkcs11Settings settings, TokenThreads threads)
      throws TokenUnusable, CryptokiError, GeneralSecurityException, IOException {
    try (SecretFile pin = SecretFile.read("PIN", settings.pinFile())) {
      Cryptoki module = Cryptoki.load(settings.library(), settings.environment());
      CryptokiToken token = theToken(settings, module.tokens());
      Pkcs11Login login = Pkcs11Login.begin(module, token, settings, pin.characters());
      try {
        SunPkcs11 provider = SunPkcs11.open(settings, token, pin.characters());
        return new Pkcs11Connection(settings, threads, module, token, login, provider);
      } catch (TokenUnusable | GeneralSecurityException | IOException | RuntimeException e) {
        login.end();
        throw e;
      }
    }
  }

  private static CryptokiToken theToken(Pkcs11Settings settings, List<CryptokiToken> tokens)
      throws TokenUnusable {
    List<CryptokiToken> fitting =
        tokens.stream()
            .filter(token -> settings.label().map(token.label()::equals).orElse(true))
            .filter(token -> settings.serial().map(token.serial()::equals).orElse(true))
            .toList();
    if (fitting.isEmpty()) {
      throw new TokenUnusable(
          settings.library() + " has no " + settings.description() + "; it has " + labels(tokens));
    }
    if (fitting.size() > 1) {
      throw new TokenUnusable(
          settings.library()
              + " has "
              + fitting.size()
              + " tokens that fit "
              + settings.description()
              + ": name the serial number too");
    }
    return fitting.getFirst();
  }

  private static String labels(List<CryptokiToken> tokens) {
    return tokens.isEmpty()
        ? "no token at all"
        : tokens.stream()
            .map(token -> "\"" + token.label() + "\"")
            .collect(Collectors.joining(", "));
  }

  SubjectPublicKey generate(KeyId id, KeyAlgorithm algorithm) throws TokenUnusable, TokenAway {
    return slowly(() -> {
      try (CryptokiSession session = module.open(token, true)) {
        return new Pkcs11KeyPairs(description, session).generate(id, algorithm);
      }
    });
  }

  Optional<SubjectPublicKey> find(KeyId id) throws TokenUnusable, TokenAway {
    return slowly(() -> {
      try (CryptokiSession session = module.open(token, false)) {
        Pkcs11Objects objects = new Pkcs11Objects(description, session);
        Optional<CryptokiObject> key = objects.privateKey(id);
        return key.isEmpty() ? Optional.empty() : Optional.of(objects.publicHalf(id, key.get()));
      }
    });
  }

  Optional<KeyAttributes> attributes(KeyId id) throws TokenUnusable, TokenAway {
    return slowly(() -> {
      try (CryptokiSession session = module.open(token, false)) {
        Pkcs11Objects objects = new Pkcs11Objects(description, session);
        return objects.privateKey(id).map(objects::attributes);
      }
    });
  }

  /** Makes a key ready to sign, after comparing it with what it should be. */
  void prepare(KeyId id, SubjectPublicKey expected) throws TokenUnusable, TokenAway {
    KeyAttributes attributes =
        attributes(id)
            .orElseThrow(() -> new TokenUnusable(description + " has no private key " + id));
    SubjectPublicKey found =
        find(id).orElseThrow(() -> new TokenUnusable(description + " has no private key " + id));
    if (!found.equals(expected)) {
      throw new TokenUnusable(
          "the key " + id + " of " + description + " is not the key of the certificate");
    }
    if (!attributes.sign()) {
      throw new TokenUnusable(
          "the key " + id + " of " + description + " may not sign (not CKA_SIGN)");
    }
    for (String weakness : attributes.weaknesses()) {
      LOG.warn("the key {} of {} is weaker than it should be: {}", id, description, weakness);
    }
    keys.put(id, slowly(() -> provider.key(id, expected)));
  }

  /** Signs with a key that was made ready. */
  byte[] sign(KeyId id, SigningScheme scheme, byte[] message) throws TokenAway {
    SunPkcs11.Key key = keys.get(id);
    if (key == null) {
      throw new IllegalStateException("the key " + id + " was not prepared");
    }
    try {
      return threads.call(settings.signingTimeLimit(), () -> provider.sign(key, scheme, message));
    } catch (ExecutionException e) {
      throw failed(description, e);
    }
  }

  private <T> T slowly(Callable<T> work) throws TokenUnusable, TokenAway {
    return slowly(description, threads, work);
  }

  private static <T> T slowly(String description, TokenThreads threads, Callable<T> work)
      throws TokenUnusable, TokenAway {
    try {
      return threads.call(SLOW_WORK_LIMIT, work);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof TokenUnusable unusable) {
        throw unusable;
      }
      throw failed(description, e);
    }
  }

  private static TokenAway failed(String description, ExecutionException failure) {
    Throwable cause = failure.getCause() == null ? failure : failure.getCause();
    return new TokenAway(description + " failed: " + SunPkcs11.reason(cause), cause);
  }

  /** Logs out, unless another connection of this process uses the same token. */
  void close() {
    if (!open.compareAndSet(true, false)) {
      return;
    }
    try {
      threads.call(
          settings.signingTimeLimit(),
          () -> {
            if (login.end()) {
              provider.logout();
            }
            return Optional.empty();
          });
    } catch (TokenAway | ExecutionException e) {
      LOG.warn("{} was not logged out", description, e);
    } finally {
      threads.close();
    }
  }
}
