package dev.chancery.acme;

import dev.chancery.core.Name;
import dev.chancery.core.ProfileId;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;

/**
 * What the accounts that are bound by a key may do. It is fixed when the key is made: who wants
 * another policy makes another key.
 *
 * @param preauthorized names that are authorized without a challenge
 * @param names names that may be ordered as well, each proven by a challenge; a name that is in
 *     neither list is refused
 * @param profiles the profiles of certificates; none listed means those of the endpoint
 * @param mostUses how many accounts the key binds; empty: any number
 * @param expires since when, in whole seconds, it binds none, and those that it has bound get no
 *     orders
 */
public record BindingPolicy(
    List<NamePattern> preauthorized,
    List<NamePattern> names,
    List<ProfileId> profiles,
    Optional<Integer> mostUses,
    Optional<Instant> expires) {
  /** The most entries of a list. */
  public static final int LONGEST_LIST = 100;

  private static final int LARGEST_NUMBER = 1_000_000;

  public BindingPolicy {
    preauthorized = List.copyOf(preauthorized);
    names = List.copyOf(names);
    profiles = List.copyOf(profiles);
    // What the database keeps is compared with what it was told.
    expires = expires.map(end -> end.truncatedTo(ChronoUnit.SECONDS));
    if (preauthorized.isEmpty() && names.isEmpty()) {
      throw new IllegalArgumentException("a binding key must allow some names");
    }
    for (List<?> list : List.of(preauthorized, names, profiles)) {
      if (list.size() > LONGEST_LIST) {
        throw new IllegalArgumentException(
            "a binding key has at most " + LONGEST_LIST + " entries in each of its lists");
      }
    }
    if (mostUses.isPresent() && (mostUses.get() < 1 || mostUses.get() > LARGEST_NUMBER)) {
      throw new IllegalArgumentException(
          "a binding key has 1 to " + LARGEST_NUMBER + " uses, or any number");
    }
  }

  boolean preauthorizes(Name name) {
    return preauthorized.stream().anyMatch(pattern -> pattern.covers(name));
  }

  boolean allows(Name name) {
    return preauthorizes(name) || names.stream().anyMatch(pattern -> pattern.covers(name));
  }

  boolean allows(ProfileId profile) {
    return profiles.isEmpty() || profiles.contains(profile);
  }
}
