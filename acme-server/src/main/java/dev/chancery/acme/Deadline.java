package dev.chancery.acme;

import java.time.Duration;

/** When something must have ended, by the clock that nobody sets. */
record Deadline(long nanoTime) {
  static Deadline in(Duration fromNow) {
    return new Deadline(System.nanoTime() + fromNow.toNanos());
  }

  long nanosLeft() {
    return nanoTime - System.nanoTime();
  }

  Duration left() {
    return Duration.ofNanos(Math.max(0, nanosLeft()));
  }

  boolean isOver() {
    return nanosLeft() <= 0;
  }

  /** This, or an earlier end. */
  Deadline within(Duration fromNow) {
    Deadline other = in(fromNow);
    return other.nanoTime - nanoTime < 0 ? other : this;
  }
}
