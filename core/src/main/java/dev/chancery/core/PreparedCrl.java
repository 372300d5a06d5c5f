package dev.chancery.core;

import java.math.BigInteger;
import java.time.Instant;
import java.util.Optional;

/**
 * A CRL that was built and that no one has signed (RFC 5280 section 5).
 *
 * @param base the number of the complete CRL that a delta CRL starts from (section 5.2.4); empty
 *     for a complete one
 * @param toBeSigned the encoding of the TBSCertList
 */
public record PreparedCrl(
    CrlScope scope,
    BigInteger number,
    Optional<BigInteger> base,
    Instant thisUpdate,
    Instant nextUpdate,
    SigningScheme scheme,
    Octets toBeSigned) {
  public CrlName name() {
    return new CrlName(scope, base.isPresent());
  }
}
