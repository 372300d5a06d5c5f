package dev.chancery.server;

/** The options of a command do not go together; ends it as any other wrong usage does. */
final class WrongUsage extends Exception {
  private static final long serialVersionUID = 1L;

  WrongUsage(String message) {
    super(message, null, false, false);
  }
}
