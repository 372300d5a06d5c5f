package dev.chancery.store;

import org.jspecify.annotations.Nullable;

/**
 * The database does not answer, or has no connection or lock to give in time: an outage, not an
 * error of the request. Whether the work at hand was committed is not known; the moves of the
 * ledgers are compare-and-sets, so it can be asked for again.
 */
public final class DatabaseAway extends RuntimeException {
  private static final long serialVersionUID = 1L;

  DatabaseAway(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
