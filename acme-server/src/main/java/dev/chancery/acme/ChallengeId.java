package dev.chancery.acme;

import java.util.UUID;

/** Names one challenge; its text stands in the challenge's URL. */
record ChallengeId(UUID value) {
  /**
   * Reads what {@link #toString} writes.
   *
   * @throws AcmeProblem not found, when the text is no id
   */
  static ChallengeId parse(String text) throws AcmeProblem {
    return new ChallengeId(Base64Url.decodeId(text));
  }

  @Override
  public String toString() {
    return Base64Url.encode(value);
  }
}
