package dev.chancery.server.engine;

import dev.chancery.core.Profile;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;

/** A validity period in whole seconds; both ends belong to it (RFC 5280 section 4.1.2.5). */
record Period(Instant notBefore, Instant notAfter) {
  private static final Duration SECOND = Duration.ofSeconds(1);

  /**
   * The period of a certificate. Without a wish it begins a little in the past, lasts as long as
   * the profile says and is cut off where the issuer's own ends; a wish is granted exactly or not
   * at all.
   *
   * @throws Refused with {@link Reason#BAD_VALIDITY}, with the bounds that were not kept
   */
  static Period of(
      Optional<Instant> wishedNotBefore,
      Optional<Instant> wishedNotAfter,
      Profile.Validity rule,
      Period issuer,
      Instant time)
      throws Refused {
    Instant now = time.truncatedTo(ChronoUnit.SECONDS);
    if (now.isBefore(issuer.notBefore) || now.isAfter(issuer.notAfter)) {
      throw refused(
          "the issuer's own certificate is valid only from %s to %s",
          issuer.notBefore, issuer.notAfter);
    }
    Instant earliest = later(now.minus(rule.backdate()), issuer.notBefore);
    Instant notBefore = earliest;
    if (wishedNotBefore.isPresent()) {
      notBefore = wishedNotBefore.get().truncatedTo(ChronoUnit.SECONDS);
      Instant latest = earlier(now.plus(rule.longest()), issuer.notAfter);
      if (notBefore.isBefore(earliest) || notBefore.isAfter(latest)) {
        throw refused("notBefore must lie between %s and %s", earliest, latest);
      }
    }
    Instant longest = earlier(end(notBefore, rule.longest()), issuer.notAfter);
    Instant shortest = end(notBefore, rule.shortest());
    if (!shortest.isAfter(now)) {
      shortest = now.plus(SECOND);
    }
    Instant notAfter = earlier(end(notBefore, rule.standard()), longest);
    if (wishedNotAfter.isPresent()) {
      notAfter = wishedNotAfter.get().truncatedTo(ChronoUnit.SECONDS);
    }
    if (shortest.isAfter(longest)) {
      throw refused(
          "the issuer's own certificate ends at %s, which leaves less than the profile's shortest"
              + " lifetime from %s",
          issuer.notAfter, notBefore);
    }
    if (notAfter.isBefore(shortest) || notAfter.isAfter(longest)) {
      throw refused("notAfter must lie between %s and %s", shortest, longest);
    }
    return new Period(notBefore, notAfter);
  }

  /** How long the period is, its last second included. */
  Duration length() {
    return Duration.between(notBefore, notAfter).plus(SECOND);
  }

  boolean encloses(Period other) {
    return !other.notBefore.isBefore(notBefore) && !other.notAfter.isAfter(notAfter);
  }

  private static Instant end(Instant notBefore, Duration length) {
    return notBefore.plus(length).minus(SECOND).truncatedTo(ChronoUnit.SECONDS);
  }

  private static Instant later(Instant a, Instant b) {
    return a.isAfter(b) ? a : b;
  }

  private static Instant earlier(Instant a, Instant b) {
    return a.isBefore(b) ? a : b;
  }

  private static Refused refused(String format, Instant one, Instant other) {
    return new Refused(Reason.BAD_VALIDITY, String.format(format, one, other));
  }
}
