package dev.chancery.core;

import java.time.Instant;
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

  /** An entry of a CRL. */
  record Entry(SerialNumber serial, CertificateStatus.Revoked status) {}

  /** Revokes a certificate, whether issued or only recorded. */
  Outcome revoke(Revocation revocation);

  /** Revokes a certificate only if it is still recorded and not issued, in one step. */
  Abandoned abandon(Revocation revocation);

  CertificateStatus status(IssuerId issuer, SerialNumber serial);

  /**
   * Whether a revocation of a certificate of a scope was recorded in a span of time, by the clock
   * of the node that did it and shortly before its commit.
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
}
