package dev.chancery.core;

import java.time.Instant;
import java.util.Optional;

/**
 * A revocation as it is asked for and as the ledger keeps it.
 *
 * <p>Both times lie in the years 1950 to 9999: a CRL has no way to write others (RFC 5280 section
 * 5.1.2.4), and one entry that cannot be written would be the end of its issuer's CRLs.
 *
 * @param at the revocation time that OCSP and CRLs give, in whole seconds
 * @param invalidityDate since when the key is suspected to be compromised (RFC 5280 section 5.3.2)
 * @param by who asked, for the audit trail
 */
public record Revocation(
    IssuerId issuer,
    SerialNumber serial,
    RevocationReason reason,
    Instant at,
    Optional<Instant> invalidityDate,
    String by) {
  private static final Instant FIRST = Instant.parse("1950-01-01T00:00:00Z");
  private static final Instant END = Instant.parse("9999-12-31T23:59:59Z").plusSeconds(1);

  public Revocation {
    requireWritable(at);
    invalidityDate.ifPresent(Revocation::requireWritable);
  }

  private static void requireWritable(Instant instant) {
    if (instant.isBefore(FIRST) || !instant.isBefore(END)) {
      throw new IllegalArgumentException("not a time that a CRL can say: " + instant);
    }
  }
}
