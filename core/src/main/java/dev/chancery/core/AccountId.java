package dev.chancery.core;

import java.util.UUID;

/** The account on whose behalf a certificate is made. */
public record AccountId(UUID value) {
  @Override
  public String toString() {
    return value.toString();
  }
}
