package dev.chancery.server.engine;

import dev.chancery.core.CertificateRecord;
import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import java.time.Clock;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Revokes certificates, and releases those that are only on hold (docs/revocation.md). */
public final class Revoking {
  private static final Logger LOG = LoggerFactory.getLogger(Revoking.class);

  private final IssuanceLedger issuance;
  private final RevocationLedger revocations;
  private final Clock clock;
  private final Consumer<CrlScope> afterChange;
  private final boolean holds;

  /**
   * @param afterChange told whose CRLs a change that was committed is for; what it throws is logged
   *     and changes nothing
   * @param holds whether a certificate can be put on hold
   */
  public Revoking(
      IssuanceLedger issuance,
      RevocationLedger revocations,
      Clock clock,
      Consumer<CrlScope> afterChange,
      boolean holds) {
    this.issuance = issuance;
    this.revocations = revocations;
    this.clock = clock;
    this.afterChange = afterChange;
    this.holds = holds;
  }

  /**
   * As {@link dev.chancery.core.CertificateAuthority#revoke}. A certificate on hold can be revoked
   * for good.
   */
  public void revoke(Revocation revocation) throws Refused {
    CertificateRecord known = known(revocation.issuer(), revocation.serial());
    if (clock.instant().isAfter(known.notAfter())) {
      throw new Refused(Reason.NOT_PERMITTED, "the certificate expired at " + known.notAfter());
    }
    requireReason(revocation.reason());
    switch (revocations.revoke(revocation)) {
      case REVOKED -> {
        LOG.info(
            "revoked {} of {} for {}, reason {}",
            revocation.serial(),
            revocation.issuer(),
            revocation.by(),
            revocation.reason());
        announce(known.crlScope());
      }
      case ALREADY_REVOKED ->
          throw new Refused(Reason.ALREADY_REVOKED, "the certificate was revoked before");
      case NOT_FOUND -> throw notFound();
    }
  }

  /**
   * Refuses a reason that nobody can revoke for.
   *
   * @throws Refused for removeFromCRL, which ends a hold and begins nothing, and for
   *     certificateHold where there are no holds (RFC 5280 section 5.3.1)
   */
  public void requireReason(RevocationReason reason) throws Refused {
    if (reason == RevocationReason.REMOVE_FROM_CRL
        || (reason == RevocationReason.CERTIFICATE_HOLD && !holds)) {
      throw new Refused(Reason.BAD_REVOCATION_REASON, "a revocation cannot have reason " + reason);
    }
  }

  /**
   * Ends a hold: the certificate is good again.
   *
   * @throws Refused when there is no such certificate, or it is not on hold
   */
  public void release(IssuerId issuer, SerialNumber serial, String by) throws Refused {
    switch (revocations.release(issuer, serial, by)) {
      case RELEASED -> {
        LOG.info("released {} of {} for {}", serial, issuer, by);
        announce(known(issuer, serial).crlScope());
      }
      case NOT_HELD -> throw new Refused(Reason.ALREADY_REVOKED, "the certificate is not on hold");
      case NOT_FOUND -> throw notFound();
    }
  }

  /** Tells those who publish statuses that some have changed. */
  public void announce(CrlScope scope) {
    try {
      afterChange.accept(scope);
    } catch (RuntimeException e) {
      // The change is committed and OCSP tells it; the schedule brings the CRL.
      LOG.error("the CRL of {} could not be asked for after a revocation", scope, e);
    }
  }

  private CertificateRecord known(IssuerId issuer, SerialNumber serial) throws Refused {
    return issuance.find(issuer, serial).orElseThrow(Revoking::notFound);
  }

  private static Refused notFound() {
    return new Refused(Reason.NOT_FOUND, "there is no such certificate");
  }
}
