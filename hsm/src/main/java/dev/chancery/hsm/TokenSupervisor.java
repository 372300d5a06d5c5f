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
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
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
  // Attempts and generations in a row that never signed for anybody, and left a module behind.
  private static final int MOST_SPENT_IN_VAIN = 50;

  private static final String UNREADABLE = "unreadable";

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
   * @param keys between looks for keys that were not there
   */
  record Pauses(
      Duration attempt, Duration first, Duration most, Duration whenSpent, Duration keys) {
    static final Pauses USUAL =
        new Pauses(
            Duration.ofSeconds(3),
            Duration.ofMillis(100),
            Duration.ofSeconds(2),
            Duration.ofSeconds(30),
            Duration.ofSeconds(2));
  }

  private sealed interface State {
    record Up(Generation generation) implements State {}

    record Away(long since, String why, boolean needsOperator) implements State {}

    record Closed() implements State {}
  }

  /** A PIN that the token did not take, by its file. */
  private record Refusal(String fingerprint, String why) {}

  /** One try to open the token, on a thread of its own. */
  private static final class Attempt {
    private final CompletableFuture<Generation> opened = new CompletableFuture<>();
    private final AtomicReference<@Nullable ModuleInstance> instance = new AtomicReference<>();

    private boolean isLoggingIn() {
      ModuleInstance used = instance.get();
      return used != null && used.isLoggingIn();
    }
  }

  private final Pkcs11Settings settings;
  private final TokenObserver observer;
  private final Collection<WantedKey> wanted;
  private final Pauses pauses;
  private final Set<Attempt> hanging = ConcurrentHashMap.newKeySet();
  private final List<Generation> abandoned = new ArrayList<>();

  // Changed under the lock; read without it for every signature.
  private volatile State state;
  private long number;
  private boolean recovering;
  private boolean exhausted;
  private int spentInVain;
  private @Nullable ModuleInstance spare;
  private @Nullable Refusal refusal;

  /**
   * Ready to be opened.
   *
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

  /** Opens the first generation, with one attempt; when it fails, nothing is left. */
  void open() throws TokenUnusable, TokenAway {
    try {
      first();
    } catch (TokenUnusable | TokenAway | RuntimeException e) {
      close();
      throw e;
    }
  }

  /** As {@link #open}, but goes on trying unless only an operator can help. */
  void openWhenThere() throws PinRefused {
    try {
      first();
    } catch (PinRefused e) {
      close();
      throw e;
    } catch (TokenUnusable | TokenAway e) {
      LOG.error("{} is not there yet: {}", settings.description(), e.getMessage());
      startRecovery();
    }
  }

  private void first() throws TokenUnusable, TokenAway {
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

  private Attempt attempt() {
    Attempt attempt = new Attempt();
    ModuleInstance reused = takeSpare();
    Thread.ofPlatform()
        .name("token-opening")
        .daemon()
        .start(() -> {
          try {
            Generation generation = open(attempt, reused);
            if (!attempt.opened.complete(generation)) {
              publish(generation);
            }
          } catch (Throwable e) {
            attempt.opened.completeExceptionally(e);
          } finally {
            hanging.remove(attempt);
          }
        });
    return attempt;
  }

  private synchronized @Nullable ModuleInstance takeSpare() {
    ModuleInstance taken = spare;
    spare = null;
    return taken;
  }

  /** For the next attempt, which begins on it anew. */
  private void keep(ModuleInstance instance) {
    ModuleInstance unneeded;
    synchronized (this) {
      unneeded = state instanceof State.Away ? spare : instance;
      if (state instanceof State.Away) {
        spare = instance;
      }
    }
    if (unneeded != null) {
      unneeded.close();
    }
  }

  private Generation open(Attempt attempt, @Nullable ModuleInstance reused) throws Exception {
    // The PIN first: a file that is not there is no reason to load a module. Its fingerprint before
    // it: one that is written meanwhile counts as new.
    String fingerprint = fingerprint(settings.pinFile());
    SecretFile pin;
    try {
      pin = SecretFile.read("PIN", settings.pinFile());
    } catch (TokenUnusable e) {
      if (reused != null) {
        keep(reused);
      }
      throw e;
    }
    try (pin) {
      ModuleInstance instance = reused == null ? ModuleInstance.load(settings) : reused;
      attempt.instance.set(instance);
      return openOn(instance, pin);
    } catch (PinRefused e) {
      refused(fingerprint, String.valueOf(e.getMessage()));
      throw e;
    }
  }

  private Generation openOn(ModuleInstance instance, SecretFile pin) throws Exception {
    AtomicReference<@Nullable Generation> made = new AtomicReference<>();
    try {
      instance.module().start();
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
    } finally {
      instance.loggingIn(false);
    }
  }

  private synchronized void refused(String fingerprint, String why) {
    refusal = new Refusal(fingerprint, why);
  }

  /** An attempt that failed after SunPKCS11 had taken the module up. */
  private static final class Spent extends Exception {
    private static final long serialVersionUID = 1L;

    private Spent(Exception cause) {
      super(cause.getMessage(), cause);
    }
  }

  /** What came of an attempt; one that has not come back in time is left behind. */
  private Generation outcome(Attempt attempt, Duration timeLimit)
      throws InterruptedException, ExecutionException, TimeoutException {
    try {
      return attempt.opened.get(timeLimit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      hanging.add(attempt);
      if (attempt.opened.completeExceptionally(e)) {
        throw e;
      }
      hanging.remove(attempt);
      return attempt.opened.get();
    }
  }

  private static Throwable cause(ExecutionException failure) {
    Throwable cause = failure.getCause();
    if (cause instanceof Spent spent && spent.getCause() != null) {
      return spent.getCause();
    }
    return cause == null ? failure : cause;
  }

  /** Puts a generation into use, unless there is one already. */
  private void publish(Generation generation) {
    State.Away before;
    long now;
    synchronized (this) {
      before = state instanceof State.Away away ? away : null;
      if (before != null) {
        state = new State.Up(generation);
        number++;
      }
      now = number;
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
    if (lacksKeys(generation)) {
      Thread.ofPlatform().name("token-keys").daemon().start(() -> lookForKeys(generation));
    }
  }

  private boolean lacksKeys(Generation generation) {
    return wanted.stream().anyMatch(key -> !generation.has(key.id()));
  }

  /** A key can come back without its token being lost. */
  private void lookForKeys(Generation generation) {
    try {
      while (generation.whyLost().isEmpty() && lacksKeys(generation)) {
        Thread.sleep(pauses.keys());
        for (WantedKey key : wanted) {
          if (!generation.has(key.id())) {
            try {
              generation.prepare(key);
              LOG.info("the key {} of {} is there", key.id(), settings.description());
            } catch (TokenUnusable | TokenAway e) {
              LOG.debug("the key {} is not there yet", key.id(), e);
            }
          }
        }
      }
    } catch (InterruptedException e) {
      LOG.debug("nobody looks for the keys of {} any more", settings.description());
    }
  }

  private void lost(@Nullable Generation generation, String why) {
    long was;
    synchronized (this) {
      if (!(state instanceof State.Up(Generation up)) || up != generation) {
        return;
      }
      was = number;
      abandoned.add(generation);
      spentInVain = generation.hasSigned() ? 0 : spentInVain + 1;
      state = new State.Away(System.nanoTime(), why, false);
    }
    startRecovery();
    LOG.error("{} was lost: {}", settings.description(), why);
    observer.lost(settings.description(), was, why);
  }

  private void startRecovery() {
    synchronized (this) {
      if (recovering) {
        return;
      }
      recovering = true;
    }
    Thread.ofPlatform().name("token-recovery").daemon().start(this::recover);
  }

  private void recover() {
    try {
      while (mustRecover()) {
        try {
          recoverOnce();
        } catch (RuntimeException | Error e) {
          // Whatever it was, without this thread the token would never come back.
          LOG.error("the recovery of {} met a defect and goes on", settings.description(), e);
          Thread.sleep(pauses.most());
        }
      }
    } catch (InterruptedException e) {
      LOG.debug("the recovery of {} was stopped", settings.description());
    }
  }

  /** Whether there is something to do; if not, whoever loses a generation starts a new thread. */
  private synchronized boolean mustRecover() {
    recovering = state instanceof State.Away && !exhausted;
    return recovering;
  }

  /** Until the token is there, or an operator must act. */
  private void recoverOnce() throws InterruptedException {
    Duration pause = wasInVain() ? pauses.most() : pauses.first();
    Duration pauseWhenSpent = pauses.first();
    String said = "";
    while (isAway()) {
      if (isExhausted()) {
        return;
      }
      if (awaitsOperator() || hanging.size() >= MOST_HANGING_ATTEMPTS || loginHangs()) {
        Thread.sleep(pauses.most());
        continue;
      }
      try {
        publish(outcome(attempt(), pauses.attempt()));
        return;
      } catch (TimeoutException e) {
        said = say(said, "its module does not come back from a call");
      } catch (ExecutionException e) {
        said = say(said, why(cause(e)));
        if (e.getCause() instanceof Spent) {
          spentOneMore();
          Thread.sleep(pauseWhenSpent);
          pauseWhenSpent = longer(pauseWhenSpent, 4, pauses.whenSpent());
        }
      }
      Thread.sleep(pause);
      pause = longer(pause, 2, pauses.most());
    }
  }

  private synchronized boolean wasInVain() {
    return spentInVain > 0;
  }

  private synchronized void spentOneMore() {
    spentInVain++;
  }

  private boolean loginHangs() {
    return hanging.stream().anyMatch(Attempt::isLoggingIn);
  }

  private static Duration longer(Duration pause, int factor, Duration longest) {
    Duration longer = pause.multipliedBy(factor);
    return longer.compareTo(longest) < 0 ? longer : longest;
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

  private boolean isAway() {
    return state instanceof State.Away;
  }

  /** Whether one more opening would be one too many. */
  private boolean isExhausted() {
    int stuck;
    int vain;
    synchronized (this) {
      abandoned.removeIf(generation -> generation.busy() == 0);
      stuck = abandoned.size();
      vain = spentInVain;
    }
    if (stuck < MOST_ABANDONED && vain < MOST_SPENT_IN_VAIN) {
      return false;
    }
    String why =
        stuck < MOST_ABANDONED
            ? "it was opened in vain " + vain + " times in a row"
            : "calls of " + stuck + " generations hang in " + settings.library();
    synchronized (this) {
      exhausted = true;
    }
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

  /** Whether the PIN is still the one that was refused: it must not be tried twice. */
  private boolean awaitsOperator() {
    String file = fingerprint(settings.pinFile());
    boolean said;
    String why;
    synchronized (this) {
      Refusal last = refusal;
      if (last == null) {
        return false;
      }
      if (!file.equals(last.fingerprint()) && !file.equals(UNREADABLE)) {
        refusal = null;
        return false;
      }
      why = last.why();
      said = state instanceof State.Away away && away.needsOperator();
    }
    if (!said) {
      halt(why);
      LOG.error(
          "{} needs an operator: {}; it is tried again when the PIN file changes",
          settings.description(),
          why);
      observer.needsOperator(settings.description(), why);
    }
    return true;
  }

  private static String fingerprint(Path file) {
    try {
      return Files.getLastModifiedTime(file) + " " + Files.size(file);
    } catch (IOException e) {
      return UNREADABLE;
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
