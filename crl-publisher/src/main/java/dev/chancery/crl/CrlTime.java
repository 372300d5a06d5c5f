package dev.chancery.crl;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import org.bouncycastle.asn1.ASN1GeneralizedTime;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.ASN1UTCTime;

/**
 * Points in time as CRLs write them: whole seconds, in UTC; UTCTime until 2049, GeneralizedTime
 * from then on (RFC 5280 section 5.1.2.4).
 */
final class CrlTime {
  /** The octets of a GeneralizedTime with tag and length. */
  static final int GENERALIZED_LENGTH = 17;

  private static final int UTC_LENGTH = 15;
  private static final byte UTC_TIME = 0x17;
  private static final byte GENERALIZED_TIME = 0x18;
  private static final long FIRST_OF_GENERALIZED_TIME =
      Instant.parse("2050-01-01T00:00:00Z").getEpochSecond();

  private CrlTime() {}

  static ASN1Primitive of(Instant instant) {
    byte[] encoded = new byte[length(instant)];
    write(instant, encoded, 0);
    String text = new String(encoded, 2, encoded.length - 2, StandardCharsets.US_ASCII);
    return encoded[0] == UTC_TIME ? new ASN1UTCTime(text) : new ASN1GeneralizedTime(text);
  }

  private static boolean isUtcTime(Instant instant) {
    return instant.getEpochSecond() < FIRST_OF_GENERALIZED_TIME;
  }

  /** How many octets a time takes, with tag and length. */
  static int length(Instant instant) {
    return isUtcTime(instant) ? UTC_LENGTH : GENERALIZED_LENGTH;
  }

  /** Writes a time with tag and length, and says what comes after it. */
  static int write(Instant instant, byte[] out, int at) {
    if (!isUtcTime(instant)) {
      return writeGeneralized(instant, out, at);
    }
    LocalDateTime time = LocalDateTime.ofEpochSecond(instant.getEpochSecond(), 0, ZoneOffset.UTC);
    out[at] = UTC_TIME;
    out[at + 1] = UTC_LENGTH - 2;
    return writeFields(time, out, at + 2);
  }

  /** Writes a GeneralizedTime with tag and length, and says what comes after it. */
  static int writeGeneralized(Instant instant, byte[] out, int at) {
    LocalDateTime time = LocalDateTime.ofEpochSecond(instant.getEpochSecond(), 0, ZoneOffset.UTC);
    out[at] = GENERALIZED_TIME;
    out[at + 1] = GENERALIZED_LENGTH - 2;
    digits(time.getYear() / 100, out, at + 2);
    return writeFields(time, out, at + 4);
  }

  private static int writeFields(LocalDateTime time, byte[] out, int at) {
    digits(time.getYear() % 100, out, at);
    digits(time.getMonthValue(), out, at + 2);
    digits(time.getDayOfMonth(), out, at + 4);
    digits(time.getHour(), out, at + 6);
    digits(time.getMinute(), out, at + 8);
    digits(time.getSecond(), out, at + 10);
    out[at + 12] = 'Z';
    return at + 13;
  }

  private static void digits(int number, byte[] out, int at) {
    out[at] = (byte) ('0' + number / 10);
    out[at + 1] = (byte) ('0' + number % 10);
  }
}
