package dev.chancery.server;

/** A step that cannot be taken now: the message says what it waits for, with the numbers. */
final class TooEarly extends Exception {
  private static final long serialVersionUID = 1L;

  TooEarly(String message) {
    super(message);
  }
}
