package dev.chancery.server;

import dev.chancery.core.Profile;
import dev.chancery.core.ProfileId;
import dev.chancery.server.profiles.ProfileFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/** The configuration of a new home. */
final class FirstConfiguration {
  private static final List<String> PROFILES =
      List.of("tls-server", "tls-client", "tls-server-client", "short-lived", "intermediate-ca");
  private static final List<Path> LIBRARIES =
      List.of(
          Path.of("/usr/lib/softhsm/libsofthsm2.so"),
          Path.of("/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"),
          Path.of("/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"),
          Path.of("/usr/lib64/softhsm/libsofthsm2.so"),
          Path.of("/usr/local/lib/softhsm/libsofthsm2.so"));

  private final Home home;
  private final SecureRandom random;

  FirstConfiguration(Home home, SecureRandom random) {
    this.home = home;
    this.random = random;
  }

  /** Refuses a configuration that does not go with the profiles that the home has or will have. */
  void requireProfiles(Configuration configuration) throws ConfigurationInvalid {
    Path folder = profiles();
    if (Files.isDirectory(folder) || !home.resolve(configuration.profiles()).equals(folder)) {
      configuration.profiles(home);
      return;
    }
    Map<ProfileId, Profile> shipped = new HashMap<>();
    for (String name : PROFILES) {
      ProfileId id = new ProfileId(name);
      Path file = folder.resolve(name + ".yaml");
      shipped.put(id, ProfileFiles.profile(id, YamlSection.ofText(file, shipped(name), Map.of())));
    }
    configuration.requireForOrders(shipped);
  }

  private Path profiles() {
    return home.directory().resolve("profiles");
  }

  /** Copies the profiles that come with the product, unless the home has profiles. */
  void writeProfiles() throws ConfigurationInvalid {
    Path folder = profiles();
    if (Files.isDirectory(folder)) {
      return;
    }
    Path fresh = home.privateDirectory("profiles.new");
    for (String name : PROFILES) {
      Home.writePrivate(fresh.resolve(name + ".yaml"), shipped(name));
    }
    try {
      // Whole or not at all: a run that is interrupted here is repeated by the next.
      Files.move(fresh, folder);
    } catch (IOException e) {
      throw new ConfigurationInvalid(folder + ": cannot be made: " + e.getMessage());
    }
  }

  /** For a SoftHSM2 token that scripts/softhsm-init.sh made in the home's folder token. */
  String forToken() throws ConfigurationInvalid {
    Path library =
        LIBRARIES.stream()
            .filter(Files::exists)
            .findFirst()
            .orElseThrow(() ->
                new ConfigurationInvalid(
                    "SoftHSM2 is not installed (apt-get install softhsm2); for another"
                        + " token write "
                        + home.configurationFile()
                        + " before init"));
    return text(
        """
        token:
          library: %s
          label: chancery
          pinFile: token/chancery.pin
          environment: {SOFTHSM2_CONF: token/softhsm2.conf}
        """
            .formatted(library));
  }

  /** For encrypted files in the home's folder token. */
  String forKeyStore() {
    return text(
        """
        # For development only: these keys are in files, not in a token.
        token:
          kind: pkcs12
          file: token/chancery.p12
          pinFile: token/chancery.pin
        """);
  }

  /** The passwords of those files. */
  void writePasswords(Path rootPasswordFile) throws ConfigurationInvalid {
    home.privateDirectory("token");
    writePassword(home.resolve(Path.of("token/chancery.pin")));
    writePassword(home.resolve(rootPasswordFile));
  }

  private String text(String token) {
    return """
    # Made by chancery init. The reference, with every key and its default, is
    # config/chancery.yaml of the distribution.

    %s
    roots: [root.pem]
    issuers:
      - name: issuing
        certificate: ca/issuing.pem
        keyId: "%s"
        ocspKeyId: "%s"

    acme:
      endpoints:
        default: {issuer: issuing, profile: tls-server}
    """
        .formatted(token, keyId("issuing"), keyId("ocsp"));
  }

  /** An id of printable characters, which every PKCS #11 tool shows and takes. */
  private String keyId(String purpose) {
    byte[] suffix = new byte[4];
    random.nextBytes(suffix);
    String text = purpose + "-" + HexFormat.of().formatHex(suffix);
    return HexFormat.of().formatHex(text.getBytes(StandardCharsets.US_ASCII));
  }

  private void writePassword(Path file) throws ConfigurationInvalid {
    byte[] secret = new byte[24];
    random.nextBytes(secret);
    if (!Files.exists(file)) {
      Home.writePrivate(file, HexFormat.of().formatHex(secret) + "\n");
    }
  }

  private static String shipped(String profile) {
    try (InputStream file =
        FirstConfiguration.class.getResourceAsStream("/config/profiles/" + profile + ".yaml")) {
      if (file == null) {
        throw new IllegalStateException("profile " + profile + " is not in the jar");
      }
      return new String(file.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new IllegalStateException("profile " + profile + " cannot be read", e);
    }
  }
}
