package dev.chancery.core;

import java.time.Instant;

/**
 * A certificate that was decided on, built and linted, and that no one has signed.
 *
 * @param toBeSigned the exact bytes that the issuer's key will sign
 * @param publicKey the subject's key
 */
public record PreparedCertificate(
    IssuerId issuer,
    SerialNumber serial,
    ProfileId profile,
    Instant notBefore,
    Instant notAfter,
    SubjectPublicKey publicKey,
    Approval approval,
    ToBeSigned toBeSigned) {}
