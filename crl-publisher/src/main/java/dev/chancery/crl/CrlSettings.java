package dev.chancery.crl;

import java.time.Duration;
import java.util.Optional;

/**
 * When an issuer's CRLs are made.
 *
 * @param validity from thisUpdate to nextUpdate
 * @param refresh after how long there is a new CRL even when nothing was revoked; the rest of the
 *     validity is the time in which a lost token can come back
 * @param delta empty when there are no delta CRLs
 */
public record CrlSettings(Duration validity, Duration refresh, Optional<Delta> delta) {
  /**
   * Of delta CRLs (RFC 5280 section 5.2.4).
   *
   * @param validity from thisUpdate to nextUpdate; there is a new one after half of it
   * @param base how old the complete CRL that they start from becomes: whoever has a complete CRL
   *     of this age needs only the delta
   */
  public record Delta(Duration validity, Duration base) {
    public Delta {
      if (validity.toSeconds() < 2 || base.toSeconds() < 1) {
        throw new IllegalArgumentException("delta CRLs and their bases last for some seconds");
      }
    }
  }

  public CrlSettings {
    if (refresh.toSeconds() < 1 || refresh.compareTo(validity) >= 0) {
      throw new IllegalArgumentException("CRLs must be refreshed before they end");
    }
    if (delta.isPresent() && delta.get().base().compareTo(validity) > 0) {
      throw new IllegalArgumentException("the base of a delta CRL must not have ended");
    }
  }

  /** Without delta CRLs. */
  public CrlSettings(Duration validity, Duration refresh) {
    this(validity, refresh, Optional.empty());
  }

  /** After how long a new CRL is made without need. */
  public Duration longestAge() {
    Duration ofDelta = delta.map(settings -> settings.validity().dividedBy(2)).orElse(refresh);
    return ofDelta.compareTo(refresh) < 0 ? ofDelta : refresh;
  }
}
