package dev.chancery.core;

import java.time.Instant;

/** A certificate that the ledger knows as issued. */
public record IssuedCertificate(
    IssuerId issuer, SerialNumber serial, Instant notBefore, Instant notAfter, Der encoded) {}
