package dev.chancery.acme;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.xbill.DNS.CAARecord;

/**
 * The property that a CAA record holds (RFC 8659 section 4.1).
 *
 * @param critical whether a CA that does not know the tag must not issue
 * @param tag in lower case
 * @param value one octet a character
 */
record CaaProperty(boolean critical, String tag, String value) {
  private static final int ISSUER_CRITICAL = 0x80;

  static CaaProperty of(CAARecord read) {
    return new CaaProperty(
        (read.getFlags() & ISSUER_CRITICAL) != 0,
        read.getTag().toLowerCase(Locale.ROOT),
        new String(read.getValueAsByteArray(), StandardCharsets.ISO_8859_1));
  }
}
