package dev.chancery.ocsp;

import dev.chancery.core.Der;
import java.io.IOException;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ocsp.OCSPResponse;
import org.bouncycastle.asn1.ocsp.OCSPResponseStatus;

/**
 * Why a request gets no signed answer (RFC 6960 section 4.2.1). sigRequired is not among them:
 * signatures on requests are neither wanted nor looked at.
 */
public enum OcspError {
  /** Not an OCSP request, or one with parts that are not served here. */
  MALFORMED_REQUEST(OCSPResponseStatus.MALFORMED_REQUEST),
  /** A fault of this server. */
  INTERNAL_ERROR(OCSPResponseStatus.INTERNAL_ERROR),
  /** The token or the ledger is away; the same request can succeed later. */
  TRY_LATER(OCSPResponseStatus.TRY_LATER),
  /** The issuer is none of those that are served here (RFC 5019 section 2.2.3). */
  UNAUTHORIZED(OCSPResponseStatus.UNAUTHORIZED);

  @SuppressWarnings("ImmutableEnumChecker") // Der has no way to change
  private final Der encoded;

  OcspError(int status) {
    try {
      this.encoded =
          Der.of(
              new OCSPResponse(new OCSPResponseStatus(status), null).getEncoded(ASN1Encoding.DER));
    } catch (IOException e) {
      throw new IllegalStateException("an enumerated value always has an encoding", e);
    }
  }

  /** The OCSPResponse that says so; it is not signed. */
  public Der encoded() {
    return encoded;
  }
}
