package dev.chancery.hsm;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Attempts to open a token, each on a thread of its own, since it can hang in the module as any
 * call can. One that does is left behind, and when it comes back after all, what it opened is used.
 *
 * <p>No two attempts ever have the same instance of the module: it is taken before, and given back
 * only by one that failed and let go of it. So a generation that comes too late, and logs out, logs
 * out of an instance that is its own alone.
 */
final class Openings implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Openings.class);
  private static final int MOST_AT_ONCE = 3;

  /** An attempt that failed after SunPKCS11 had taken the module up. */
  static final class Spent extends Exception {
    private static final long serialVersionUID = 1L;

    private Spent(Exception cause) {
      super(cause.getMessage(), cause);
    }
  }

  private static final class Attempt {
    private final CompletableFuture<Boolean> published = new CompletableFuture<>();
    private final AtomicReference<@Nullable ModuleInstance> instance = new AtomicReference<>();

    private boolean isLoggingIn() {
      ModuleInstance used = instance.get();
      return used != null && used.isLoggingIn();
    }
  }

  private final Pkcs11Settings settings;
  private final PinFile pinFile;
  private final Collection<WantedKey> wanted;
  private final Predicate<Generation> publish;
  private final BiConsumer<Generation, String> lost;
  private final Runnable spent;
  private final Set<Attempt> underWay = ConcurrentHashMap.newKeySet();
  private final Deque<ModuleInstance> spares = new ArrayDeque<>();
  private boolean closed;

  /**
   * Ready for attempts.
   *
   * @param wanted the keys that every generation must have; looked at anew each time
   * @param publish takes a generation into use, or says that it is not needed
   * @param lost told when a generation is lost; of one that was not published yet it need not know
   * @param spent told of each attempt that failed and left the module behind
   */
  Openings(
      Pkcs11Settings settings,
      PinFile pinFile,
      Collection<WantedKey> wanted,
      Predicate<Generation> publish,
      BiConsumer<Generation, String> lost,
      Runnable spent) {
    this.settings = settings;
    this.pinFile = pinFile;
    this.wanted = wanted;
    this.publish = publish;
    this.lost = lost;
    this.spent = spent;
  }

  /**
   * Makes one attempt, and returns when its generation was published.
   *
   * @throws ExecutionException when it failed
   * @throws TimeoutException when it is left behind
   */
  void attempt(Duration timeLimit)
      throws ExecutionException, TimeoutException, InterruptedException {
    Attempt attempt = new Attempt();
    Thread thread =
        Thread.ofPlatform().name("token-opening").daemon().unstarted(() -> run(attempt));
    underWay.add(attempt);
    try {
      thread.start();
    } catch (Error e) {
      // No thread is left for it just now.
      underWay.remove(attempt);
      throw e;
    }
    attempt.published.get(timeLimit.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** Whether so many hang that there must not be one more, or one of them in the login. */
  boolean mustWait() {
    return underWay.size() >= MOST_AT_ONCE || underWay.stream().anyMatch(Attempt::isLoggingIn);
  }

  private void run(Attempt attempt) {
    try {
      open(attempt);
    } catch (Throwable e) {
      underWay.remove(attempt);
      if (!attempt.published.completeExceptionally(e)) {
        LOG.debug("an attempt at {} failed late", settings.description(), e);
      }
    }
  }

  private void open(Attempt attempt) throws Exception {
    // The PIN first: a file that is not there is no reason to load a module. Its fingerprint before
    // it: one that is written meanwhile counts as new.
    String fingerprint = pinFile.fingerprint();
    try (SecretFile pin = pinFile.read()) {
      ModuleInstance instance = spareOrLoaded();
      attempt.instance.set(instance);
      Generation generation = openOn(instance, pin, fingerprint);
      try (instance) {
        boolean isInUse = publish.test(generation);
        underWay.remove(attempt);
        attempt.published.complete(isInUse);
        if (isInUse) {
          connectOthers(generation, instance, pin, fingerprint);
        }
      }
    }
  }

  private Generation openOn(ModuleInstance instance, SecretFile pin, String fingerprint)
      throws Exception {
    try {
      instance.module().start();
      return Generation.open(settings, instance, pin, List.copyOf(wanted), lost);
    } catch (Exception e) {
      if (e instanceof PinRefused) {
        pinFile.refused(fingerprint, String.valueOf(e.getMessage()));
      }
      if (instance.isSpent()) {
        instance.close();
        spent.run();
        throw new Spent(e);
      }
      giveBack(instance);
      throw e;
    } finally {
      instance.loggingIn(false);
    }
  }

  private void connectOthers(
      Generation generation, ModuleInstance instance, SecretFile pin, String fingerprint) {
    try {
      generation.connectOthers(instance, pin);
    } catch (PinRefused e) {
      // First this, so that nobody opens the next generation with the same PIN.
      pinFile.refused(fingerprint, String.valueOf(e.getMessage()));
      generation.lose(String.valueOf(e.getMessage()));
    }
  }

  private ModuleInstance spareOrLoaded() throws TokenUnusable, CryptokiError {
    synchronized (this) {
      ModuleInstance spare = spares.poll();
      if (spare != null) {
        return spare;
      }
    }
    return ModuleInstance.load(settings);
  }

  /** For a later attempt, which begins on it anew; until then nothing of it is open. */
  private void giveBack(ModuleInstance instance) {
    try {
      instance.module().stop();
    } catch (CryptokiError e) {
      LOG.debug("{} does not end in good order", settings.library(), e);
    }
    synchronized (this) {
      if (!closed) {
        spares.add(instance);
        return;
      }
    }
    instance.close();
  }

  /** Why an attempt failed. */
  static Throwable cause(ExecutionException failure) {
    Throwable cause = failure.getCause();
    if (cause instanceof Spent spent && spent.getCause() != null) {
      return spent.getCause();
    }
    return cause == null ? failure : cause;
  }

  /** Attempts that are under way still come to their end, but leave nothing for others. */
  @Override
  public void close() {
    List<ModuleInstance> unused;
    synchronized (this) {
      closed = true;
      unused = List.copyOf(spares);
      spares.clear();
    }
    unused.forEach(ModuleInstance::close);
  }
}
