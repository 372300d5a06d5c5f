package dev.chancery.server.ceremony;

import dev.chancery.core.Cidr;
import dev.chancery.core.DnsName;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Refused;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.server.Durations;
import dev.chancery.server.profiles.BuiltInProfiles;
import java.math.BigInteger;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.Locale;

/** The values of a plan, out of their texts: each refuses what it does not know, and says why. */
final class PlanValues {
  private static final int LONGEST_NAME = 64 - PlanFile.REHEARSAL.length();

  private PlanValues() {}

  static String domain(String text) {
    // Refuses what is no host name, wildcards among it.
    String name = new DnsName(text.toLowerCase(Locale.ROOT)).value();
    if (name.startsWith("*")) {
      throw new IllegalArgumentException("a domain has no wildcard: " + text);
    }
    return name;
  }

  static String block(String text) {
    return Cidr.parse(text).toString();
  }

  static KeyAlgorithm algorithm(String text) {
    return KeyAlgorithm.named(text)
        .filter(BuiltInProfiles.CA_KEYS::contains)
        .orElseThrow(() ->
            new IllegalArgumentException(
                "not one of ec-p256, ec-p384, rsa-2048, rsa-3072, rsa-4096: " + text));
  }

  static SerialNumber serial(String text) {
    try {
      return SerialNumber.parse(text);
    } catch (Refused e) {
      throw new IllegalArgumentException("not a serial number in hexadecimal digits: " + text, e);
    }
  }

  static RevocationReason reason(String text) {
    return RevocationReason.named(text)
        // RFC 5280 section 5.3.1: the one is for delta CRLs alone, and what an offline root has
        // revoked nobody releases from a hold.
        .filter(reason ->
            reason != RevocationReason.REMOVE_FROM_CRL
                && reason != RevocationReason.CERTIFICATE_HOLD)
        .orElseThrow(() ->
            new IllegalArgumentException(
                "not a reason of RFC 5280 for which a root revokes: " + text));
  }

  static Instant instant(String text) {
    try {
      Instant instant = Instant.parse(text);
      if (instant.equals(instant.truncatedTo(ChronoUnit.SECONDS))) {
        return instant;
      }
    } catch (DateTimeParseException e) {
      // Refused below, in the words of the whole text.
    }
    throw new IllegalArgumentException("not a time such as 2026-11-30T09:00:00Z: " + text);
  }

  /** A length of time in whole seconds, as the times of a CRL are. */
  static Duration period(String text) {
    Duration period = Durations.parse(text);
    if (!period.equals(period.truncatedTo(ChronoUnit.SECONDS))) {
      throw new IllegalArgumentException("not a number of whole seconds: " + text);
    }
    return period;
  }

  static URI url(String text) {
    URI uri = URI.create(text);
    if (!"http".equals(uri.getScheme()) || uri.getHost() == null) {
      throw new IllegalArgumentException("not an http URL: " + text);
    }
    return uri;
  }

  static boolean truth(String text) {
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IllegalArgumentException("neither true nor false: " + text);
    };
  }

  static String noMarks(String text) {
    if (!text.equals(CeremonyMark.NONE)) {
      throw new IllegalArgumentException(
          "only none can stand here, for a token that keeps no data objects: " + text);
    }
    return text;
  }

  static int count(String text) {
    if (!text.matches("[0-9]{1,6}")) {
      throw new IllegalArgumentException("not a number from 0 to 999999: " + text);
    }
    return Integer.parseInt(text);
  }

  /** RFC 5280 section 5.2.3: up to 20 octets; 38 digits are what the ledgers take. */
  static BigInteger crlNumber(String text) {
    if (!text.matches("[0-9]{1,38}")) {
      throw new IllegalArgumentException("not a number of 1 to 38 digits: " + text);
    }
    return new BigInteger(text);
  }

  static String word(String text) {
    if (!text.matches("[a-z0-9][a-z0-9-]{0,39}")) {
      throw new IllegalArgumentException(
          "a name is 1 to 40 lower-case letters, digits and hyphens: " + text);
    }
    return text;
  }

  static String fileName(String text) {
    if (!Folder.isName(text) || text.equals(CeremonyPlan.FILE)) {
      throw new IllegalArgumentException("not the plain name of a file beside the plan: " + text);
    }
    return text;
  }

  static String sha256(String text) {
    if (!text.matches("[0-9a-f]{64}")) {
      throw new IllegalArgumentException(
          "not a SHA-256 digest as sha256sum writes it, 64 hexadecimal digits: " + text);
    }
    return text;
  }

  static String nameValue(String text) {
    if (text.isBlank() || text.length() > LONGEST_NAME) {
      throw new IllegalArgumentException(
          "a value has 1 to " + LONGEST_NAME + " characters, so that REHEARSAL fits before it");
    }
    return text;
  }
}
