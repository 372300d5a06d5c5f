package dev.chancery.acme;

import java.util.UUID;

/** Names one order; its text stands in the order's URL. */
record OrderId(UUID value) {
  /**
   * Reads what {@link #toString} writes.
   *
   * @throws AcmeProblem not found, when the text is no id
   */
  static OrderId parse(String text) throws AcmeProblem {
    return new OrderId(Base64Url.decodeId(text));
  }

  @Override
  public String toString() {
    return Base64Url.encode(value);
  }
}
