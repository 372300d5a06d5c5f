package dev.chancery.core;

import java.time.Instant;

/**
 * A certificate that was decided on, built and linted, and that no one has signed.
 *
 * @param publicKey the subject's key
 * @param crlShard the shard of the issuer's CRLs that the certificate names, or {@link
 *     CrlScope#UNSHARDED}
 * @param toBeSigned the exact bytes that the issuer's key will sign
 */
public record PreparedCertificate(
    IssuerId issuer,
    SerialNumber serial,
    ProfileId profile,
    Instant notBefore,
    Instant notAfter,
    SubjectPublicKey publicKey,
    Approval approval,
    int crlShard,
    ToBeSigned toBeSigned) {
  /** A certificate that names no shard of the issuer's CRLs. */
  public PreparedCertificate(
      IssuerId issuer,
      SerialNumber serial,
      ProfileId profile,
      Instant notBefore,
      Instant notAfter,
      SubjectPublicKey publicKey,
      Approval approval,
      ToBeSigned toBeSigned) {
    this(
        issuer,
        serial,
        profile,
        notBefore,
        notAfter,
        publicKey,
        approval,
        CrlScope.UNSHARDED,
        toBeSigned);
  }
}
