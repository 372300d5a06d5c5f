package dev.chancery.hsm;

import dev.chancery.core.TokenAway;
import java.time.Duration;
import java.util.Collection;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a generation of a token up: when one is lost, opens the next as soon as the token is back.
 */
final class TokenSupervisor implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TokenSupervisor.class);

  private static final Duration FIRST_ATTEMPT = Duration.ofMinutes(1);
  // Attempts and short-lived generations in a row that never signed for anybody.
  private static final int MOST_IN_VAIN = 50;
  // Lost generations with calls that never came back; each holds threads and a module for good.
  private static final int MOST_STUCK = 8;

  private sealed interface State {
    record Up(Generation generation, long since) implements State {}

    record Away(long since, String why, boolean needsOperator) implements State {}

    record Closed() implements State {}
  }

  private final Pkcs11Settings settings;
  private final TokenObserver observer;
  private final Patience patience;
  private final PinFile pinFile;
  private final Setbacks setbacks;
  private final Abandoned abandoned = new Abandoned();
  private final Openings openings;
  private final MissingKeys missingKeys;

  // Changed under the lock, which is notified then; read without it for every signature.
  private volatile State state;
  private long number;
  private boolean exhausted;

  /**
   * Ready to be opened.
   *
   * @param wanted the keys that every generation must have; looked at anew each time
   */
  TokenSupervisor(
      Pkcs11Settings settings,
      TokenObserver observer,
      Collection<WantedKey> wanted,
      Patience patience) {
    this.settings = settings;
    this.observer = observer;
    this.patience = patience;
    this.pinFile = new PinFile(settings.pinFile());
    this.setbacks = new Setbacks(patience);
    this.openings =
        new Openings(settings, pinFile, wanted, this::publish, this::lost, this::attemptedInVain);
    this.missingKeys = new MissingKeys(settings.description(), wanted, patience.keys());
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
    keepUp();
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
      putOff(String.valueOf(e.getMessage()), false);
    }
    keepUp();
  }

  private void first() throws TokenUnusable, TokenAway {
    try {
      openings.attempt(FIRST_ATTEMPT);
    } catch (ExecutionException e) {
      Throwable cause = Openings.cause(e);
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
   * One thread for all losses: were it made for each, the one that cannot be made would be missed.
   */
  private void keepUp() {
    Thread.ofPlatform().name("token-recovery").daemon().start(this::recover);
  }

  /**
   * The generation to use now.
   *
   * @throws TokenAway when there is none
   */
  Generation generation() throws TokenAway {
    return switch (state) {
      case State.Up(Generation generation, long since) -> generation;
      case State.Away(long since, String why, boolean needsOperator) ->
          throw new TokenAway(settings.description() + " is away: " + why);
      case State.Closed() -> throw new TokenAway(settings.description() + " is closed");
    };
  }

  /** Makes a key ready to sign; when the token does not answer, it is looked for until it is. */
  void prepare(WantedKey key) throws TokenUnusable, TokenAway {
    Generation generation = generation();
    try {
      generation.prepare(key);
    } catch (TokenAway e) {
      missingKeys.lookFor(generation);
      throw e;
    }
  }

  /** Puts a generation into use, unless there is one already. */
  private boolean publish(Generation generation) {
    synchronized (this) {
      if (state instanceof State.Away away) {
        long now = System.nanoTime();
        state = new State.Up(generation, now);
        number++;
        notifyAll();
        if (number > 1) {
          Duration outage = Duration.ofNanos(now - away.since());
          LOG.info("{} is back after {}", settings.description(), outage);
          // Under the lock, so that nobody is told of its loss before.
          observer.back(settings.description(), number, outage);
        }
      } else {
        abandoned.add(generation);
      }
    }
    if (!(state instanceof State.Up(Generation up, long since)) || up != generation) {
      generation.close();
      return false;
    }
    // It may have been lost before anyone could be told.
    generation.whyLost().ifPresent(why -> lost(generation, why));
    missingKeys.lookFor(generation);
    return true;
  }

  private synchronized void lost(Generation generation, String why) {
    if (!(state instanceof State.Up(Generation up, long since)) || up != generation) {
      return;
    }
    long now = System.nanoTime();
    abandoned.add(generation);
    setbacks.lost(generation.hasSigned(), Duration.ofNanos(now - since));
    state = new State.Away(now, why, false);
    notifyAll();
    LOG.error("{} was lost: {}", settings.description(), why);
    observer.lost(settings.description(), number, why);
  }

  private void attemptedInVain() {
    abandoned.addFailed();
    setbacks.failed();
  }

  private void recover() {
    try {
      while (awaitLoss()) {
        try {
          recoverOnce();
        } catch (RuntimeException | Error e) {
          // Whatever it was, without this thread the token would never come back.
          LOG.error("the recovery of {} met a defect and goes on", settings.description(), e);
          pause(patience.most());
        }
      }
    } catch (InterruptedException e) {
      LOG.debug("the recovery of {} was stopped", settings.description());
    }
  }

  /** Waits until there is something to do; false when there never will be. */
  private synchronized boolean awaitLoss() throws InterruptedException {
    while (state instanceof State.Up) {
      wait();
    }
    return state instanceof State.Away && !exhausted;
  }

  /** Waits, but no longer than the token is away. */
  private synchronized void pause(Duration pause) throws InterruptedException {
    long end = System.nanoTime() + pause.toNanos();
    long left = pause.toNanos();
    while (state instanceof State.Away && left > 0) {
      TimeUnit.NANOSECONDS.timedWait(this, left);
      left = end - System.nanoTime();
    }
  }

  /** Until the token is there, or nothing but a new process can help. */
  private void recoverOnce() throws InterruptedException {
    pause(setbacks.pause());
    Duration pause = patience.first();
    String said = "";
    while (state instanceof State.Away && !isExhausted()) {
      if (awaitsOperator() || openings.mustWait()) {
        pause(patience.most());
        continue;
      }
      try {
        openings.attempt(patience.attempt());
        return;
      } catch (TimeoutException e) {
        said = say(said, "its module does not come back from a call");
      } catch (ExecutionException e) {
        said = say(said, why(Openings.cause(e)));
        if (e.getCause() instanceof Openings.Spent) {
          pause(setbacks.pause());
        }
      }
      pause(pause);
      pause = Patience.growing(pause, 2, 2, patience.most());
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

  /** Whether one more opening would be one too many. */
  private boolean isExhausted() {
    Optional<String> reason = whyNoMore();
    if (reason.isEmpty()) {
      return false;
    }
    String why = reason.get();
    synchronized (this) {
      if (!(state instanceof State.Away away)) {
        return false;
      }
      exhausted = true;
      state = new State.Away(away.since(), why, true);
    }
    LOG.error("{} cannot be opened in this process any more: {}", settings.description(), why);
    observer.exhausted(settings.description(), why);
    return true;
  }

  private Optional<String> whyNoMore() {
    int stuck = abandoned.stuck();
    if (stuck >= MOST_STUCK) {
      return Optional.of("calls of " + stuck + " generations hang in " + settings.library());
    }
    int inVain = setbacks.inVain();
    if (inVain >= MOST_IN_VAIN) {
      return Optional.of("it was opened in vain " + inVain + " times in a row");
    }
    int leftBehind = abandoned.leftBehind();
    if (leftBehind >= patience.leftBehind()) {
      return Optional.of(
          "it was lost so often that %d %s for good"
              .formatted(
                  leftBehind,
                  switch (settings.place()) {
                    case PROCESS -> "modules stay loaded";
                    case P11_KIT_SERVER -> "connections stay open";
                  }));
    }
    return Optional.empty();
  }

  /** Whether the PIN is still the one that was refused: it must not be tried twice. */
  private boolean awaitsOperator() {
    Optional<String> refusal = pinFile.refusal();
    boolean isNews;
    synchronized (this) {
      boolean waited = state instanceof State.Away away && away.needsOperator();
      isNews = refusal.isPresent() != waited;
    }
    if (isNews) {
      putOff(refusal.orElse("its PIN file has changed"), refusal.isPresent());
    }
    if (isNews && refusal.isPresent()) {
      LOG.error(
          "{} needs an operator: {}; it is tried again when the PIN file changes",
          settings.description(),
          refusal.get());
      observer.needsOperator(settings.description(), refusal.get());
    }
    return refusal.isPresent();
  }

  /** Says of a token that is away something else than before. */
  private synchronized void putOff(String why, boolean needsOperator) {
    if (state instanceof State.Away away) {
      state = new State.Away(away.since(), why, needsOperator);
    }
  }

  synchronized TokenHealth health() {
    int stuck = abandoned.stuckCalls();
    return switch (state) {
      case State.Up(Generation generation, long since) ->
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
    synchronized (this) {
      last = state;
      state = new State.Closed();
      notifyAll();
    }
    openings.close();
    if (last instanceof State.Up(Generation generation, long since)) {
      generation.close();
    }
  }
}
