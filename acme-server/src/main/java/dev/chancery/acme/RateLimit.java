package dev.chancery.acme;

import java.time.Duration;

/**
 * How often something may happen: this many times at once, and then as often as to make this many
 * in a period, evenly spread.
 */
public record RateLimit(int most, Duration period) {
  private static final Duration LONGEST = Duration.ofDays(366);

  public RateLimit {
    if (most < 1) {
      throw new IllegalArgumentException("a limit lets something happen once at least");
    }
    if (period.compareTo(Duration.ofSeconds(1)) < 0 || period.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException(
          "the period of a limit is from 1s to " + LONGEST.toDays() + "d");
    }
  }
}
