package dev.chancery.core;

import java.util.UUID;

/**
 * Ties the certificates that the ledger records to the request that they were made for, so that
 * after a crash the one who asked can learn what came of it.
 */
public record RequestId(UUID value) {
  @Override
  public String toString() {
    return value.toString();
  }
}
