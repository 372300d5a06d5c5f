package dev.chancery.core;

/**
 * The token that holds a key does not answer, or not in time: an outage, not an error of the
 * request. The same request can succeed later.
 */
public final class TokenAway extends Exception {
  private static final long serialVersionUID = 1L;

  public TokenAway(String message) {
    super(message);
  }

  public TokenAway(String message, Throwable cause) {
    super(message, cause);
  }
}
