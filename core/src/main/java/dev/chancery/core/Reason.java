package dev.chancery.core;

/** Why a request is refused. Each protocol maps these to its own errors, without a default. */
public enum Reason {
  /** The CSR or another part of the request is malformed, badly signed or inconsistent. */
  BAD_CSR,
  /** The public key is of a kind, size or quality that the profile does not accept. */
  BAD_PUBLIC_KEY,
  /** A name is malformed or forbidden by policy. */
  REJECTED_NAME,
  /** The names are of a kind, or as many, as the profile does not have. */
  NOT_OF_PROFILE,
  /** A name is of a kind that nothing here can prove or certify. */
  UNSUPPORTED_NAME,
  /** The asked-for lifetime is outside the bounds of the profile or of the issuer. */
  BAD_VALIDITY,
  /** There is no such issuer, profile or certificate. */
  NOT_FOUND,
  /** The requester may not do this. */
  NOT_PERMITTED,
  /** The certificate was revoked before. */
  ALREADY_REVOKED,
  /** The revocation reason is not one that a requester may give. */
  BAD_REVOCATION_REASON,
}
