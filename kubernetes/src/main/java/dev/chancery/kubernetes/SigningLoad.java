package dev.chancery.kubernetes;

import java.util.concurrent.atomic.AtomicInteger;

/** Counts the requests to sign that are under way; none is refused for that. */
final class SigningLoad {
  private final int most;
  private final AtomicInteger underWay = new AtomicInteger();

  /**
   * @param most with how many nobody logs in any more
   */
  SigningLoad(int most) {
    this.most = most;
  }

  /** Counts one until it is answered. */
  LoginGate.Pass begin() {
    underWay.incrementAndGet();
    return underWay::decrementAndGet;
  }

  boolean isFull() {
    return underWay.get() >= most;
  }
}
