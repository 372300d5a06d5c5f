package dev.chancery.acme;

import dev.chancery.core.Reason;

/** The errors that a client can be told (RFC 8555 section 6.7), each with its one HTTP status. */
enum AcmeError {
  ACCOUNT_DOES_NOT_EXIST("accountDoesNotExist", 400),
  /** RFC 9773 section 5: MUST be 409. */
  ALREADY_REPLACED("alreadyReplaced", 409),
  ALREADY_REVOKED("alreadyRevoked", 400),
  BAD_CSR("badCSR", 400),
  BAD_NONCE("badNonce", 400),
  BAD_PUBLIC_KEY("badPublicKey", 400),
  BAD_REVOCATION_REASON("badRevocationReason", 400),
  BAD_SIGNATURE_ALGORITHM("badSignatureAlgorithm", 400),
  /** RFC 8659 section 5 and RFC 8555 section 6.7: the holder of a name forbids it. */
  CAA("caa", 403),
  CONNECTION("connection", 400),
  DNS("dns", 400),
  /** Section 7.3.4: the endpoint makes no account without a binding. */
  EXTERNAL_ACCOUNT_REQUIRED("externalAccountRequired", 403),
  INCORRECT_RESPONSE("incorrectResponse", 400),
  INVALID_CONTACT("invalidContact", 400),
  /** Of draft-ietf-acme-profiles. */
  INVALID_PROFILE("invalidProfile", 400),
  MALFORMED("malformed", 400),
  /** A resource that is not there, or that this account may not know of. */
  NOT_FOUND("malformed", 404),
  METHOD_NOT_ALLOWED("malformed", 405),
  TOO_SLOW("malformed", 408),
  /** The new key of a key change belongs to another account (section 7.3.5). */
  KEY_IN_USE("malformed", 409),
  TOO_LARGE("malformed", 413),
  UNSUPPORTED_MEDIA_TYPE("malformed", 415),
  /** Section 7.4: MUST be 403. */
  ORDER_NOT_READY("orderNotReady", 403),
  RATE_LIMITED("rateLimited", 429),
  /** The same, for clients that take 429 for the end and 503 for a pause. */
  RATE_LIMITED_AS_OUTAGE("rateLimited", 503),
  REJECTED_IDENTIFIER("rejectedIdentifier", 400),
  /** Section 7.4.1: unwilling to issue for an identifier is 403 where it is to be authorized. */
  FORBIDDEN_IDENTIFIER("rejectedIdentifier", 403),
  FORBIDDEN_IDENTIFIER_TYPE("unsupportedIdentifier", 403),
  SERVER_INTERNAL("serverInternal", 500),
  TLS("tls", 400),
  /** An outage, of the token or the database: the same request can succeed later. */
  UNAVAILABLE("serverInternal", 503),
  UNAUTHORIZED("unauthorized", 403),
  /** Section 7.3.6: a deactivated account is answered with 401. */
  ACCOUNT_DEACTIVATED("unauthorized", 401),
  UNSUPPORTED_CONTACT("unsupportedContact", 400),
  UNSUPPORTED_IDENTIFIER("unsupportedIdentifier", 400),
  USER_ACTION_REQUIRED("userActionRequired", 403);

  private final String type;
  private final int status;

  AcmeError(String type, int status) {
    this.type = type;
    this.status = status;
  }

  static AcmeError of(Reason reason) {
    return switch (reason) {
      case BAD_CSR -> BAD_CSR;
      case BAD_PUBLIC_KEY -> BAD_PUBLIC_KEY;
      case REJECTED_NAME, NOT_OF_PROFILE -> REJECTED_IDENTIFIER;
      case UNSUPPORTED_NAME -> UNSUPPORTED_IDENTIFIER;
      case BAD_VALIDITY -> MALFORMED;
      case NOT_FOUND -> NOT_FOUND;
      case NOT_PERMITTED -> UNAUTHORIZED;
      case ALREADY_REVOKED -> ALREADY_REVOKED;
      case BAD_REVOCATION_REASON -> BAD_REVOCATION_REASON;
    };
  }

  String urn() {
    return "urn:ietf:params:acme:error:" + type;
  }

  int status() {
    return status;
  }
}
