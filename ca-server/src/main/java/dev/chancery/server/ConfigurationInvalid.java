package dev.chancery.server;

import java.nio.file.Path;

/**
 * Something that the operator wrote is wrong, and the start stops. The message is one line that
 * says where and what, without any secret.
 */
public final class ConfigurationInvalid extends Exception {
  private static final long serialVersionUID = 1L;

  public ConfigurationInvalid(String message) {
    super(message.replaceAll("\\s*[\\r\\n]+\\s*", " "));
  }

  /** The refusal of one line of a file; the first line has number 1. */
  public static ConfigurationInvalid at(Path file, int line, String reason) {
    return new ConfigurationInvalid(file + ":" + line + ": " + reason);
  }
}
