package dev.chancery.acme;

import java.util.Optional;
import java.util.UUID;

/** The key identifier of a binding key, which a client sends as kid (RFC 8555 section 7.3.4). */
public record BindingKeyId(UUID value) {
  /** The id that a text names; nothing when it is none that this server gave out. */
  public static Optional<BindingKeyId> parse(String text) {
    try {
      return Optional.of(new BindingKeyId(Base64Url.decodeId(text)));
    } catch (AcmeProblem e) {
      return Optional.empty();
    }
  }

  @Override
  public String toString() {
    return Base64Url.encode(value);
  }
}
