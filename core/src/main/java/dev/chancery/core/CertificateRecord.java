package dev.chancery.core;

import java.time.Instant;
import java.util.Optional;

/**
 * What the ledger keeps of a certificate.
 *
 * @param account the ACME account that asked for it, if one did
 * @param crlShard the shard of the issuer's CRLs that the certificate names, or {@link
 *     CrlScope#UNSHARDED}
 * @param certificate the certificate itself, once it was issued; a certificate that was revoked
 *     before its completion has none
 */
public record CertificateRecord(
    IssuerId issuer,
    SerialNumber serial,
    ProfileId profile,
    RequestId request,
    Optional<AccountId> account,
    Instant recordedAt,
    Instant notBefore,
    Instant notAfter,
    State state,
    int crlShard,
    Optional<Der> certificate,
    Optional<Revocation> revocation) {
  /** The scope of the CRLs that tell of its revocation. */
  public CrlScope crlScope() {
    return new CrlScope(issuer, crlShard);
  }

  /** Where a certificate stands; it only moves downwards. */
  public enum State {
    /** The to-be-signed bytes are committed; no one outside has a certificate. */
    RECORDED,
    /** Signed, verified and released. */
    ISSUED,
    /** Never valid again. */
    REVOKED,
  }
}
