package dev.chancery.core;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** The one truth about revocation; OCSP and CRLs both read it. */
public interface RevocationLedger {
  /** What came of a revocation. */
  enum Outcome {
    /** Committed: certificate, revocation and audit entry in one transaction. */
    REVOKED,
    /** There was a revocation already, and it stands as it was. */
    ALREADY_REVOKED,
    /** The ledger knows no such certificate. */
    NOT_FOUND,
  }

  /** What came of giving up a certificate that was only recorded. */
  enum Abandoned {
    /** It was only recorded, and is revoked now: no one can ever complete it. */
    REVOKED,
    /** It was issued meanwhile, and stays so. */
    ISSUED,
    /** There was a revocation already, and it stands as it was. */
    ALREADY_REVOKED,
    /** The ledger knew no such certificate. */
    NOT_FOUND,
  }

  /** What came of the release of a certificate from its hold. */
  enum Released {
    /** Committed: it is good again, and its revocation stands in the audit trail alone. */
    RELEASED,
    /** It is not on hold: good, or revoked for good. */
    NOT_HELD,
    /** The ledger knows no such certificate. */
    NOT_FOUND,
  }

  /** An entry of a CRL. */
  record Entry(SerialNumber serial, CertificateStatus.Revoked status) {}

  /**
   * Revokes a certificate, whether issued or only recorded, or on hold. One that is only recorded
   * cannot be put on hold, and is as if it were not there.
   */
  Outcome revoke(Revocation revocation);

  /**
   * Takes a certificate from its hold (RFC 5280 section 5.3.1, certificateHold and removeFromCRL).
   *
   * @param by who asked, for the audit trail
   */
  Released release(IssuerId issuer, SerialNumber serial, String by);

  /** Revokes a certificate only if it is still recorded and not issued, in one step. */
  Abandoned abandon(Revocation revocation);

  CertificateStatus status(IssuerId issuer, SerialNumber serial);

  /**
   * Whether a revocation or a release of a certificate of a scope was recorded in a span of time,
   * by the clock of the node that did it and shortly before its commit.
   *
   * @param after not counted
   * @param until counted
   */
  boolean anyRecorded(CrlScope scope, Instant after, Instant until);

  /**
   * Hands over every revoked certificate of a scope that expires after an instant, by serial
   * number, one row at a time.
   */
  void forEachRevoked(CrlScope scope, Instant expiringAfter, Consumer<Entry> consumer);

  /**
   * The certificates of a scope that were taken from their hold and are not forgotten, in the order
   * of {@link #forEachRevoked}; some may have been revoked again since.
   *
   * @param after the last one that is known; empty for the first ones
   * @param most how many at a time
   */
  List<SerialNumber> released(CrlScope scope, Optional<SerialNumber> after, int most);

  /** Forgets releases that every CRL that counts came after. */
  void forgetReleases(CrlScope scope, Instant before);
}
