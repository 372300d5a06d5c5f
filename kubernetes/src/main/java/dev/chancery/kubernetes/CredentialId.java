package dev.chancery.kubernetes;

import java.util.Optional;
import java.util.UUID;

/** Names a secret id or a static token without giving it away. */
public record CredentialId(UUID value) {
  /** Reads what {@link #toString} writes; empty when the text is anything else. */
  public static Optional<CredentialId> parse(String text) {
    return RoleId.parse(text).map(id -> new CredentialId(id.value()));
  }

  @Override
  public String toString() {
    return value.toString();
  }
}
