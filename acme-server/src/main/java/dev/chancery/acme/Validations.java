package dev.chancery.acme;

import dev.chancery.core.AccountId;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Attempts accepted challenges until each is valid or invalid. Whoever attempts one holds a lease
 * on it, which the database keeps: when a node stops, its leases run out and {@link #recover} on
 * any node goes on.
 */
final class Validations implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Validations.class);
  // Longer than an attempt, name resolution included, and the pause after it.
  private static final Duration LEASE = Duration.ofSeconds(30);
  // Clients give up after two minutes; no attempt begins later than this after the challenge was
  // accepted, but for the first of all.
  private static final Duration NO_LATER = Duration.ofSeconds(40);
  private static final Duration ONE_ATTEMPT = Duration.ofSeconds(10);
  private static final int ACCOUNTS_AT_ONCE = 8;
  private static final int MOST_GIVEN_UP = 500;

  private final Authorizations authorizations;
  private final WaitingChallenges waitingChallenges;
  private final Map<ChallengeKind, Validator> validators;
  private final Map<String, AcmeUrls> urls;
  private final RateLimiter limiter;
  private final Clock clock;
  private final List<Duration> pauses;
  private final ValidationPlaces places;
  private final ReentrantLock takingUp = new ReentrantLock();
  // Challenges that found no place here, and how many of them there were when a look found none
  // waiting any more. Never set back: whoever ends during another's look must not take it that
  // nothing waits.
  private final AtomicLong placeless = new AtomicLong();
  private volatile long noneWaitsOf;
  private final ExecutorService threads =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("acme-validation-", 0).factory());

  Validations(
      Authorizations authorizations,
      Map<ChallengeKind, Validator> validators,
      List<AcmeEndpoint> endpoints,
      RateLimiter limiter,
      Clock clock,
      List<Duration> pauses,
      int mostAtOnce) {
    this.authorizations = authorizations;
    this.validators = Map.copyOf(validators);
    this.urls =
        endpoints.stream().collect(Collectors.toUnmodifiableMap(AcmeEndpoint::name, AcmeUrls::new));
    this.waitingChallenges = authorizations.waiting(urls.keySet());
    this.limiter = limiter;
    this.clock = clock;
    this.pauses = List.copyOf(pauses);
    this.places =
        new ValidationPlaces(mostAtOnce, Math.max(1, Math.ceilDiv(mostAtOnce, ACCOUNTS_AT_ONCE)));
  }

  /**
   * Takes the client's word that a pending challenge is met, and returns while the attempts go on.
   *
   * @return the challenge's new state; nothing when another request was faster
   */
  Optional<Challenge.State.Processing> accept(
      Authorization authorization, Challenge challenge, AccountKey key, AcmeUrls at) {
    Instant now = Times.now(clock);
    AccountId account = authorization.account();
    if (waitsItsTurn(account) || !places.take(account)) {
      // Its lease is over at once, and who has a place for it next finds it.
      Optional<Challenge.State.Processing> waits = authorizations.accept(challenge, key, now);
      placeless.incrementAndGet();
      // A place may have become free before there was something to find.
      takeUpWaiting();
      return waits;
    }
    Optional<Challenge.State.Processing> held = Optional.empty();
    try {
      held = authorizations.accept(challenge, key, leaseFrom(now, 0));
    } finally {
      // When the database is away too: a place that is not given back is lost until the restart.
      if (held.isEmpty()) {
        places.giveBack(account);
      }
    }
    if (held.isPresent()) {
      start(
          new Authorizations.Accepted(
              challenge,
              held.get(),
              now,
              authorization.name(),
              account,
              Base64Url.encode(key.thumbprint()),
              at.endpoint().name()));
    } else {
      takeUpWaiting();
    }
    return held;
  }

  /** A place that has just become free is not for whom had one lately, while others wait. */
  private boolean waitsItsTurn(AccountId account) {
    return mayWait() && places.hadOneLately(account);
  }

  private boolean mayWait() {
    return placeless.get() != noneWaitsOf;
  }

  /** When a lease ends that is long enough for an attempt and the pause after it. */
  private Instant leaseFrom(Instant begin, int attempt) {
    return begin.plus(LEASE).plus(pause(attempt));
  }

  private Duration pause(int attempt) {
    return attempt < pauses.size() ? pauses.get(attempt) : Duration.ZERO;
  }

  /**
   * Goes on with challenges that nobody attempts any more, or did yet, as far as there are places;
   * those that have waited for too long become invalid. To be called every few seconds on every
   * node: each has places of its own.
   *
   * @return how many it began
   */
  int recover() {
    Instant now = Times.now(clock);
    for (Authorizations.Accepted late :
        waitingChallenges.neverAttempted(now.minus(NO_LATER), MOST_GIVEN_UP)) {
      authorizations.fail(
          late.challenge(),
          late.held(),
          Problem.of(AcmeError.UNAVAILABLE, "too many validations were under way to begin this"));
    }
    return takeUp();
  }

  private int takeUp() {
    // One after the other: each looks after the place of its own validation became free.
    takingUp.lock();
    try {
      int begun = 0;
      boolean lost;
      do {
        lost = false;
        long before = placeless.get();
        ValidationPlaces.Standings standings = places.standings();
        if (standings.free() == 0) {
          return begun;
        }
        List<Authorizations.Accepted> found =
            waitingChallenges.abandoned(Times.now(clock), standings);
        if (found.isEmpty() && !standings.oneHasItsShare()) {
          noneWaitsOf = before;
        }
        for (Authorizations.Accepted accepted : found) {
          if (!places.take(accepted.account())) {
            continue;
          }
          if (startLeased(accepted)) {
            begun++;
          } else {
            // Another node was faster, and its place is still for whom waits here.
            lost = true;
          }
        }
      } while (lost);
      return begun;
    } finally {
      takingUp.unlock();
    }
  }

  /** After a place became free: begins what waits, as far as it is known that something may. */
  private void takeUpWaiting() {
    if (mayWait()) {
      try {
        takeUp();
      } catch (RuntimeException e) {
        LOG.error("what waits for a validation was not found", e);
      }
    }
  }

  /** Starts it under a lease of this node; false, and no place taken, when another has one. */
  private boolean startLeased(Authorizations.Accepted accepted) {
    Optional<Authorizations.Accepted> leased = Optional.empty();
    try {
      leased = prolonged(accepted, 0);
    } finally {
      if (leased.isEmpty()) {
        places.giveBack(accepted.account());
      }
    }
    leased.ifPresent(this::start);
    return leased.isPresent();
  }

  /** With a lease for an attempt; nothing when another node has it now. */
  private Optional<Authorizations.Accepted> prolonged(
      Authorizations.Accepted accepted, int attempt) {
    Instant begin = later(Times.now(clock), accepted.held());
    return authorizations
        .lease(accepted.challenge().id(), accepted.held(), leaseFrom(begin, attempt))
        .map(accepted::under);
  }

  /** Takes over a place, which goes back when the attempts are over or never begin. */
  private void start(Authorizations.Accepted accepted) {
    boolean started = false;
    try {
      threads.execute(() -> run(accepted));
      started = true;
    } catch (RejectedExecutionException e) {
      LOG.debug("closing: another node, or the next start, goes on", e);
    } finally {
      if (!started) {
        places.giveBack(accepted.account());
      }
    }
  }

  private void run(Authorizations.Accepted accepted) {
    try {
      attempt(accepted);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      // The database: the lease runs out, and recovery tries again.
      LOG.error("the validation {} broke off", accepted.challenge().id(), e);
    } finally {
      places.giveBack(accepted.account());
    }
    if (!Thread.currentThread().isInterrupted()) {
      takeUpWaiting();
    }
  }

  /** One attempt at least, however late; after a crash that may be long after it was accepted. */
  private void attempt(Authorizations.Accepted first) throws InterruptedException {
    Instant last = first.since().plus(NO_LATER);
    Authorizations.Accepted accepted = first;
    for (int attempt = 0; ; attempt++) {
      Challenge challenge = accepted.challenge();
      Duration pause = pause(attempt);
      switch (attemptOnce(accepted)) {
        case Validator.Outcome.Met(Optional<Instant> until) -> {
          authorizations.succeed(challenge, accepted.held(), until);
          return;
        }
        case Validator.Outcome.NotMet(Problem problem, boolean lasting, boolean unknown) -> {
          if (Thread.interrupted()) {
            // Closing broke it off, so it says nothing about the challenge.
            throw new InterruptedException();
          }
          if (lasting || attempt == pauses.size() || Times.now(clock).plus(pause).isAfter(last)) {
            if (authorizations.fail(challenge, accepted.held(), problem) && !unknown) {
              limiter.failed(urls(accepted).endpoint(), accepted.account(), accepted.name());
            }
            return;
          }
        }
      }
      Thread.sleep(pause);
      Optional<Authorizations.Accepted> again = prolonged(accepted, attempt + 1);
      if (again.isEmpty()) {
        return;
      }
      accepted = again.get();
    }
  }

  /**
   * A defect counts as an attempt that failed. Were it left to recovery, whoever found an answer
   * that meets one would have a challenge that is attempted for ever.
   */
  private Validator.Outcome attemptOnce(Authorizations.Accepted accepted) {
    Challenge challenge = accepted.challenge();
    try {
      return Objects.requireNonNull(validators.get(challenge.kind()))
          .attempt(
              new Validator.Attempt(
                  accepted.name(),
                  challenge.token(),
                  challenge.token() + "." + accepted.thumbprint(),
                  accepted.account(),
                  urls(accepted),
                  Deadline.in(ONE_ATTEMPT)));
    } catch (RuntimeException e) {
      LOG.error("the validation {} met a defect", challenge.id(), e);
      return Validator.Outcome.NotMet.unknown(AcmeError.SERVER_INTERNAL, "internal error");
    }
  }

  private AcmeUrls urls(Authorizations.Accepted accepted) {
    return Objects.requireNonNull(urls.get(accepted.endpoint()));
  }

  /** A lease is named by its end, so a prolonged one must end at another instant. */
  private static Instant later(Instant now, Challenge.State.Processing held) {
    Instant least = held.leaseUntil().minus(LEASE).plusMillis(1);
    return now.isAfter(least) ? now : least;
  }

  @Override
  public void close() {
    threads.shutdownNow();
    try {
      if (!threads.awaitTermination(5, java.util.concurrent.TimeUnit.SECONDS)) {
        LOG.warn("validations are still running; their leases will run out");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
