package dev.chancery.acme;

import java.util.UUID;

/** Names one authorization; its text stands in the authorization's URL. */
record AuthorizationId(UUID value) {
  /**
   * Reads what {@link #toString} writes.
   *
   * @throws AcmeProblem not found, when the text is no id
   */
  static AuthorizationId parse(String text) throws AcmeProblem {
    return new AuthorizationId(Base64Url.decodeId(text));
  }

  @Override
  public String toString() {
    return Base64Url.encode(value);
  }
}
