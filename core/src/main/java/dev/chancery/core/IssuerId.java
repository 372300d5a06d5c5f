package dev.chancery.core;

import java.util.regex.Pattern;

/** The operator's name for an issuing CA; it stands in URLs, so it is a short lower-case word. */
public record IssuerId(String value) implements Comparable<IssuerId> {
  private static final Pattern FORM = Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");

  public IssuerId {
    if (!FORM.matcher(value).matches()) {
      throw new IllegalArgumentException(
          "not an issuer name (1 to 63 of a-z, 0-9 and inner hyphens): " + value);
    }
  }

  @Override
  public int compareTo(IssuerId other) {
    return value.compareTo(other.value);
  }

  @Override
  public String toString() {
    return value;
  }
}
