package dev.chancery.server.engine;

import dev.chancery.core.IssuerId;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Revokes certificates that no one ever got, so that no one ever can. */
final class Abandonment {
  private static final Logger LOG = LoggerFactory.getLogger(Abandonment.class);

  private final RevocationLedger revocations;
  private final Clock clock;

  Abandonment(RevocationLedger revocations, Clock clock) {
    this.revocations = revocations;
    this.clock = clock;
  }

  /**
   * Revokes a serial that another may be about to complete: only if it is still just recorded. One
   * that was issued meanwhile may have been released, and stays good.
   *
   * @return whether it was revoked by this call
   */
  boolean abandon(IssuerId issuer, SerialNumber serial) {
    boolean revoked =
        revocations.abandon(revocation(issuer, serial)) == RevocationLedger.Abandoned.REVOKED;
    if (revoked) {
      logRevoked(issuer, serial);
    }
    return revoked;
  }

  /**
   * Revokes a serial, completed or not, that its own issuance failed to release, if that is
   * possible now; a failure is added to the one that led here.
   */
  void attempt(IssuerId issuer, SerialNumber serial, Exception cause) {
    try {
      if (revocations.revoke(revocation(issuer, serial)) == RevocationLedger.Outcome.REVOKED) {
        logRevoked(issuer, serial);
      }
    } catch (RuntimeException e) {
      LOG.warn("could not revoke {} of {}, recovery will: {}", serial, issuer, e.getMessage());
      cause.addSuppressed(e);
    }
  }

  private Revocation revocation(IssuerId issuer, SerialNumber serial) {
    return new Revocation(
        issuer,
        serial,
        RevocationReason.UNSPECIFIED,
        clock.instant().truncatedTo(ChronoUnit.SECONDS),
        Optional.empty(),
        "chancery: never completed");
  }

  private static void logRevoked(IssuerId issuer, SerialNumber serial) {
    LOG.warn("revoked {} of {}: never completed", serial, issuer);
  }
}
