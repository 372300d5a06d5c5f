package dev.chancery.hsm;

/**
 * The token or a key in it is not as configured: an operator must act, and trying again would not
 * help (a wrong PIN tried often enough locks the token). The message is one line that says what and
 * where, without the PIN.
 */
public sealed class TokenUnusable extends Exception permits PinRefused {
  private static final long serialVersionUID = 1L;

  public TokenUnusable(String message) {
    super(message);
  }

  public TokenUnusable(String message, Throwable cause) {
    super(message, cause);
  }
}
