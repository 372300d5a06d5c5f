package dev.chancery.core;

import java.util.regex.Pattern;

/** The name of a profile, as operators and ACME clients (draft-ietf-acme-profiles) write it. */
public record ProfileId(String value) implements Comparable<ProfileId> {
  private static final Pattern FORM = Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");

  public ProfileId {
    if (!FORM.matcher(value).matches()) {
      throw new IllegalArgumentException(
          "not a profile name (1 to 63 of a-z, 0-9 and inner hyphens): " + value);
    }
  }

  @Override
  public int compareTo(ProfileId other) {
    return value.compareTo(other.value);
  }

  @Override
  public String toString() {
    return value;
  }
}
