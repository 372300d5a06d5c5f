package dev.chancery.ocsp;

import java.time.Duration;

/**
 * How answers are made.
 *
 * @param validity from thisUpdate to nextUpdate
 * @param reuse how long after thisUpdate an answer is given again before a new one is signed
 * @param cacheOctets how much memory the answers and statuses that are kept may take, about
 * @param nonces whether a nonce is echoed, at the price of a signature for each request; a client
 *     whose nonce is left out can still use the answer (RFC 9654 section 2.1)
 * @param atATime how many answers for one client alone may be in the making at a time, and how many
 *     of those that are for all
 */
public record OcspSettings(
    Duration validity, Duration reuse, long cacheOctets, boolean nonces, int atATime) {
  public OcspSettings {
    if (reuse.isNegative() || validity.compareTo(reuse) <= 0 || validity.toSeconds() < 1) {
      throw new IllegalArgumentException("OCSP answers must be valid longer than they are reused");
    }
    if (cacheOctets < 0) {
      throw new IllegalArgumentException("the memory for cached OCSP answers is negative");
    }
    if (atATime < 1) {
      throw new IllegalArgumentException("at least one OCSP answer must be made at a time");
    }
  }
}
