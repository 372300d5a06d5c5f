package dev.chancery.kubernetes;

import dev.chancery.core.IssuerId;
import dev.chancery.core.TokenAway;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Whether issuers' keys answer, asked of a token once a second at most however many logins there
 * are.
 */
final class Readiness {
  private static final Duration FRESH = Duration.ofSeconds(1);

  private final KeyProbe keys;
  private final Clock clock;
  private final Map<IssuerId, State> states = new ConcurrentHashMap<>();

  Readiness(KeyProbe keys, Clock clock) {
    this.keys = keys;
    this.clock = clock;
  }

  private static final class State {
    private final ReentrantLock asking = new ReentrantLock();
    private volatile boolean answers = true;
    private volatile Instant asked = Instant.EPOCH;
  }

  /** Whether the key answered when it was asked last. */
  boolean isReady(IssuerId issuer) {
    State state = states.computeIfAbsent(issuer, any -> new State());
    // Who comes while another asks has the last answer: a token that is away answers late.
    if (state.asking.tryLock()) {
      try {
        Instant now = clock.instant();
        if (state.asked.isBefore(now.minus(FRESH))) {
          state.answers = asks(issuer);
          state.asked = now;
        }
      } finally {
        state.asking.unlock();
      }
    }
    return state.answers;
  }

  private boolean asks(IssuerId issuer) {
    try {
      keys.probe(issuer);
      return true;
    } catch (TokenAway e) {
      return false;
    }
  }
}
