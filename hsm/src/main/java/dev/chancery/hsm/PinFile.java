package dev.chancery.hsm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Where the PIN comes from, and whether the one in it was refused: it must not be tried twice. */
final class PinFile {
  private static final String UNREADABLE = "unreadable";

  private final Path file;
  private @Nullable Refusal refusal;

  /** A PIN that the token did not take, by its file. */
  private record Refusal(String fingerprint, String why) {}

  PinFile(Path file) {
    this.file = file;
  }

  SecretFile read() throws TokenUnusable {
    return SecretFile.read("PIN", file);
  }

  /** What tells this content from another; read before the content, so that a new one is new. */
  String fingerprint() {
    try {
      return Files.getLastModifiedTime(file) + " " + Files.size(file);
    } catch (IOException e) {
      return UNREADABLE;
    }
  }

  synchronized void refused(String fingerprint, String why) {
    refusal = new Refusal(fingerprint, why);
  }

  /** Why the PIN that is in the file was refused; empty when it has not been tried yet. */
  synchronized Optional<String> refusal() {
    Refusal last = refusal;
    if (last == null) {
      return Optional.empty();
    }
    String now = fingerprint();
    if (now.equals(last.fingerprint()) || now.equals(UNREADABLE)) {
      return Optional.of(last.why());
    }
    refusal = null;
    return Optional.empty();
  }
}
