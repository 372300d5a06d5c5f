package dev.chancery.core;

/**
 * A request that will not be granted, however often it is repeated; nothing was changed. The
 * message is written for the requester and names what was wrong, never how this server is built.
 */
public final class Refused extends Exception {
  private static final long serialVersionUID = 1L;

  private final Reason reason;

  public Refused(Reason reason, String message) {
    super(message, null, false, false);
    this.reason = reason;
  }

  public Reason reason() {
    return reason;
  }
}
