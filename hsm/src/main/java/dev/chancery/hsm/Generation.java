package dev.chancery.hsm;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.InvalidAlgorithmParameterException;
import java.security.NoSuchAlgorithmException;
import java.security.ProviderException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import javax.security.auth.login.LoginException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One opening of a token: the module's instance, the slot, the sessions, the key handles and the
 * threads. They belong together and end together; none of them means anything in the next
 * generation (docs/token-outages.md).
 */
final class Generation {
  private static final Logger LOG = LoggerFactory.getLogger(Generation.class);
  // A network HSM can take its time to make an RSA key; nothing but a start or a ceremony waits.
  private static final Duration SLOW_WORK_LIMIT = Duration.ofMinutes(2);
  // What is open besides one session for each thread: the login's, SunPKCS11's own two.
  private static final int OTHER_SESSIONS = 3;

  private final Pkcs11Settings settings;
  private final String description;
  private final Cryptoki module;
  private final CryptokiToken token;
  private final Pkcs11Login login;
  private final List<SunPkcs11> providers;
  private final TokenThreads threads;
  private final Consumer<String> lost;
  private final Map<KeyId, List<SunPkcs11.Key>> keys = new ConcurrentHashMap<>();
  private final Map<KeyId, String> missing = new ConcurrentHashMap<>();
  private volatile boolean signed;
  private final AtomicReference<@Nullable String> ended = new AtomicReference<>();

  private Generation(
      Pkcs11Settings settings,
      Cryptoki module,
      CryptokiToken token,
      Pkcs11Login login,
      List<SunPkcs11> providers,
      Consumer<String> lost) {
    this.settings = settings;
    this.description = settings.description();
    this.module = module;
    this.token = token;
    this.login = login;
    this.providers = List.copyOf(providers);
    this.threads = new TokenThreads(description, threads(settings, token), this::lose, this::letGo);
    this.lost = lost;
  }

  /**
   * Opens the token and proves every key that is wanted. Blocks for as long as the module does.
   *
   * @param instance of the module; unless it is spent when this fails, it can be used again
   * @param lost called once, when this generation is lost, with the reason
   */
  static Generation open(
      Pkcs11Settings settings,
      ModuleInstance instance,
      SecretFile pin,
      Collection<WantedKey> wanted,
      Consumer<String> lost)
      throws TokenUnusable, CryptokiError, GeneralSecurityException, IOException, TokenAway {
    // 1. The token, by what is written on it, and one login.
    String description = settings.description();
    Cryptoki module = instance.module();
    CryptokiToken token = settings.name().in(settings.library(), module.tokens());
    instance.loggingIn(true);
    Pkcs11Login login =
        Pkcs11Login.begin(module, token, description, settings.pinFile(), pin.characters());
    instance.loggingIn(false);

    // 2. The keys, asked for directly: what fails up to here leaves nothing behind. A key that
    // is gone is no reason to do without the others.
    Map<WantedKey, String> unusable = new LinkedHashMap<>();
    for (WantedKey key : wanted) {
      try {
        check(description, login.session(), key);
      } catch (TokenUnusable e) {
        unusable.put(key, String.valueOf(e.getMessage()));
      } catch (CryptokiError e) {
        if (ReturnValue.meaningOf(e) != ReturnValue.Meaning.CALLER_ERROR) {
          throw e;
        }
        unusable.put(key, "the key " + key.id() + " of " + description + ": " + e.getMessage());
      }
    }
    if (!wanted.isEmpty() && unusable.size() == wanted.size()) {
      throw new TokenUnusable(String.join("; ", unusable.values()));
    }

    // 3. SunPKCS11. It never lets go of a module, so from here on this instance is spent.
    List<SunPkcs11> providers = new ArrayList<>();
    try {
      for (int i = 0; i < connections(settings, token); i++) {
        providers.add(
            SunPkcs11.open(
                instance.pathForProvider(),
                settings.environment(),
                description,
                token,
                pin.characters()));
      }
    } catch (TokenUnusable
        | CryptokiError
        | GeneralSecurityException
        | IOException
        | RuntimeException e) {
      if (settings.place() == Pkcs11Settings.Place.P11_KIT_SERVER) {
        providers.forEach(provider -> letGo(description, provider));
        letGo(description, login);
      }
      throw e;
    }
    Generation generation = new Generation(settings, module, token, login, providers, lost);

    // 4. The keys again, the way they will be used.
    try {
      for (WantedKey key : wanted) {
        if (!unusable.containsKey(key)) {
          try {
            generation.ready(key);
          } catch (TokenUnusable e) {
            unusable.put(key, String.valueOf(e.getMessage()));
          }
        }
      }
      unusable.forEach((key, why) -> {
        LOG.error("{}", why);
        generation.missing.put(key.id(), why);
      });
      return generation;
    } catch (TokenAway | RuntimeException e) {
      generation.close();
      throw e;
    }
  }

  private static int threads(Pkcs11Settings settings, CryptokiToken token) {
    int threads = settings.signingThreads();
    while (threads > 1 && !token.admits(threads + OTHER_SESSIONS)) {
      threads--;
    }
    return threads;
  }

  /**
   * A client of p11-kit that has two calls under way when its server dies can hang for ever; so
   * there every thread has a connection of its own.
   */
  private static int connections(Pkcs11Settings settings, CryptokiToken token) {
    return switch (settings.place()) {
      case PROCESS -> 1;
      case P11_KIT_SERVER -> threads(settings, token);
    };
  }

  /** Finds a key, compares it with what it should be, and has it sign. */
  private static void check(String description, CryptokiSession session, WantedKey key)
      throws TokenUnusable, CryptokiError {
    Pkcs11Objects objects = new Pkcs11Objects(description, session);
    CryptokiObject found =
        objects
            .privateKey(key.id())
            .orElseThrow(() -> new TokenUnusable(description + " has no private key " + key.id()));
    if (!objects.publicHalf(key.id(), found).equals(key.expected())) {
      throw new TokenUnusable(
          "the key " + key.id() + " of " + description + " is not the key of the certificate");
    }
    if (!objects.attributes(found).sign()) {
      throw new TokenUnusable(
          "the key " + key.id() + " of " + description + " may not sign (not CKA_SIGN)");
    }
    if (!objects.certified(key.id(), key.expected())) {
      throw new TokenUnusable(
          "the key "
              + key.id()
              + " of "
              + description
              + " has no certificate beside it: write one with the same id into the token");
    }
    byte[] signature =
        NativeSigning.sign(session, found, key.scheme(), VerifiedSigning.probeMessage());
    VerifiedSigning.requireProof(key, description, signature);
  }

  /** Makes a key ready to sign. */
  void prepare(WantedKey key) throws TokenUnusable, TokenAway {
    upkeep(session -> {
      check(description, session, key);
      List<String> weaknesses = weaknesses(key, new Pkcs11Objects(description, session));
      for (String weakness : weaknesses) {
        LOG.warn(
            "the key {} of {} is weaker than it should be: {}", key.id(), description, weakness);
      }
      return weaknesses;
    });
    ready(key);
  }

  private static List<String> weaknesses(WantedKey key, Pkcs11Objects objects)
      throws TokenUnusable, CryptokiError {
    return objects
        .privateKey(key.id())
        .map(found -> objects.attributes(found).weaknesses())
        .orElse(List.of());
  }

  private void ready(WantedKey key) throws TokenUnusable, TokenAway {
    List<SunPkcs11.Key> found = new ArrayList<>();
    call(
        TokenThreads.Line.UPKEEP,
        SLOW_WORK_LIMIT,
        thread -> {
          for (SunPkcs11 provider : providers) {
            SunPkcs11.Key own = provider.key(key.id(), key.expected());
            if (settings.place() == Pkcs11Settings.Place.P11_KIT_SERVER) {
              provider.holdLogin(own);
            }
            found.add(own);
          }
          return found;
        });
    for (int i = 0; i < providers.size(); i++) {
      SunPkcs11 provider = providers.get(i);
      SunPkcs11.Key own = found.get(i);
      byte[] signature =
          call(
              TokenThreads.Line.UPKEEP,
              settings.signingTimeLimit(),
              thread -> probe(provider, own, key));
      VerifiedSigning.requireProof(key, description, signature);
    }
    keys.put(key.id(), found);
    missing.remove(key.id());
  }

  /** What SunPKCS11 refuses by itself, it refuses for ever: that is the set-up, not an outage. */
  private byte[] probe(SunPkcs11 provider, SunPkcs11.Key own, WantedKey key)
      throws TokenUnusable, GeneralSecurityException {
    try {
      return provider.sign(own, key.scheme(), VerifiedSigning.probeMessage());
    } catch (InvalidAlgorithmParameterException | NoSuchAlgorithmException e) {
      if (ReturnValue.in(e).isPresent()) {
        throw e;
      }
      throw new TokenUnusable(
          "the key %s of %s cannot sign with %s through SunPKCS11: %s"
              .formatted(key.id(), description, key.scheme(), e.getMessage()),
          e);
    }
  }

  /**
   * Signs with a key that was made ready.
   *
   * @throws TokenAway when the token does not, or not in time
   */
  byte[] sign(WantedKey key, Operation operation, byte[] message) throws TokenAway {
    List<SunPkcs11.Key> own = keys.get(key.id());
    if (own == null) {
      // Not looked for on a request's thread: whoever opened the token does that.
      throw new TokenAway(
          missing.getOrDefault(key.id(), "the key " + key.id() + " is not ready yet"));
    }
    try {
      byte[] signature =
          call(
              new TokenThreads.Line(key.id().hex(), operation),
              settings.signingTimeLimit(),
              thread -> {
                int connection = thread % providers.size();
                return providers.get(connection).sign(own.get(connection), key.scheme(), message);
              });
      signed = true;
      return signature;
    } catch (TokenUnusable e) {
      throw new IllegalStateException("signing says nothing of the token's set-up", e);
    }
  }

  /** Whether it ever signed for anybody. */
  boolean hasSigned() {
    return signed;
  }

  /** Whether a key was found as it must be. */
  boolean has(KeyId id) {
    return keys.containsKey(id);
  }

  SubjectPublicKey generate(KeyId id, KeyAlgorithm algorithm) throws TokenUnusable, TokenAway {
    return call(
        TokenThreads.Line.UPKEEP,
        SLOW_WORK_LIMIT,
        thread -> {
          try (CryptokiSession session = module.open(token, true)) {
            return new Pkcs11KeyPairs(description, session).generate(id, algorithm);
          }
        });
  }

  Optional<SubjectPublicKey> find(KeyId id) throws TokenUnusable, TokenAway {
    return upkeep(session -> {
      Pkcs11Objects objects = new Pkcs11Objects(description, session);
      Optional<CryptokiObject> key = objects.privateKey(id);
      return key.isEmpty() ? Optional.empty() : Optional.of(objects.publicHalf(id, key.get()));
    });
  }

  Optional<KeyAttributes> attributes(KeyId id) throws TokenUnusable, TokenAway {
    return upkeep(session -> {
      Pkcs11Objects objects = new Pkcs11Objects(description, session);
      return objects.privateKey(id).map(objects::attributes);
    });
  }

  /** How many sessions this process has with the token, if the token tells. */
  Optional<Long> sessions() throws TokenAway {
    try {
      return call(
          TokenThreads.Line.UPKEEP, settings.signingTimeLimit(), thread -> module.sessions(token));
    } catch (TokenUnusable e) {
      return Optional.empty();
    }
  }

  private interface InSession<T> {
    T run(CryptokiSession session) throws TokenUnusable, CryptokiError;
  }

  private <T> T upkeep(InSession<T> work) throws TokenUnusable, TokenAway {
    return call(
        TokenThreads.Line.UPKEEP,
        SLOW_WORK_LIMIT,
        thread -> {
          try (CryptokiSession session = module.open(token, false)) {
            return work.run(session);
          }
        });
  }

  private <T> T call(TokenThreads.Line line, Duration timeLimit, TokenThreads.Work<T> work)
      throws TokenUnusable, TokenAway {
    try {
      return threads.call(line, timeLimit, work);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      if (cause instanceof TokenUnusable unusable) {
        throw unusable;
      }
      String reason = ReturnValue.reason(cause);
      switch (meaning(cause)) {
        case CALLER_ERROR, OPERATOR -> LOG.error("{} refuses a call: {}", description, reason);
        case BUSY -> LOG.warn("{} has no session left", description);
        case OUTAGE -> lose(reason);
      }
      throw new TokenAway(description + " failed: " + reason, cause);
    }
  }

  private static ReturnValue.Meaning meaning(Throwable failure) {
    // What SunPKCS11 says without having asked the module: its own count of sessions is full.
    return failure instanceof ProviderException
            && "Could not obtain session".equals(failure.getMessage())
        ? ReturnValue.Meaning.BUSY
        : ReturnValue.meaningOf(failure);
  }

  /** Ends this generation: whoever waits for it is told at once, and nobody comes back to it. */
  void lose(String reason) {
    if (ended.compareAndSet(null, reason)) {
      threads.end("was lost: " + reason);
      lost.accept(reason);
    }
  }

  /**
   * A client of p11-kit closes the connection to a server that is gone only when it is called once
   * more: without this, every loss would leave open files behind. The thread that had the
   * connection to itself makes the call, since a second one beside one that hangs could hang too.
   */
  private void letGo(int thread) {
    if (settings.place() == Pkcs11Settings.Place.P11_KIT_SERVER) {
      letGo(description, providers.get(thread));
      if (thread == 0) {
        letGo(description, login);
      }
    }
  }

  private static void letGo(String description, SunPkcs11 provider) {
    try {
      provider.logout();
    } catch (LoginException | RuntimeException e) {
      LOG.debug("a connection of {} is gone already", description, e);
    }
  }

  private static void letGo(String description, Pkcs11Login login) {
    try {
      login.end();
    } catch (CryptokiError e) {
      LOG.debug("a connection of {} is gone already", description, e);
    }
  }

  /** Why this generation was lost, if it was. */
  Optional<String> whyLost() {
    return Optional.ofNullable(ended.get());
  }

  int waiting() {
    return threads.waiting();
  }

  /** How many threads are in the module; those of a lost generation perhaps for ever. */
  int busy() {
    return threads.busy();
  }

  /** Logs out, if the token still answers. */
  void close() {
    if (!ended.compareAndSet(null, "closed")) {
      return;
    }
    try {
      threads.call(
          TokenThreads.Line.UPKEEP,
          settings.signingTimeLimit(),
          thread -> {
            for (SunPkcs11 provider : providers) {
              provider.logout();
            }
            login.end();
            return Optional.empty();
          });
    } catch (TokenAway | ExecutionException e) {
      LOG.warn("{} was not logged out", description, e);
    } finally {
      threads.close();
    }
  }
}
