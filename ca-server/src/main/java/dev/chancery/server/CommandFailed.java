package dev.chancery.server;

/** A command was understood and could not be done; the message is one line that says why. */
final class CommandFailed extends Exception {
  private static final long serialVersionUID = 1L;

  CommandFailed(String message) {
    super(message, null, false, false);
  }
}
