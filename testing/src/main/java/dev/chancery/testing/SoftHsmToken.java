package dev.chancery.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A SoftHSM2 token of a test's own, in the folder that this JVM's SOFTHSM2_CONF names.
 *
 * @param pinFile holds the user PIN
 */
public record SoftHsmToken(Path library, String label, Path pinFile) {
  public static final String PIN = "test-pin-1234";
  private static final String SECURITY_OFFICER_PIN = "test-so-pin-5678";
  private static final List<Path> LIBRARIES =
      List.of(
          Path.of("/usr/lib/softhsm/libsofthsm2.so"),
          Path.of("/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"),
          Path.of("/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"));

  /**
   * Initializes a token.
   *
   * @param folder where the PIN file may be put
   * @throws IllegalStateException when SoftHSM2 is not installed: scripts/test.sh installs it
   */
  public static SoftHsmToken create(Path folder, String label) {
    try {
      prepareConfiguration();
      Command.run(
          "softhsm2-util",
          "--init-token",
          "--free",
          "--label",
          label,
          "--pin",
          PIN,
          "--so-pin",
          SECURITY_OFFICER_PIN);
      Path pinFile = Files.writeString(folder.resolve(label + ".pin"), PIN + "\n");
      return new SoftHsmToken(installedLibrary(), label, pinFile);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot make a SoftHSM2 token", e);
    }
  }

  /** The SoftHSM2 library of this machine. */
  public static Path installedLibrary() {
    return LIBRARIES.stream()
        .filter(Files::exists)
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("SoftHSM2 is not installed"));
  }

  private static synchronized void prepareConfiguration() throws IOException {
    Path configuration = Path.of(System.getenv("SOFTHSM2_CONF"));
    Path tokens = configuration.resolveSibling("tokens");
    if (!Files.exists(configuration)) {
      Files.createDirectories(tokens);
      Files.writeString(
          configuration,
          "directories.tokendir = " + tokens + "\nobjectstore.backend = file\nlog.level = ERROR\n");
    }
  }
}
