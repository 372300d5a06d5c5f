package dev.chancery.kubernetes;

import dev.chancery.core.IssuerId;
import dev.chancery.core.ProfileId;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What certificates a role is for, within what the profile allows.
 *
 * @param standard how long they live when the request does not say; the profile's, when empty
 * @param longest how long they live at most: a longer wish is cut; the profile's, when empty
 * @param authority whether they are CAs'
 * @param pathLength of CAs, how many may stand below one at most; the profile's, when empty
 */
public record RolePolicy(
    IssuerId issuer,
    ProfileId profile,
    NameRules names,
    Optional<Duration> standard,
    Optional<Duration> longest,
    boolean authority,
    OptionalInt pathLength) {
  /**
   * @throws IllegalArgumentException when these contradict each other
   */
  public RolePolicy {
    if (standard.filter(d -> d.toSeconds() < 1).isPresent()
        || longest.filter(d -> d.toSeconds() < 1).isPresent()
        || (standard.isPresent()
            && longest.isPresent()
            && standard.get().compareTo(longest.get()) > 0)) {
      throw new IllegalArgumentException(
          "lifetimes are a second at least, and the standard one is not above the longest");
    }
    if (pathLength.isPresent() && (!authority || pathLength.getAsInt() < 0)) {
      throw new IllegalArgumentException("a path length is for CAs, and not negative");
    }
    if (!authority && names.allow().isEmpty()) {
      throw new IllegalArgumentException("a role that allows no name is of no use");
    }
  }
}
