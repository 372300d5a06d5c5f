package dev.chancery.core;

import java.time.Instant;
import java.util.Optional;

/**
 * A revocation as it is asked for and as the ledger keeps it.
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
    String by) {}
