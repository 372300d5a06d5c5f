package dev.chancery.kubernetes;

import java.util.Optional;
import java.util.regex.Pattern;

/** A role's name; it stands in URLs. */
public record RoleName(String value) {
  private static final Pattern FORM = Pattern.compile("[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?");

  /**
   * @throws IllegalArgumentException when it is not in the form
   */
  public RoleName {
    if (!FORM.matcher(value).matches()) {
      throw new IllegalArgumentException(
          "a role's name is 1 to 63 of a-z, 0-9 and inner hyphens, dots and underscores");
    }
  }

  /** Reads a name from outside; empty when it is none, and so no role's. */
  static Optional<RoleName> parse(String text) {
    return FORM.matcher(text).matches() ? Optional.of(new RoleName(text)) : Optional.empty();
  }

  @Override
  public String toString() {
    return value;
  }
}
