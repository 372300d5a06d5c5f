package dev.chancery.server.ceremony;

import org.jspecify.annotations.Nullable;

/** A ceremony does not go on; the message is one line that says why. Nothing was signed for it. */
public final class CeremonyRefused extends Exception {
  private static final long serialVersionUID = 1L;

  public CeremonyRefused(@Nullable String message) {
    super(String.valueOf(message).replaceAll("\\s*\\R\\s*", "; "));
  }
}
