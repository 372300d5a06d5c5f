package dev.chancery.kubernetes;

import dev.chancery.core.Profile;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;

/**
 * When a certificate is to end. A wish for more than there can be is cut and not refused: clients
 * renew by the life that a certificate has, and take a refusal for final.
 *
 * @param notAfter empty when the request and the role leave it to the profile
 * @param warning what the requester is told of a wish that was cut
 */
record Lifetime(Optional<Instant> notAfter, Optional<String> warning) {

  /**
   * Decides on it.
   *
   * @param issuerEnd when the issuer's own certificate ends
   */
  static Lifetime of(
      Optional<Duration> asked,
      RolePolicy policy,
      Profile.Validity rule,
      Instant issuerEnd,
      Instant time) {
    Instant now = time.truncatedTo(ChronoUnit.SECONDS);
    // The profile counts from notBefore, and the last second belongs to the period.
    Instant end = now.minus(rule.backdate()).plus(rule.longest()).minusSeconds(1);
    Optional<Instant> roleEnd = policy.longest().map(now::plus);
    if (roleEnd.isPresent() && roleEnd.get().isBefore(end)) {
      end = roleEnd.get();
    }
    if (issuerEnd.isBefore(end)) {
      end = issuerEnd;
    }
    Instant latest = end.truncatedTo(ChronoUnit.SECONDS);
    if (asked.isPresent()) {
      Instant wished = wished(now, asked.get());
      return wished.isAfter(latest)
          ? new Lifetime(
              Optional.of(latest),
              Optional.of(
                  "the lifetime that was asked for is longer than role and issuer allow; the"
                      + " certificate ends at "
                      + latest))
          : new Lifetime(Optional.of(wished), Optional.empty());
    }
    Optional<Instant> standard = policy.standard().map(length -> wished(now, length));
    if (standard.isEmpty() && roleEnd.isPresent()) {
      // The profile's standard could be longer than the role allows.
      standard = Optional.of(now.minus(rule.backdate()).plus(rule.standard()).minusSeconds(1));
    }
    return new Lifetime(
        standard.map(wish -> wish.isAfter(latest) ? latest : wish), Optional.empty());
  }

  /** A lifetime of centuries must not leave the range of what can be computed with. */
  private static Instant wished(Instant now, Duration length) {
    Duration most = Duration.ofDays(200L * 366);
    return now.plus(length.compareTo(most) > 0 ? most : length).truncatedTo(ChronoUnit.SECONDS);
  }
}
