package dev.chancery.acme;

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
import java.util.concurrent.Semaphore;
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
  // Clients give up after two minutes; no attempt begins later than this after the first.
  private static final Duration NO_LATER = Duration.ofSeconds(40);
  private static final Duration ONE_ATTEMPT = Duration.ofSeconds(10);

  private final Authorizations authorizations;
  private final Map<ChallengeKind, Validator> validators;
  private final Map<String, AcmeUrls> urls;
  private final RateLimiter limiter;
  private final Clock clock;
  private final List<Duration> pauses;
  private final Semaphore free;
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
    this.limiter = limiter;
    this.clock = clock;
    this.pauses = List.copyOf(pauses);
    this.free = new Semaphore(mostAtOnce);
  }

  /**
   * Takes the client's word that a pending challenge is met, and returns while the attempts go on.
   * Does nothing when another request has done so.
   */
  void accept(Authorization authorization, Challenge challenge, AccountKey key, AcmeUrls at) {
    Instant now = Times.now(clock);
    if (!free.tryAcquire()) {
      // All attempts are taken: its lease is over at once, and recovery finds it.
      authorizations.accept(challenge, now);
      return;
    }
    Optional<Authorizations.Accepted> accepted = Optional.empty();
    try {
      accepted =
          authorizations
              .accept(challenge, now.plus(LEASE))
              .map(held ->
                  new Authorizations.Accepted(
                      challenge,
                      held,
                      authorization.name(),
                      authorization.account(),
                      Base64Url.encode(key.thumbprint()),
                      at.endpoint().name()));
    } finally {
      // When the database is away too: a permit that is not given back is lost until the restart.
      if (accepted.isEmpty()) {
        free.release();
      }
    }
    accepted.ifPresent(this::start);
  }

  /** Goes on with challenges that nobody attempts any more; returns how many it began. */
  int recover() {
    int begun = 0;
    Instant now = Times.now(clock);
    for (Authorizations.Accepted accepted :
        authorizations.abandoned(urls.keySet(), now, free.availablePermits())) {
      if (!free.tryAcquire()) {
        return begun;
      }
      start(accepted);
      begun++;
    }
    return begun;
  }

  /** Takes over a permit, which goes back when the attempts are over or never begin. */
  private void start(Authorizations.Accepted accepted) {
    boolean started = false;
    try {
      threads.execute(() -> {
        try {
          attempt(accepted);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
          // The database: the lease runs out, and recovery tries again.
          LOG.error("the validation {} broke off", accepted.challenge().id(), e);
        } finally {
          free.release();
        }
      });
      started = true;
    } catch (RejectedExecutionException e) {
      LOG.debug("closing: another node, or the next start, goes on", e);
    } finally {
      if (!started) {
        free.release();
      }
    }
  }

  private void attempt(Authorizations.Accepted accepted) throws InterruptedException {
    Challenge challenge = accepted.challenge();
    Challenge.State.Processing held = accepted.held();
    Instant last = Times.now(clock).plus(NO_LATER);
    for (int attempt = 0; ; attempt++) {
      Duration pause = attempt < pauses.size() ? pauses.get(attempt) : Duration.ZERO;
      Optional<Challenge.State.Processing> lease =
          authorizations.lease(
              challenge.id(), held, later(Times.now(clock), held).plus(LEASE).plus(pause));
      if (lease.isEmpty()) {
        return;
      }
      held = lease.get();
      switch (attemptOnce(accepted)) {
        case Validator.Outcome.Met(Optional<Instant> until) -> {
          authorizations.succeed(challenge, held, until);
          return;
        }
        case Validator.Outcome.NotMet(Problem problem, boolean lasting) -> {
          if (Thread.interrupted()) {
            // Closing broke it off, so it says nothing about the challenge.
            throw new InterruptedException();
          }
          if (lasting || attempt == pauses.size() || Times.now(clock).plus(pause).isAfter(last)) {
            if (authorizations.fail(challenge, held, problem)) {
              limiter.failed(urls(accepted).endpoint(), accepted.account(), accepted.name());
            }
            return;
          }
        }
      }
      Thread.sleep(pause);
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
      return new Validator.Outcome.NotMet(
          Problem.of(AcmeError.SERVER_INTERNAL, "internal error"), false);
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
