package dev.chancery.e2e;

import dev.chancery.testing.SoftHsmToken;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** OpenSC's view of a token. */
final class Pkcs11Tool {
  private static final Pattern SLOT =
      Pattern.compile("Slot \\d+ \\((0x[0-9a-f]+)\\).*\\R +token label +: (.*)");

  private Pkcs11Tool() {}

  /**
   * Runs pkcs11-tool, logged in.
   *
   * @param environment with SOFTHSM2_CONF, and the PIN in PIN
   */
  static CommandResult of(
      Path folder, Map<String, String> environment, String label, String... arguments)
      throws IOException, InterruptedException {
    String slot = slot(folder, environment, label);
    return run(
        folder,
        environment,
        Stream.concat(
            Stream.of("--slot", slot, "--login", "--pin", "env:PIN"), Stream.of(arguments)));
  }

  /** Not --token-label, which is content with a label that begins so. */
  private static String slot(Path folder, Map<String, String> environment, String label)
      throws IOException, InterruptedException {
    String slots = run(folder, environment, Stream.of("--list-slots")).requireDone();
    return SLOT.matcher(slots)
        .results()
        .filter(found -> found.group(2).strip().equals(label))
        .map(found -> found.group(1))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no token " + label + " in " + slots));
  }

  private static CommandResult run(
      Path folder, Map<String, String> environment, Stream<String> arguments)
      throws IOException, InterruptedException {
    String module = SoftHsmToken.installedLibrary().toString();
    return CommandResult.of(
        folder,
        environment,
        Stream.concat(Stream.of("pkcs11-tool", "--module", module), arguments)
            .toArray(String[]::new));
  }
}
