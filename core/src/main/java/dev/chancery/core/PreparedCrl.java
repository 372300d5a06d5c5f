package dev.chancery.core;

import java.math.BigInteger;
import java.time.Instant;

/** A CRL that was built and that no one has signed (RFC 5280 section 5). */
public record PreparedCrl(
    IssuerId issuer,
    BigInteger number,
    Instant thisUpdate,
    Instant nextUpdate,
    ToBeSigned toBeSigned) {}
