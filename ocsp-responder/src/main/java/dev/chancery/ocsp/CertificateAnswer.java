package dev.chancery.ocsp;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.RevocationReason;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import org.bouncycastle.asn1.ASN1GeneralizedTime;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.ocsp.CertID;
import org.bouncycastle.asn1.ocsp.CertStatus;
import org.bouncycastle.asn1.ocsp.RevokedInfo;
import org.bouncycastle.asn1.ocsp.SingleResponse;
import org.bouncycastle.asn1.x509.CRLReason;
import org.bouncycastle.asn1.x509.Extensions;

/** What is said of one certificate, named as the client named it. */
record CertificateAnswer(CertID certificate, CertificateStatus status) {
  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("uuuuMMddHHmmss'Z'").withZone(ZoneOffset.UTC);

  /** Whether the status stays until someone decides otherwise; unknown can be good in a moment. */
  boolean lasts() {
    return switch (status) {
      case CertificateStatus.Good _, CertificateStatus.Revoked _ -> true;
      case CertificateStatus.Unknown _ -> false;
    };
  }

  SingleResponse encoded(ASN1GeneralizedTime thisUpdate, ASN1GeneralizedTime nextUpdate) {
    return new SingleResponse(certificate, certStatus(), thisUpdate, nextUpdate, (Extensions) null);
  }

  private CertStatus certStatus() {
    return switch (status) {
      case CertificateStatus.Good _ -> new CertStatus();
      case CertificateStatus.Revoked revoked -> new CertStatus(revokedInfo(revoked));
      case CertificateStatus.Unknown _ -> new CertStatus(2, DERNull.INSTANCE);
    };
  }

  private static RevokedInfo revokedInfo(CertificateStatus.Revoked revoked) {
    // As in CRLs (RFC 5280 section 5.3.1), no reason is said rather than "unspecified".
    return revoked.reason() == RevocationReason.UNSPECIFIED
        ? new RevokedInfo(time(revoked.at()))
        : new RevokedInfo(time(revoked.at()), CRLReason.lookup(revoked.reason().code()));
  }

  /** RFC 5280 section 4.1.2.5.2: whole seconds, in UTC. */
  static ASN1GeneralizedTime time(Instant instant) {
    return new ASN1GeneralizedTime(TIME.format(instant));
  }
}
