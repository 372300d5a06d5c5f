package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.TokenAway;
import dev.chancery.testing.NssDatabase;
import dev.chancery.testing.P11KitServer;
import dev.chancery.testing.SoftHsmToken;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What keys are that the commands make, module by module: docs/token.md has it as a table. */
final class ModuleKeysTest {
  private static final Duration LIMIT = Duration.ofMinutes(2);
  private static final List<String> MORE_THAN_SIGN =
      List.of("sign recover", "decrypt", "unwrap", "derive");

  @TempDir private Path folder;

  @Test
  void softHsm2() throws Exception {
    assertRow("SoftHSM2 2.6", FreshToken.create(folder, "keys"));
  }

  @Test
  void softHsm2BehindP11Kit() throws Exception {
    SoftHsmToken softHsm = SoftHsmToken.create(folder, FreshToken.label("served-keys"));
    try (P11KitServer server = P11KitServer.start(folder, softHsm)) {
      assertRow(
          "SoftHSM2 2.6 behind p11-kit 0.24", ServedTokenTest.settings(server, softHsm, LIMIT));
    }
  }

  @Test
  void nss() throws Exception {
    assertRow("NSS 3.87", NssTokenTest.settings(NssDatabase.create(folder, "keys")));
  }

  static void assertRow(String name, Pkcs11Settings settings) throws Exception {
    // p11-kit's client has a state for each name that it is loaded by.
    Path library =
        settings.place() == Pkcs11Settings.Place.P11_KIT_SERVER
            ? P11KitServer.nextClient()
            : settings.library();
    TokenModule module =
        TokenModule.load(library, settings.environment(), settings.initializeArguments(), LIMIT);

    assertThat(Files.readAllLines(Path.of("../docs/token.md")))
        .filteredOn(line -> line.startsWith("| " + name + " |"))
        .containsExactly(row(name, module, settings));
  }

  private static String row(String name, TokenModule module, Pkcs11Settings settings)
      throws Exception {
    List<KeyCapability> capabilities = module.capabilities(settings.name());
    List<InspectedKey> keys = new ArrayList<>();
    boolean indestructible;
    try (TokenCeremony ceremony = module.open(settings.name(), settings.pinFile())) {
      for (KeyAlgorithm algorithm :
          capabilities.stream()
              .filter(KeyCapability::generates)
              .map(KeyCapability::algorithm)
              .distinct()
              .toList()) {
        keys.add(ceremony.generate(TokenContract.freshId(), algorithm, true));
      }
      indestructible = isMadeIndestructible(ceremony);
    }
    return "| "
        + String.join(
            " | ",
            name,
            String.join(", ", keys.stream().map(InspectedKey::algorithm).distinct().toList()),
            yes(
                capabilities.stream()
                    .filter(it -> it.scheme() == SigningScheme.RSA_PSS_SHA256 && it.generates())
                    .allMatch(KeyCapability::signs)),
            all(keys, "sensitive", List.of()),
            all(keys, "always sensitive", List.of()),
            all(keys, "never extractable", List.of("extractable")),
            all(keys, "sign", MORE_THAN_SIGN),
            yes(indestructible),
            findings(keys))
        + " |";
  }

  /** A module that keeps no such key says so, or fails and leaves nothing behind. */
  private static boolean isMadeIndestructible(TokenCeremony ceremony) throws Exception {
    KeyId id = TokenContract.freshId();
    try {
      ceremony.generate(id, KeyAlgorithm.EC_P256, false);
    } catch (TokenUnusable | TokenAway e) {
      assertThat(ceremony.keys(id)).isEmpty();
      return false;
    }
    try {
      ceremony.dangerDestroyForEver(id);
      return false;
    } catch (TokenUnusable e) {
      return true;
    }
  }

  private static String all(List<InspectedKey> keys, String attribute, List<String> without) {
    return yes(
        keys.stream()
            .map(InspectedKey::attributes)
            .allMatch(it -> it.contains(attribute) && without.stream().noneMatch(it::contains)));
  }

  private static String yes(boolean yes) {
    return yes ? "yes" : "no";
  }

  private static String findings(List<InspectedKey> keys) {
    Set<String> findings = new TreeSet<>();
    for (InspectedKey key : keys) {
      for (Finding finding : key.findings()) {
        findings.add(finding.level() + " " + finding.detail());
      }
    }
    return Optional.of(String.join("; ", findings)).filter(it -> !it.isEmpty()).orElse("nothing");
  }
}
