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

/** Revokes certificates that were recorded and that no one ever got, so that no one ever can. */
final class Abandonment {
  private static final Logger LOG = LoggerFactory.getLogger(Abandonment.class);

  private final RevocationLedger revocations;
  private final Clock clock;

  Abandonment(RevocationLedger revocations, Clock clock) {
    this.revocations = revocations;
    this.clock = clock;
  }

  /** Revokes a serial; one that the ledger does not know, or knows as revoked, stays as it is. */
  RevocationLedger.Outcome revoke(IssuerId issuer, SerialNumber serial) {
    RevocationLedger.Outcome outcome =
        revocations.revoke(
            new Revocation(
                issuer,
                serial,
                RevocationReason.UNSPECIFIED,
                clock.instant().truncatedTo(ChronoUnit.SECONDS),
                Optional.empty(),
                "chancery: never completed"));
    if (outcome == RevocationLedger.Outcome.REVOKED) {
      LOG.warn("revoked {} of {}: never completed", serial, issuer);
    }
    return outcome;
  }

  /** Revokes a serial if that is possible now; a failure is added to the one that led here. */
  void attempt(IssuerId issuer, SerialNumber serial, Exception cause) {
    try {
      revoke(issuer, serial);
    } catch (RuntimeException e) {
      LOG.warn("could not revoke {} of {}, recovery will: {}", serial, issuer, e.getMessage());
      cause.addSuppressed(e);
    }
  }
}
