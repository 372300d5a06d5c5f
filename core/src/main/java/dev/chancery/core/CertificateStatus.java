package dev.chancery.core;

import java.time.Instant;
import java.util.Optional;

/** What a relying party is told of a serial number (RFC 6960 section 2.2). */
public sealed interface CertificateStatus {
  /** Issued, and not revoked. */
  record Good() implements CertificateStatus {}

  /** Revoked, or recorded and never completed. */
  record Revoked(Instant at, RevocationReason reason, Optional<Instant> invalidityDate)
      implements CertificateStatus {}

  /** Never issued here, or still between record and completion. */
  record Unknown() implements CertificateStatus {}
}
