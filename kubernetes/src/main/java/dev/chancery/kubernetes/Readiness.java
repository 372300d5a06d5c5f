package dev.chancery.kubernetes;

import dev.chancery.core.IssuerId;
import dev.chancery.core.TokenAway;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether issuers' keys answer and the database can be written, each asked once a second at most
 * however many logins there are.
 */
final class Readiness {
  private static final Logger LOG = LoggerFactory.getLogger(Readiness.class);
  private static final Duration FRESH = Duration.ofSeconds(1);

  private final KeyProbe keys;
  private final Clock clock;
  private final Map<IssuerId, State> issuers = new ConcurrentHashMap<>();
  private final State database;

  /**
   * @param write throws when the database does not take what it writes
   */
  Readiness(KeyProbe keys, Runnable write, Clock clock) {
    this.keys = keys;
    this.clock = clock;
    this.database = new State(() -> isDone(write));
  }

  /** What was known when it was asked last, and how to ask. */
  private final class State {
    private final BooleanSupplier asks;
    private final ReentrantLock asking = new ReentrantLock();
    private volatile boolean answers = true;
    private volatile Instant asked = Instant.EPOCH;

    private State(BooleanSupplier asks) {
      this.asks = asks;
    }

    private boolean isGood() {
      // Who comes while another asks has the last answer: what is away answers late.
      if (asking.tryLock()) {
        try {
          Instant now = clock.instant();
          if (asked.isBefore(now.minus(FRESH))) {
            answers = asks.getAsBoolean();
            asked = now;
          }
        } finally {
          asking.unlock();
        }
      }
      return answers;
    }
  }

  /** Whether the key answered when it was asked last. */
  boolean isReady(IssuerId issuer) {
    return issuers.computeIfAbsent(issuer, id -> new State(() -> answers(id))).isGood();
  }

  /** Whether the database took what was written last. */
  boolean canRecord() {
    return database.isGood();
  }

  private boolean answers(IssuerId issuer) {
    try {
      keys.probe(issuer);
      return true;
    } catch (TokenAway e) {
      return false;
    }
  }

  private static boolean isDone(Runnable write) {
    try {
      write.run();
      return true;
    } catch (RuntimeException e) {
      // Read-only, full or away: whatever it is, nothing can be signed until it is over.
      LOG.warn("nobody logs in while the database cannot be written: {}", e.toString());
      return false;
    }
  }
}
