package dev.chancery.e2e;

import dev.chancery.testing.SoftHsmToken;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** OpenSC's view of a token. */
final class Pkcs11Tool {
  private Pkcs11Tool() {}

  /**
   * Runs pkcs11-tool, logged in.
   *
   * @param environment with SOFTHSM2_CONF, and the PIN in PIN
   */
  static CommandResult of(
      Path folder, Map<String, String> environment, String label, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("pkcs11-tool", "--module"));
    command.add(SoftHsmToken.installedLibrary().toString());
    command.addAll(List.of("--token-label", label, "--login", "--pin", "env:PIN"));
    command.addAll(List.of(arguments));
    return CommandResult.of(folder, environment, command.toArray(String[]::new));
  }
}
