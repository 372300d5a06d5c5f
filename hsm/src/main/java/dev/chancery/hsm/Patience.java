package dev.chancery.hsm;

import java.time.Duration;

/**
 * How long to wait for a token that was lost, and how much that may cost.
 *
 * @param attempt for an attempt, before the next one is made beside it
 * @param first after an attempt that failed; doubled after each further one
 * @param most so short that a token is in use again within seconds of its return, however long it
 *     was away: an attempt that fails costs a few calls of the module and leaves nothing behind
 * @param whenInVain at most, after what left a module behind and signed nothing
 * @param healthy who was up for so long and is lost is replaced at once
 * @param whenLostSoon at most, before one that signed is replaced that was up for less; so short
 *     that a token which is often lost still is back within a second
 * @param keys between looks for keys that were not there
 * @param leftBehind how many modules that stay mapped, or connections that stay open, a token may
 *     leave behind in this process. A module of a megabyte makes 200 MB of that: what a server can
 *     bear, and more losses than a healthy token has in years
 */
record Patience(
    Duration attempt,
    Duration first,
    Duration most,
    Duration whenInVain,
    Duration healthy,
    Duration whenLostSoon,
    Duration keys,
    int leftBehind) {
  static final Patience USUAL =
      new Patience(
          Duration.ofSeconds(3),
          Duration.ofMillis(100),
          Duration.ofSeconds(2),
          Duration.ofSeconds(30),
          Duration.ofSeconds(5),
          Duration.ofMillis(400),
          Duration.ofSeconds(2),
          200);

  /** A pause that grows with each time that something went wrong, the first being one. */
  static Duration growing(Duration first, int factor, int times, Duration longest) {
    Duration pause = first;
    for (int i = 1; i < times && pause.compareTo(longest) < 0; i++) {
      pause = pause.multipliedBy(factor);
    }
    return pause.compareTo(longest) < 0 ? pause : longest;
  }
}
