package dev.chancery.ocsp;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.IssuerId;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.SerialNumber;
import java.time.Instant;
import java.util.Optional;

/** Says what status an issuer's certificates have. */
public interface StatusSource {
  /**
   * A status, and since and until when it is known to be right.
   *
   * @param knownAt empty: now
   * @param until empty: as long as an answer may say
   */
  record Said(CertificateStatus status, Optional<Instant> knownAt, Optional<Instant> until) {
    Said(CertificateStatus status) {
      this(status, Optional.empty(), Optional.empty());
    }
  }

  /**
   * The status of a certificate; empty when nothing that is not outdated is known of any.
   *
   * @throws RuntimeException when it cannot be asked for just now
   */
  Optional<Said> status(SerialNumber serial, Instant now);

  /** The statuses that a ledger has of an issuer's certificates. */
  static StatusSource ledger(RevocationLedger ledger, IssuerId issuer) {
    return (serial, now) -> Optional.of(new Said(ledger.status(issuer, serial)));
  }
}
