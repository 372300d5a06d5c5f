package dev.chancery.hsm;

import dev.chancery.testing.SoftHsmToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/** A SoftHSM2 token of a test's own, with a label that no earlier run has left behind. */
final class FreshToken {
  static final Map<String, String> ENVIRONMENT =
      Map.of("SOFTHSM2_CONF", System.getenv("SOFTHSM2_CONF"));

  private FreshToken() {}

  /** A label that no token has. */
  static String label(String name) {
    return name + "-" + HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
  }

  /**
   * The module in a copy that keeps a state of its own: SoftHSM2 sees no token that was made after
   * it was loaded.
   */
  static Path module(Path folder) throws IOException {
    Path copy = folder.resolve("libsofthsm2.so");
    return Files.exists(copy)
        ? copy
        : Files.copy(SoftHsmToken.installedLibrary().toRealPath(), copy);
  }

  static Pkcs11Settings create(Path folder, String name) throws IOException {
    return settings(folder, SoftHsmToken.create(folder, label(name)));
  }

  /** A token in this process. */
  static Pkcs11Settings settings(Path folder, SoftHsmToken token) throws IOException {
    return new Pkcs11Settings(
        module(folder),
        Optional.of(token.label()),
        Optional.empty(),
        token.pinFile(),
        2,
        Duration.ofSeconds(20),
        Pkcs11Settings.Place.PROCESS,
        ENVIRONMENT);
  }
}
