package dev.chancery.kubernetes;

import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;

/** Tells a role from all others, also from a later one of its name; it is its AppRole role_id. */
public record RoleId(UUID value) {
  private static final Pattern FORM =
      Pattern.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");

  /** Reads what {@link #toString} writes; empty when the text is anything else. */
  public static Optional<RoleId> parse(String text) {
    return FORM.matcher(text).matches()
        ? Optional.of(new RoleId(UUID.fromString(text)))
        : Optional.empty();
  }

  @Override
  public String toString() {
    return value.toString();
  }
}
