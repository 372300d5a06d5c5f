package dev.chancery.hsm;

/** The token does not take the PIN. It must not be tried again before somebody has acted. */
final class PinRefused extends TokenUnusable {
  private static final long serialVersionUID = 1L;

  PinRefused(String message) {
    super(message);
  }

  PinRefused(String message, Throwable cause) {
    super(message, cause);
  }
}
