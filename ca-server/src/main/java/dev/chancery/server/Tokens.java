package dev.chancery.server;

import dev.chancery.core.TokenAway;
import dev.chancery.hsm.Pkcs11Settings;
import dev.chancery.hsm.Pkcs11Token;
import dev.chancery.hsm.Pkcs12Settings;
import dev.chancery.hsm.Pkcs12Token;
import dev.chancery.hsm.Token;
import dev.chancery.hsm.TokenUnusable;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Opens tokens as the configuration describes them. */
final class Tokens {
  private Tokens() {}

  /** The online token. */
  static Token open(Home home, Configuration.TokenSection section, SecureRandom random)
      throws ConfigurationInvalid, TokenUnusable, TokenAway {
    return open(
        home,
        section,
        section.label(),
        section.serial(),
        section.file(),
        section.pinFile(),
        random);
  }

  /**
   * Another token of the same kind and library, such as the one that holds the root.
   *
   * @param label the token's label; of a PKCS #12 file, its name beside the online one
   */
  static Token openSibling(
      Home home,
      Configuration.TokenSection section,
      String label,
      Path pinFile,
      SecureRandom random)
      throws ConfigurationInvalid, TokenUnusable, TokenAway {
    Optional<Path> file = section.file().map(online -> online.resolveSibling(label + ".p12"));
    return open(home, section, Optional.of(label), Optional.empty(), file, pinFile, random);
  }

  private static Token open(
      Home home,
      Configuration.TokenSection section,
      Optional<String> label,
      Optional<String> serial,
      Optional<Path> file,
      Path pinFile,
      SecureRandom random)
      throws ConfigurationInvalid, TokenUnusable, TokenAway {
    try {
      return switch (section.kind()) {
        case PKCS11 ->
            Pkcs11Token.open(
                new Pkcs11Settings(
                    section.library().orElseThrow(),
                    label,
                    serial,
                    home.resolve(pinFile),
                    section.threads(),
                    section.timeout(),
                    environment(home, section.environment())));
        case PKCS12 ->
            Pkcs12Token.open(
                new Pkcs12Settings(
                    home.resolve(file.orElseThrow()),
                    home.resolve(pinFile),
                    section.threads(),
                    section.timeout()),
                random);
      };
    } catch (IllegalArgumentException e) {
      throw new ConfigurationInvalid(home.configurationFile() + ": token: " + e.getMessage());
    }
  }

  /** SoftHSM2 reads a path from the environment; in a home it is relative to the home. */
  static Map<String, String> environment(Home home, Map<String, String> configured) {
    return configured.entrySet().stream()
        .collect(
            Collectors.toMap(
                Map.Entry::getKey,
                entry ->
                    entry.getKey().equals("SOFTHSM2_CONF")
                        ? home.resolve(Path.of(entry.getValue())).toString()
                        : entry.getValue()));
  }
}
