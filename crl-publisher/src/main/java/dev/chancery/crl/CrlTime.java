package dev.chancery.crl;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import org.bouncycastle.asn1.ASN1GeneralizedTime;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.ASN1UTCTime;

/** Points in time as CRLs write them: whole seconds, in UTC. */
final class CrlTime {
  private static final int FIRST_YEAR_OF_GENERALIZED_TIME = 2050;
  private static final DateTimeFormatter UTC_TIME =
      DateTimeFormatter.ofPattern("uuMMddHHmmss'Z'").withZone(ZoneOffset.UTC);
  private static final DateTimeFormatter GENERALIZED_TIME =
      DateTimeFormatter.ofPattern("uuuuMMddHHmmss'Z'").withZone(ZoneOffset.UTC);

  private CrlTime() {}

  /** RFC 5280 section 5.1.2.4: UTCTime until 2049, GeneralizedTime from then on. */
  static ASN1Primitive of(Instant instant) {
    return instant.atOffset(ZoneOffset.UTC).getYear() < FIRST_YEAR_OF_GENERALIZED_TIME
        ? new ASN1UTCTime(UTC_TIME.format(instant))
        : generalized(instant);
  }

  static ASN1GeneralizedTime generalized(Instant instant) {
    return new ASN1GeneralizedTime(GENERALIZED_TIME.format(instant));
  }
}
