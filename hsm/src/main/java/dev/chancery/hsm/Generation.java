package dev.chancery.hsm;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.ProviderException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
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
  // A request that the token does not like comes alone; so many refusals in a row are suspicious.
  private static final int SUSPICIOUS_REFUSALS = 5;

  private final Pkcs11Settings settings;
  private final String description;
  private final OpenToken token;
  private final TokenThreads threads;
  private final BiConsumer<Generation, String> lost;
  private final Map<KeyId, WantedKey> ready = new ConcurrentHashMap<>();
  private final Map<KeyId, String> missing = new ConcurrentHashMap<>();
  private final Map<KeyId, Integer> refusalsInARow = new ConcurrentHashMap<>();
  private volatile boolean signed;
  private final AtomicReference<@Nullable String> ended = new AtomicReference<>();

  private Generation(
      Pkcs11Settings settings, OpenToken token, BiConsumer<Generation, String> lost) {
    this.settings = settings;
    this.description = settings.description();
    this.token = token;
    this.lost = lost;
    this.threads = new TokenThreads(description, token.threads(), this::lose, token::letGo);
  }

  /**
   * Opens the token and proves every key that is wanted, on the first connection. Blocks for as
   * long as the module does.
   *
   * @param instance of the module; unless it is spent when this fails, it can be used again
   * @param lost called once, when this generation is lost, with the reason
   */
  static Generation open(
      Pkcs11Settings settings,
      ModuleInstance instance,
      SecretFile pin,
      Collection<WantedKey> wanted,
      BiConsumer<Generation, String> lost)
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
    Map<WantedKey, String> unusable = unusable(new KeyCheck(description, login.session()), wanted);
    if (!wanted.isEmpty() && unusable.size() == wanted.size()) {
      throw new TokenUnusable(String.join("; ", unusable.values()));
    }

    // 3. SunPKCS11. It never lets go of a module, so from here on this instance is spent.
    Generation generation =
        new Generation(
            settings, OpenToken.open(settings, instance, token, login, pin.characters()), lost);

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

  private static Map<WantedKey, String> unusable(KeyCheck check, Collection<WantedKey> wanted)
      throws CryptokiError {
    Map<WantedKey, String> unusable = new LinkedHashMap<>();
    for (WantedKey key : wanted) {
      try {
        check.require(key);
      } catch (TokenUnusable e) {
        unusable.put(key, String.valueOf(e.getMessage()));
      } catch (CryptokiError e) {
        if (ReturnValue.meaningOf(e) != ReturnValue.Meaning.CALLER_ERROR) {
          throw e;
        }
        unusable.put(key, "the key " + key.id() + ": " + e.getMessage());
      }
    }
    return unusable;
  }

  /**
   * Opens the connections that the other threads have to themselves, and proves each before it is
   * used; until then they take turns on the first. When that fails, this generation is lost.
   *
   * @throws PinRefused when the token does not take the PIN any more; then it is still to be lost
   */
  void connectOthers(ModuleInstance instance, SecretFile pin) throws PinRefused {
    try {
      for (int owner = 1; owner < token.connections() && whyLost().isEmpty(); owner++) {
        int thread = owner;
        Path library = instance.pathForProvider();
        // Of its own: it can still be needed when nobody waits for this any more, and what a token
        // is then given instead of a PIN that was wiped counts as a wrong one.
        char[] ownPin = pin.characters().clone();
        Connection connection =
            call(
                TokenThreads.Line.UPKEEP,
                SLOW_WORK_LIMIT,
                any -> {
                  try {
                    return token.connect(thread, library, ownPin, () -> ended.get() != null);
                  } finally {
                    Arrays.fill(ownPin, '\0');
                  }
                });
        for (WantedKey key : ready.values()) {
          prove(connection, key);
        }
      }
    } catch (PinRefused e) {
      throw e;
    } catch (TokenUnusable | TokenAway e) {
      lose(String.valueOf(e.getMessage()));
    }
  }

  /** Makes a key ready to sign. */
  void prepare(WantedKey key) throws TokenUnusable, TokenAway {
    upkeep(session -> {
      KeyCheck check = new KeyCheck(description, session);
      check.require(key);
      for (String weakness : check.weaknesses(key)) {
        LOG.warn(
            "the key {} of {} is weaker than it should be: {}", key.id(), description, weakness);
      }
      return key;
    });
    ready(key);
  }

  private void ready(WantedKey key) throws TokenUnusable, TokenAway {
    prove(token.first(), key);
    // Before the others are looked for: one that comes after that proves what is here.
    ready.put(key.id(), key);
    missing.remove(key.id());
    for (Connection other : token.others()) {
      prove(other, key);
    }
  }

  private void prove(Connection connection, WantedKey key) throws TokenUnusable, TokenAway {
    SunPkcs11.Key found =
        call(TokenThreads.Line.UPKEEP, SLOW_WORK_LIMIT, thread -> connection.find(key));
    byte[] signature =
        call(
            TokenThreads.Line.UPKEEP,
            settings.signingTimeLimit(),
            thread -> connection.probe(key, found));
    VerifiedSigning.requireProof(key, description, signature);
    connection.use(key, found);
  }

  /** One signature, on the connection of the thread that makes it. */
  interface Signing {
    byte[] on(Connection connection) throws GeneralSecurityException, IOException;
  }

  /**
   * Signs with a key that was made ready.
   *
   * @throws TokenAway when the token does not, or not in time
   */
  byte[] sign(WantedKey key, Operation operation, Signing signing) throws TokenAway {
    if (!has(key.id())) {
      // Not looked for on a request's thread: whoever opened the token does that.
      throw new TokenAway(
          missing.getOrDefault(key.id(), "the key " + key.id() + " is not ready yet"));
    }
    try {
      byte[] signature =
          threads.call(
              new TokenThreads.Line(key.id().hex(), operation),
              settings.signingTimeLimit(),
              thread -> signing.on(token.connection(thread, key.id())));
      signed = true;
      if (!refusalsInARow.isEmpty()) {
        refusalsInARow.remove(key.id());
      }
      return signature;
    } catch (ExecutionException e) {
      Throwable cause = cause(e);
      if (isRefusal(cause)) {
        refused(key, ReturnValue.reason(cause));
      }
      throw failed(cause);
    }
  }

  /**
   * What is asked of a key is well-formed. One that refuses it again and again may not be what its
   * handle meant before; whether it still signs the probe tells that from requests that the token
   * does not like. Nobody waits for the answer.
   */
  private void refused(WantedKey key, String reason) {
    if (refusalsInARow.merge(key.id(), 1, Integer::sum) % SUSPICIOUS_REFUSALS != 0) {
      return;
    }
    Thread.ofVirtual()
        .name("token-suspicion")
        .start(() -> {
          try {
            ready(key);
            refusalsInARow.remove(key.id());
          } catch (TokenUnusable e) {
            lose(String.valueOf(e.getMessage()));
          } catch (TokenAway e) {
            boolean signedSince = refusalsInARow.getOrDefault(key.id(), 0) < SUSPICIOUS_REFUSALS;
            if (!signedSince && e.getCause() != null && isRefusal(e.getCause())) {
              lose("it refused every signature of the key " + key.id() + ", with " + reason);
            }
          }
        });
  }

  /** Whether it ever signed for anybody. */
  boolean hasSigned() {
    return signed;
  }

  /** Whether a key was found as it must be. */
  boolean has(KeyId id) {
    return ready.containsKey(id);
  }

  SubjectPublicKey generate(KeyId id, KeyAlgorithm algorithm) throws TokenUnusable, TokenAway {
    return call(
        TokenThreads.Line.UPKEEP,
        SLOW_WORK_LIMIT,
        thread ->
            token.inSession(
                true, session -> new Pkcs11KeyPairs(description, session).generate(id, algorithm)));
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
          TokenThreads.Line.UPKEEP, settings.signingTimeLimit(), thread -> token.sessions());
    } catch (TokenUnusable e) {
      return Optional.empty();
    }
  }

  private <T> T upkeep(OpenToken.InSession<T> work) throws TokenUnusable, TokenAway {
    return call(TokenThreads.Line.UPKEEP, SLOW_WORK_LIMIT, thread -> token.inSession(false, work));
  }

  private <T> T call(TokenThreads.Line line, Duration timeLimit, TokenThreads.Work<T> work)
      throws TokenUnusable, TokenAway {
    try {
      return threads.call(line, timeLimit, work);
    } catch (ExecutionException e) {
      Throwable cause = cause(e);
      if (cause instanceof TokenUnusable unusable) {
        throw unusable;
      }
      throw failed(cause);
    }
  }

  private static Throwable cause(ExecutionException failure) {
    return failure.getCause() == null ? failure : failure.getCause();
  }

  /** What a failed call means for this generation, and what its caller is told. */
  private TokenAway failed(Throwable cause) {
    String reason = ReturnValue.reason(cause);
    switch (meaning(cause)) {
      case CALLER_ERROR, OPERATOR -> LOG.error("{} refuses a call: {}", description, reason);
      case BUSY -> LOG.warn("{} has no session left", description);
      case OUTAGE -> lose(reason);
    }
    return new TokenAway(description + " failed: " + reason, cause);
  }

  private static boolean isRefusal(Throwable failure) {
    return switch (meaning(failure)) {
      case CALLER_ERROR, OPERATOR -> true;
      case BUSY, OUTAGE -> false;
    };
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
      lost.accept(this, reason);
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

  /** Whether every thread of a generation that ended is out of the module for good. */
  boolean isOver() {
    return token.isLeft();
  }

  /**
   * What a generation that ended keeps for as long as the process lives: its module in this
   * process, or connections to a server that still answers. Final when it is over.
   */
  int leftBehind() {
    return token.leftBehind();
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
            token.logout();
            return Optional.empty();
          });
    } catch (TokenAway | ExecutionException e) {
      LOG.warn("{} was not logged out", description, e);
    } finally {
      threads.close();
    }
  }
}
