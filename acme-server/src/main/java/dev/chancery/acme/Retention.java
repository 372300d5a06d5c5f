package dev.chancery.acme;

import java.time.Duration;

/**
 * For how long what has ended is kept before it is pruned.
 *
 * @param issued of a valid order, counted from the end of its certificate: until then its account
 *     can revoke the certificate and fetch it again
 * @param others of any other order and of an authorization, counted from its expiry
 */
public record Retention(Duration issued, Duration others) {
  /** So that no node whose clock is behind still works with what is pruned. */
  public static final Duration LEAST = Duration.ofHours(1);

  /** A month for what led to a certificate, a day for the rest. */
  public static final Retention USUAL = new Retention(Duration.ofDays(30), Duration.ofDays(1));

  public Retention {
    if (issued.compareTo(LEAST) < 0 || others.compareTo(LEAST) < 0) {
      throw new IllegalArgumentException("what has ended is kept for an hour at least");
    }
  }
}
