package dev.chancery.store;

/**
 * A database that this server cannot start with. The message is one line for the operator: what is
 * wrong, and where.
 */
public final class DatabaseUnusable extends Exception {
  private static final long serialVersionUID = 1L;

  DatabaseUnusable(String message) {
    super(message);
  }

  DatabaseUnusable(String message, Throwable cause) {
    super(message, cause);
  }
}
