package dev.chancery.core;

import java.math.BigInteger;
import java.time.Instant;

/** A CRL that relying parties may see. */
public record PublishedCrl(
    IssuerId issuer, BigInteger number, Instant thisUpdate, Instant nextUpdate, Der encoded) {}
