package dev.chancery.crl;

import java.time.Duration;

/**
 * When an issuer's CRLs are made.
 *
 * @param validity from thisUpdate to nextUpdate
 * @param refresh after how long there is a new CRL even when nothing was revoked; the rest of the
 *     validity is the time in which a lost token can come back
 */
public record CrlSettings(Duration validity, Duration refresh) {
  public CrlSettings {
    if (refresh.toSeconds() < 1 || refresh.compareTo(validity) >= 0) {
      throw new IllegalArgumentException("CRLs must be refreshed before they end");
    }
  }
}
