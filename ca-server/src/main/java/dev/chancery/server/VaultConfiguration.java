package dev.chancery.server;

import dev.chancery.kubernetes.ClusterSettings;
import dev.chancery.kubernetes.VaultSettings;
import dev.chancery.server.Configuration.VaultSection;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;

/** Reads the section vault of chancery.yaml. */
final class VaultConfiguration {
  private static final Duration SHORTEST_TOKEN = Duration.ofMinutes(1);
  private static final Duration LONGEST_TOKEN = Duration.ofHours(1);
  private static final Path ACCOUNT = Path.of("/var/run/secrets/kubernetes.io/serviceaccount");
  private static final VaultSection STANDARD =
      new VaultSection(
          false, "pki", Path.of("vault/token.key"), Duration.ofMinutes(5), false, 64, List.of());

  /** Clients of Vault wait a minute for an answer, and some of it is on the way. */
  static final Duration LONGEST_ANSWER = Duration.ofSeconds(55);

  private static final Duration LONGEST_PATIENCE = Duration.ofSeconds(40);

  private VaultConfiguration() {}

  /**
   * How long a request to sign begins anew in an outage: the last attempt may wait for each token
   * of an issuer as long as they are waited for, then for the database to complete the certificate,
   * and for it again to give the serial number up, and is answered in time.
   */
  static Duration signPatience(Configuration configuration) {
    Duration left =
        LONGEST_ANSWER
            .minus(longestSignature(configuration))
            .minus(Databases.PATIENCE.multipliedBy(2));
    return left.isNegative()
        ? Duration.ZERO
        : left.compareTo(LONGEST_PATIENCE) < 0 ? left : LONGEST_PATIENCE;
  }

  /** After how long whoever has not issued is taken for dead. */
  static Duration longestIssuance(Configuration configuration) {
    return longestSignature(configuration).plus(Databases.PATIENCE);
  }

  /** An issuer's tokens are asked one after the other. */
  private static Duration longestSignature(Configuration configuration) {
    return configuration.issuers().stream()
        .map(issuer ->
            issuer.tokens().stream()
                .map(name -> Objects.requireNonNull(configuration.tokens().get(name)).timeout())
                .reduce(Duration.ZERO, Duration::plus))
        .max(Comparator.naturalOrder())
        .orElse(Duration.ZERO);
  }

  static VaultSection read(Optional<YamlSection> given) throws ConfigurationInvalid {
    if (given.isEmpty()) {
      return STANDARD;
    }
    YamlSection section = given.get();
    VaultSection vault =
        new VaultSection(
            section.optional("enabled", ConfigurationValues::truth).orElse(STANDARD.enabled()),
            section.optional("mount", VaultConfiguration::mount).orElse(STANDARD.mount()),
            section.optional("tokenKeyFile", Path::of).orElse(STANDARD.tokenKeyFile()),
            section
                .optional("tokenLifetime", VaultConfiguration::tokenLifetime)
                .orElse(STANDARD.tokenLifetime()),
            section
                .optional("certificateLogin", ConfigurationValues::truth)
                .orElse(STANDARD.certificateLogin()),
            section
                .optional("mostLogins", text -> ConfigurationValues.number(text, 1, 10_000))
                .orElse(STANDARD.mostLogins()),
            clusters(section.section("clusters")));
    section.end();
    return vault;
  }

  private static List<ClusterSettings> clusters(Optional<YamlSection> section)
      throws ConfigurationInvalid {
    List<ClusterSettings> clusters = new ArrayList<>();
    if (section.isPresent()) {
      for (String name : section.get().keys()) {
        clusters.add(cluster(name, section.get().requiredSection(name)));
      }
      section.get().end();
    }
    return List.copyOf(clusters);
  }

  /** Either its API server is asked, or its keys are known. */
  private static ClusterSettings cluster(String name, YamlSection section)
      throws ConfigurationInvalid {
    Optional<URI> server = section.optional("server", VaultConfiguration::httpsUrl);
    Optional<Path> tokenFile = section.optional("tokenFile", Path::of);
    Optional<String> issuer = section.optional("issuer", Function.identity());
    Optional<URI> jwksUrl = section.optional("jwksUrl", VaultConfiguration::httpsUrl);
    Optional<Path> jwksFile = section.optional("jwksFile", Path::of);
    Optional<Path> roots = section.optional("caFile", Path::of);
    section.end();
    boolean byKeys = issuer.isPresent();
    if (byKeys == server.isPresent()) {
      throw section.refused("one of server (TokenReview) and issuer (offline) is needed");
    }
    if (!byKeys && (jwksUrl.isPresent() || jwksFile.isPresent())) {
      throw section.refused("jwksUrl and jwksFile are for issuer");
    }
    try {
      if (byKeys) {
        return new ClusterSettings(
            name,
            new ClusterSettings.ByKeys(
                issuer.get(), new ClusterSettings.Keys(jwksUrl, tokenFile, jwksFile)),
            roots);
      }
      return new ClusterSettings(
          name,
          new ClusterSettings.ByReview(server.get(), tokenFile.orElse(ACCOUNT.resolve("token"))),
          Optional.of(roots.orElse(ACCOUNT.resolve("ca.crt"))));
    } catch (IllegalArgumentException e) {
      throw section.refused(String.valueOf(e.getMessage()));
    }
  }

  private static String mount(String text) {
    VaultSettings.requireMount(text);
    return text;
  }

  private static Duration tokenLifetime(String text) {
    Duration lifetime = Durations.parse(text);
    if (lifetime.compareTo(SHORTEST_TOKEN) < 0 || lifetime.compareTo(LONGEST_TOKEN) > 0) {
      throw new IllegalArgumentException("from 1m to 1h, not " + text);
    }
    return lifetime;
  }

  /** Whoever could stand between would log in as any service account. */
  private static URI httpsUrl(String text) {
    URI uri = URI.create(text);
    if (uri.getHost() == null || !"https".equals(uri.getScheme())) {
      throw new IllegalArgumentException("an https URL, not " + text);
    }
    return uri;
  }
}
