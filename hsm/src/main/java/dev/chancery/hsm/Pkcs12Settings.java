package dev.chancery.hsm;

import java.nio.file.Path;
import java.time.Duration;

/**
 * Where a file token is, for machines without a PKCS #11 module.
 *
 * @param file the encrypted PKCS #12 file; the first key that is made creates it
 * @param passwordFile holds the password, with or without a line end
 * @param signingThreads how many signatures may be made at once
 * @param signingTimeLimit how long a caller waits for a signature, the wait for a thread included
 */
public record Pkcs12Settings(
    Path file, Path passwordFile, int signingThreads, Duration signingTimeLimit) {
  public Pkcs12Settings {
    if (!file.isAbsolute()) {
      throw new IllegalArgumentException("the key file must be an absolute path, not " + file);
    }
    TokenThreads.check(signingThreads, signingTimeLimit);
  }

  /** The token, for logs and error messages. */
  String description() {
    return "PKCS #12 file " + file;
  }
}
