package dev.chancery.server;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.PublishedCrl;
import dev.chancery.core.RevocationLedger;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * Says whether the root needs a new CRL. No server can make it, because the root's key is offline:
 * only {@code chancery init} does, with the root's token at hand (docs/revocation.md).
 */
final class RootCrl {
  static final Duration LIFETIME = Duration.ofDays(365);

  private static final CrlScope SCOPE = CrlScope.unsharded(Initialization.ROOT);

  private final CrlLedger crls;
  private final RevocationLedger revocations;
  private final Clock clock;

  RootCrl(CrlLedger crls, RevocationLedger revocations, Clock clock) {
    this.crls = crls;
    this.revocations = revocations;
    this.clock = clock;
  }

  /** Why a new one is due; empty when none is. */
  Optional<String> due() {
    Optional<PublishedCrl> current = crls.current(CrlName.complete(SCOPE));
    if (current.isEmpty()) {
      return Optional.of("the root has no CRL");
    }
    Instant now = clock.instant();
    Instant made = current.get().thisUpdate();
    if (revocations.anyRecorded(SCOPE, made, now)) {
      return Optional.of("the root's CRL lacks a revocation");
    }
    // The root's token comes out rarely, so its CRL is replaced when half of its time is over.
    return made.plus(LIFETIME.dividedBy(2)).isAfter(now)
        ? Optional.empty()
        : Optional.of("the root's CRL ends at " + current.get().nextUpdate());
  }
}
