package dev.chancery.hsm;

import dev.chancery.core.TokenAway;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a generation of a token up: when one is lost, opens the next as soon as the token is back.
 *
 * <p>Attempts are made one after the other, each on a thread of its own, since it can hang in the
 * module as any call can. One that does is left behind, and when it comes back after all, what it
 * opened is used.
 */
final class TokenSupervisor implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TokenSupervisor.class);

  private static final Duration FIRST_ATTEMPT = Duration.ofMinutes(1);
  private static final int MOST_HANGING_ATTEMPTS = 3;

  /** Lost generations with calls that never came back; each holds threads and a module for good. */
  private static final int MOST_ABANDONED = 8;

  /**
   * How long to wait.
   *
   * @param attempt for an attempt, before the next one is made beside it
   * @param first after an attempt that failed; doubled after each further one
   * @param most so short that a token is in use again within seconds of its return, however long it
   *     was away: an attempt that fails costs a few calls of the module and leaves nothing behind
   * @param whenSpent at most, after attempts that SunPKCS11 has seen: what it has is never freed
   */
  record Pauses(Duration attempt, Duration first, Duration most, Duration whenSpent) {
    static final Pauses USUAL =
        new Pauses(
            Duration.ofSeconds(3),
            Duration.ofMillis(100),
            Duration.ofSeconds(2),
            Duration.ofSeconds(30));
  }

  private sealed interface State {
    record Up(Generation generation) implements State {}

    record Away(long since, String why, boolean needsOperator) implements State {}

    record Closed() implements State {}
  }

  private final Pkcs11Settings settings;
  private final TokenObserver observer;
  private final Collection<WantedKey> wanted;
  private final Pauses pauses;
  private final AtomicInteger hangingAttempts = new AtomicInteger();
  private final List<Generation> abandoned = new ArrayList<>();

  // Changed under the lock; read without it for every signature.
  private volatile State state;
  private long number;
  private @Nullable ModuleInstance spare;

  /**
   * @param wanted the keys that every generation must have; looked at anew each time
   */
  TokenSupervisor(
      Pkcs11Settings settings,
      TokenObserver observer,
      Collection<WantedKey> wanted,
      Pauses pauses) {
    this.settings = settings;
    this.observer = observer;
    this.wanted = wanted;
    this.pauses = pauses;
    this.state = new State.Away(System.nanoTime(), "was not opened yet", false);
  }

  /** Opens the first generation, with one attempt. */
  void open() throws TokenUnusable, TokenAway {
    try {
      publish(outcome(attempt(), FIRST_ATTEMPT));
    } catch (ExecutionException e) {
      Throwable cause = cause(e);
      if (cause instanceof TokenUnusable unusable) {
        throw unusable;
      }
      if (cause instanceof TokenAway away) {
        throw away;
      }
      throw new TokenAway(settings.description() + " failed: " + ReturnValue.reason(cause), cause);
    } catch (TimeoutException e) {
      throw new TokenAway(settings.description() + " did not open within " + FIRST_ATTEMPT, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TokenAway("interrupted while opening " + settings.description(), e);
    }
  }

  /** As {@link #open}, but goes on trying unless only an operator can help. */
  void openWhenThere() throws PinRefused {
    try {
      open();
    } catch (PinRefused e) {
      throw e;
    } catch (TokenUnusable | TokenAway e) {
      String why = String.valueOf(e.getMessage());
      LOG.error("{} is not there yet: {}", settings.description(), why);
      synchronized (this) {
        state = new State.Away(System.nanoTime(), why, false);
      }
      startRecovery();
    }
  }

  /**
   * The generation to use now.
   *
   * @throws TokenAway when there is none
   */
  Generation generation() throws TokenAway {
    return switch (state) {
      case State.Up(Generation generation) -> generation;
      case State.Away(long since, String why, boolean needsOperator) ->
          throw new TokenAway(settings.description() + " is away: " + why);
      case State.Closed() -> throw new TokenAway(settings.description() + " is closed");
    };
  }

  private CompletableFuture<Generation> attempt() {
    CompletableFuture<Generation> opened = new CompletableFuture<>();
    ModuleInstance reused = takeSpare();
    Thread.ofPlatform()
        .name("token-opening")
        .daemon()
        .start(() -> {
          try {
            Generation generation = open(reused);
            if (!opened.complete(generation)) {
              hangingAttempts.decrementAndGet();
              publish(generation);
            }
          } catch (Throwable e) {
            if (!opened.completeExceptionally(e)) {
              hangingAttempts.decrementAndGet();
            }
          }
        });
    return opened;
  }

  private synchronized @Nullable ModuleInstance takeSpare() {
    ModuleInstance taken = spare;
    spare = null;
    return taken;
  }

  private Generation open(@Nullable ModuleInstance reused) throws Exception {
    // The PIN first: a file that is not there is no reason to load a module.
    SecretFile pin;
    try {
      pin = SecretFile.read("PIN", settings.pinFile());
    } catch (TokenUnusable e) {
      keep(reused);
      throw e;
    }
    try (pin) {
      return openOn(fresh(reused), pin);
    }
  }

  private ModuleInstance fresh(@Nullable ModuleInstance reused)
      throws TokenUnusable, CryptokiError {
    if (reused == null) {
      return ModuleInstance.load(settings);
    }
    try {
      reused.module().restart();
      return reused;
    } catch (TokenUnusable | CryptokiError | RuntimeException e) {
      reused.close();
      throw e;
    }
  }

  private Generation openOn(ModuleInstance instance, SecretFile pin) throws Exception {
    AtomicReference<@Nullable Generation> made = new AtomicReference<>();
    try {
      Generation generation =
          Generation.open(
              settings, instance, pin, List.copyOf(wanted), why -> lost(made.get(), why));
      made.set(generation);
      instance.close();
      return generation;
    } catch (Exception e) {
      if (instance.isSpent()) {
        instance.close();
        throw new Spent(e);
      }
      keep(instance);
      throw e;
    }
  }

  /** For the next attempt, which begins on it anew. */
  private synchronized void keep(@Nullable ModuleInstance instance) {
    spare = instance;
  }

  /** An attempt that failed after SunPKCS11 had taken the module up. */
  private static final class Spent extends Exception {
    private static final long serialVersionUID = 1L;

    private Spent(Exception cause) {
      super(cause.getMessage(), cause);
    }
  }

  /** Puts a generation into use, unless there is one already. */
  private void publish(Generation generation) {
    State.Away before;
    long now;
    synchronized (this) {
      if (!(state instanceof State.Away away)) {
        before = null;
        now = number;
      } else {
        before = away;
        now = ++number;
        state = new State.Up(generation);
      }
    }
    if (before == null) {
      generation.close();
      return;
    }
    if (now > 1) {
      Duration outage = Duration.ofNanos(System.nanoTime() - before.since());
      LOG.info("{} is back after {}", settings.description(), outage);
      observer.back(settings.description(), now, outage);
    }
    // It may have been lost before anyone could be told.
    generation.whyLost().ifPresent(why -> lost(generation, why));
  }

  private void lost(@Nullable Generation generation, String why) {
    long was;
    synchronized (this) {
      if (!(state instanceof State.Up(Generation up)) || up != generation) {
        return;
      }
      was = number;
      abandoned.add(generation);
      state = new State.Away(System.nanoTime(), why, false);
    }
    LOG.error("{} was lost: {}", settings.description(), why);
    observer.lost(settings.description(), was, why);
    startRecovery();
  }

  private void startRecovery() {
    Thread.ofPlatform().name("token-recovery").daemon().start(this::recover);
  }

  private void recover() {
    Duration pause = pauses.first();
    Duration pauseWhenSpent = pauses.first();
    String said = "";
    try {
      while (isAway()) {
        if (isExhausted()) {
          return;
        }
        if (hangingAttempts.get() >= MOST_HANGING_ATTEMPTS) {
          Thread.sleep(pauses.most());
          continue;
        }
        try {
          publish(outcome(attempt(), pauses.attempt()));
          return;
        } catch (TimeoutException e) {
          said = say(said, "its module does not come back from a call");
        } catch (ExecutionException e) {
          Throwable cause = cause(e);
          String why = why(cause);
          said = say(said, why);
          if (cause instanceof PinRefused) {
            awaitOperator(why);
          } else if (e.getCause() instanceof Spent) {
            Thread.sleep(pauseWhenSpent);
            pauseWhenSpent = longer(pauseWhenSpent, 4, pauses.whenSpent());
          }
        }
        Thread.sleep(pause);
        pause = longer(pause, 2, pauses.most());
      }
    } catch (InterruptedException e) {
      LOG.debug("the recovery of {} was stopped", settings.description());
    }
  }

  private static Throwable cause(ExecutionException failure) {
    Throwable cause =
        failure.getCause() instanceof Spent spent ? spent.getCause() : failure.getCause();
    return cause == null ? failure : cause;
  }

  private static Duration longer(Duration pause, int factor, Duration longest) {
    Duration longer = pause.multipliedBy(factor);
    return longer.compareTo(longest) < 0 ? longer : longest;
  }

  /** What came of an attempt; one that has not come back in time is left behind. */
  private Generation outcome(CompletableFuture<Generation> attempt, Duration timeLimit)
      throws InterruptedException, ExecutionException, TimeoutException {
    try {
      return attempt.get(timeLimit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      hangingAttempts.incrementAndGet();
      if (attempt.completeExceptionally(e)) {
        throw e;
      }
      hangingAttempts.decrementAndGet();
      return attempt.get();
    }
  }

  private static String why(Throwable cause) {
    return cause instanceof TokenUnusable || cause instanceof TokenAway
        ? String.valueOf(cause.getMessage())
        : ReturnValue.reason(cause);
  }

  /** Once for each reason, not for each attempt. */
  private String say(String said, String why) {
    if (!why.equals(said)) {
      LOG.warn("{} cannot be opened yet: {}", settings.description(), why);
    }
    return why;
  }

  private synchronized boolean isAway() {
    return state instanceof State.Away;
  }

  /** Whether one more opening would be one too many. */
  private boolean isExhausted() {
    int stuck;
    synchronized (this) {
      abandoned.removeIf(generation -> generation.busy() == 0);
      stuck = abandoned.size();
    }
    if (stuck < MOST_ABANDONED) {
      return false;
    }
    String why = "calls of " + stuck + " generations hang in " + settings.library();
    halt(why);
    LOG.error("{} cannot be opened in this process any more: {}", settings.description(), why);
    observer.exhausted(settings.description(), why);
    return true;
  }

  private synchronized void halt(String why) {
    if (state instanceof State.Away away) {
      state = new State.Away(away.since(), why, true);
    }
  }

  /** Until the PIN file is another one: a PIN that was refused must not be tried twice. */
  private void awaitOperator(String why) throws InterruptedException {
    halt(why);
    LOG.error(
        "{} needs an operator: {}; it is tried again when the PIN file {} changes",
        settings.description(),
        why,
        settings.pinFile());
    observer.needsOperator(settings.description(), why);
    String refused = fingerprint(settings.pinFile());
    while (isAway() && fingerprint(settings.pinFile()).equals(refused)) {
      Thread.sleep(pauses.most());
    }
  }

  private static String fingerprint(Path file) {
    try {
      return Files.getLastModifiedTime(file) + " " + Files.size(file);
    } catch (IOException e) {
      return "unreadable";
    }
  }

  synchronized TokenHealth health() {
    int stuck = abandoned.stream().mapToInt(Generation::busy).sum();
    return switch (state) {
      case State.Up(Generation generation) ->
          new TokenHealth(
              TokenHealth.State.UP, number, generation.waiting(), stuck, Optional.empty());
      case State.Away(long since, String why, boolean needsOperator) ->
          new TokenHealth(
              needsOperator ? TokenHealth.State.NEEDS_OPERATOR : TokenHealth.State.AWAY,
              number,
              0,
              stuck,
              Optional.of(why));
      case State.Closed() ->
          new TokenHealth(TokenHealth.State.CLOSED, number, 0, stuck, Optional.empty());
    };
  }

  /** Logs out, and opens nothing any more. */
  @Override
  public void close() {
    State last;
    ModuleInstance unused;
    synchronized (this) {
      last = state;
      state = new State.Closed();
      unused = spare;
      spare = null;
    }
    if (last instanceof State.Up(Generation generation)) {
      generation.close();
    }
    if (unused != null) {
      unused.close();
    }
  }
}
