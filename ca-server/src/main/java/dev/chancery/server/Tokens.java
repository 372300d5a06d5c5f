package dev.chancery.server;

import dev.chancery.core.TokenAway;
import dev.chancery.hsm.Pkcs11Settings;
import dev.chancery.hsm.Pkcs11Token;
import dev.chancery.hsm.Pkcs12Settings;
import dev.chancery.hsm.Pkcs12Token;
import dev.chancery.hsm.Token;
import dev.chancery.hsm.TokenObserver;
import dev.chancery.hsm.TokenUnusable;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Opens tokens as the configuration describes them. */
final class Tokens {
  private Tokens() {}

  /** One of the online tokens. */
  static Token open(
      Home home, Configuration.TokenSection section, SecureRandom random, TokenObserver observer)
      throws ConfigurationInvalid, TokenUnusable, TokenAway {
    return switch (section.kind()) {
      case PKCS11 -> Pkcs11Token.open(settings(home, section), observer);
      case PKCS12 -> open(home, section, section.file().orElseThrow(), section.pinFile(), random);
    };
  }

  /** One that others can stand in for until it is there. */
  static Token openWhenThere(Home home, Configuration.TokenSection section, TokenObserver observer)
      throws ConfigurationInvalid, TokenUnusable {
    if (section.kind() != Configuration.TokenKind.PKCS11) {
      throw new ConfigurationInvalid(
          home.configurationFile()
              + ": tokens: only tokens of kind pkcs11 can stand in for each other");
    }
    return Pkcs11Token.openWhenThere(settings(home, section), observer);
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
    return switch (section.kind()) {
      case PKCS11 ->
          Pkcs11Token.open(
              settings(home, section, Optional.of(label), Optional.empty(), pinFile),
              TokenObserver.NONE);
      case PKCS12 ->
          open(
              home,
              section,
              section.file().orElseThrow().resolveSibling(label + ".p12"),
              pinFile,
              random);
    };
  }

  private static Token open(
      Home home,
      Configuration.TokenSection section,
      Path file,
      Path passwordFile,
      SecureRandom random)
      throws ConfigurationInvalid, TokenUnusable {
    try {
      return Pkcs12Token.open(
          new Pkcs12Settings(
              home.resolve(file), home.resolve(passwordFile), section.threads(), section.timeout()),
          random);
    } catch (IllegalArgumentException e) {
      throw new ConfigurationInvalid(home.configurationFile() + ": token: " + e.getMessage());
    }
  }

  private static Pkcs11Settings settings(Home home, Configuration.TokenSection section)
      throws ConfigurationInvalid {
    return settings(home, section, section.label(), section.serial(), section.pinFile());
  }

  private static Pkcs11Settings settings(
      Home home,
      Configuration.TokenSection section,
      Optional<String> label,
      Optional<String> serial,
      Path pinFile)
      throws ConfigurationInvalid {
    try {
      return new Pkcs11Settings(
          section.library().orElseThrow(),
          label,
          serial,
          home.resolve(pinFile),
          section.threads(),
          section.timeout(),
          section.place(),
          environment(home, section.environment()),
          section.initializeArguments());
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
