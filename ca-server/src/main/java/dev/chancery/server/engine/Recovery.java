package dev.chancery.server.engine;

import dev.chancery.core.CertificateRecord;
import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.RevocationLedger;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * Revokes what a crash left between record and completion (docs/issuance-cycle.md). Run at start
 * and on a timer, on any number of nodes.
 */
public final class Recovery {
  private static final int BATCH = 100;
  private static final int MOST_BATCHES = 100;

  private final IssuanceLedger issuance;
  private final Abandonment abandonment;
  private final Clock clock;
  private final Duration grace;

  /**
   * @param grace how long an issuance can take at most; longer than the token's time limit, and
   *     than the clocks of two nodes can differ
   */
  public Recovery(
      IssuanceLedger issuance, RevocationLedger revocations, Clock clock, Duration grace) {
    this.issuance = issuance;
    this.abandonment = new Abandonment(revocations, clock);
    this.clock = clock;
    this.grace = grace;
  }

  /**
   * Revokes the certificates that were recorded longer than the grace ago and are neither issued
   * nor revoked; if there are very many, the next run goes on.
   *
   * @return how many were revoked
   */
  public int run() {
    Instant before = clock.instant().minus(grace);
    int revoked = 0;
    for (int batch = 0; batch < MOST_BATCHES; batch++) {
      List<CertificateRecord> left = issuance.recordedBefore(before, BATCH);
      for (CertificateRecord known : left) {
        if (abandonment.abandon(known.issuer(), known.serial())) {
          revoked++;
        }
      }
      if (left.size() < BATCH) {
        break;
      }
    }
    return revoked;
  }
}
