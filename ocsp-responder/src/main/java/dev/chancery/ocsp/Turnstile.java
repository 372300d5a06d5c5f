package dev.chancery.ocsp;

import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Lets in a few at a time; some more wait for a moment, and the rest is sent away. What is behind
 * it costs the ledger a question and the token a signature, and anyone on the network can ask.
 */
final class Turnstile {
  private static final Duration PATIENCE = Duration.ofSeconds(1);
  private static final int WAITING_FOR_EACH = 32;

  private final Semaphore places;
  private final AtomicInteger waiting = new AtomicInteger();
  private final int mostWaiting;

  Turnstile(int places) {
    this.places = new Semaphore(places, true);
    this.mostWaiting = places * WAITING_FOR_EACH;
  }

  /**
   * A place inside, to be given back by {@link #leave}.
   *
   * @throws NotAnswered with {@link OcspError#TRY_LATER} when none came free in time
   */
  void enter() throws NotAnswered {
    if (places.tryAcquire()) {
      return;
    }
    try {
      if (waiting.incrementAndGet() > mostWaiting
          || !places.tryAcquire(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new NotAnswered(OcspError.TRY_LATER);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new NotAnswered(OcspError.TRY_LATER);
    } finally {
      waiting.decrementAndGet();
    }
  }

  void leave() {
    places.release();
  }
}
