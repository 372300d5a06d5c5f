package dev.chancery.core;

import java.math.BigInteger;
import java.time.Instant;
import java.util.Optional;

/**
 * A CRL that relying parties may see.
 *
 * @param base the number of the complete CRL that a delta CRL starts from; empty for a complete one
 * @param encoded the CertificateList; reading it fails when it was dropped for a newer one
 */
public record PublishedCrl(
    CrlScope scope,
    BigInteger number,
    Optional<BigInteger> base,
    Instant thisUpdate,
    Instant nextUpdate,
    Octets encoded) {}
