package dev.chancery.server;

import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuerId;
import dev.chancery.crl.CrlSettings;
import dev.chancery.crl.S3Target;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.Pkcs11Settings;
import dev.chancery.server.Configuration.CrlSection;
import dev.chancery.server.Configuration.DatabaseSection;
import dev.chancery.server.Configuration.ExternalUrls;
import dev.chancery.server.Configuration.ForeignSection;
import dev.chancery.server.Configuration.IssuerSection;
import dev.chancery.server.Configuration.ListenerSection;
import dev.chancery.server.Configuration.Listeners;
import dev.chancery.server.Configuration.ObjectStoreSection;
import dev.chancery.server.Configuration.OcspSection;
import dev.chancery.server.Configuration.RevocationSection;
import dev.chancery.server.Configuration.TokenKind;
import dev.chancery.server.Configuration.TokenSection;
import dev.chancery.store.DatabaseSettings;
import dev.chancery.store.DatabaseUnusable;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

/** Reads chancery.yaml: what each key means, its default, and what is refused. */
final class ConfigurationFile {
  private static final Duration LONGEST_TOKEN_TIMEOUT = Duration.ofSeconds(20);

  private ConfigurationFile() {}

  static Configuration read(Path file, Map<String, String> overrides) throws ConfigurationInvalid {
    return read(YamlSection.ofFile(file, overrides));
  }

  /** As {@link #read}, before the file is written with this text. */
  static Configuration future(Path file, String text, Map<String, String> overrides)
      throws ConfigurationInvalid {
    return read(YamlSection.ofText(file, text, overrides));
  }

  private static Configuration read(YamlSection root) throws ConfigurationInvalid {
    Map<String, TokenSection> tokens = tokens(root.sectionOrEmpty("tokens"));
    List<IssuerSection> issuers = issuers(root, tokens.keySet());
    Configuration configuration =
        new Configuration(
            listeners(root.sectionOrEmpty("listeners")),
            externalUrls(root.sectionOrEmpty("externalUrls")),
            database(root.sectionOrEmpty("database")),
            token(root.requiredSection("token")),
            tokens,
            root.list("roots", Path::of),
            issuers,
            root.optional("profiles", Path::of).orElse(Path.of("profiles")),
            root.list("blockedKeys", Path::of),
            AcmeConfiguration.read(root.requiredSection("acme"), issuers),
            VaultConfiguration.read(root.section("vault")),
            crl(root.sectionOrEmpty("crl")),
            ocsp(root.sectionOrEmpty("ocsp"), issuers, tokens.keySet()),
            revocation(root.sectionOrEmpty("revocation")));
    root.end();
    if (configuration.roots().isEmpty()) {
      throw root.refused("roots needs at least one file");
    }
    return configuration;
  }

  private static Listeners listeners(YamlSection section) throws ConfigurationInvalid {
    Listeners listeners =
        new Listeners(
            listener(section, "public", "0.0.0.0", 8080),
            listener(section, "api", "0.0.0.0", 8443),
            listener(section, "admin", "127.0.0.1", 9443),
            listener(section, "management", "127.0.0.1", 8081));
    section.end();
    return listeners;
  }

  private static ListenerSection listener(YamlSection listeners, String key, String host, int port)
      throws ConfigurationInvalid {
    YamlSection section = listeners.sectionOrEmpty(key);
    ListenerSection listener =
        new ListenerSection(
            section.optional("host", Function.identity()).orElse(host),
            section
                .optional("port", text -> ConfigurationValues.number(text, 0, 65535))
                .orElse(port));
    section.end();
    return listener;
  }

  private static ExternalUrls externalUrls(YamlSection section) throws ConfigurationInvalid {
    ExternalUrls urls =
        new ExternalUrls(
            section.optional("public", BaseUrl::parse), section.optional("api", BaseUrl::parse));
    section.end();
    return urls;
  }

  private static DatabaseSection database(YamlSection section) throws ConfigurationInvalid {
    DatabaseSection database =
        new DatabaseSection(
            section
                .optional("url", ConfigurationFile::databaseUrl)
                .orElse("jdbc:h2:file:./database/chancery"),
            section.optional("user", Function.identity()).orElse("chancery"),
            section.optional("passwordFile", Path::of),
            section.optional("passwordVariable", Function.identity()),
            section
                .optional("connections", text -> ConfigurationValues.number(text, 4, 1000))
                .orElse(10));
    section.end();
    if (database.passwordFile().isPresent() && database.passwordVariable().isPresent()) {
      throw section.refused("only one of passwordFile and passwordVariable");
    }
    return database;
  }

  /** Those besides the one under token. */
  private static Map<String, TokenSection> tokens(YamlSection section) throws ConfigurationInvalid {
    Map<String, TokenSection> tokens = new TreeMap<>();
    for (String name : section.keys()) {
      if (name.equals(Configuration.DEFAULT_TOKEN)) {
        throw section.refused("the token named " + name + " is the one under token");
      }
      if (name.equals(Configuration.MEMORY)) {
        throw section.refused("the name " + name + " stands for no token");
      }
      if (!name.matches("[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")) {
        throw section.refused(
            "a token's name is 1 to 32 lower-case letters, digits and inner hyphens");
      }
      tokens.put(name, token(section.requiredSection(name)));
    }
    section.end();
    return Map.copyOf(tokens);
  }

  private static TokenSection token(YamlSection section) throws ConfigurationInvalid {
    TokenSection token =
        new TokenSection(
            section.optional("kind", ConfigurationFile::tokenKind).orElse(TokenKind.PKCS11),
            section.optional("library", ConfigurationFile::absolute),
            section.optional("label", Function.identity()),
            section.optional("serial", Function.identity()),
            section.optional("file", Path::of),
            section.required("pinFile", Path::of),
            section.optional("threads", text -> ConfigurationValues.number(text, 1, 256)).orElse(4),
            section
                .optional("timeout", ConfigurationFile::tokenTimeout)
                .orElse(Duration.ofSeconds(5)),
            section
                .optional("place", ConfigurationFile::tokenPlace)
                .orElse(Pkcs11Settings.Place.PROCESS),
            words(section.sectionOrEmpty("environment")),
            section.optional("initializeArguments", Function.identity()));
    section.end();
    switch (token.kind()) {
      case PKCS11 -> {
        if (token.library().isEmpty()) {
          throw section.refused("library is missing");
        }
        if (token.label().isEmpty() && token.serial().isEmpty()) {
          throw section.refused("one of label and serial is needed");
        }
        if (token.file().isPresent()) {
          throw section.refused("file is for kind pkcs12");
        }
      }
      case PKCS12 -> {
        if (token.file().isEmpty()) {
          throw section.refused("file is missing");
        }
        if (token.library().isPresent()
            || token.label().isPresent()
            || token.serial().isPresent()) {
          throw section.refused("library, label and serial are for kind pkcs11");
        }
      }
    }
    return token;
  }

  private static Map<String, String> words(YamlSection section) throws ConfigurationInvalid {
    Map<String, String> words = new TreeMap<>();
    for (String key : section.keys()) {
      words.put(key, section.required(key, Function.identity()));
    }
    return Map.copyOf(words);
  }

  private static List<IssuerSection> issuers(YamlSection root, Set<String> tokens)
      throws ConfigurationInvalid {
    List<IssuerSection> issuers = new ArrayList<>();
    Set<IssuerId> names = new HashSet<>();
    Set<KeyId> keys = new HashSet<>();
    for (YamlSection section : root.sections("issuers")) {
      String token =
          section.optional("token", Function.identity()).orElse(Configuration.DEFAULT_TOKEN);
      List<String> holders = new ArrayList<>(List.of(token));
      holders.addAll(section.list("standbyTokens", Function.identity()));
      List<String> ocspHolders =
          new ArrayList<>(
              List.of(section.optional("ocspToken", Function.identity()).orElse(token)));
      ocspHolders.addAll(section.list("ocspStandbyTokens", Function.identity()));
      IssuerSection issuer =
          new IssuerSection(
              section.required("name", IssuerId::new),
              section.required("certificate", Path::of),
              List.copyOf(section.list("alternateChains", Path::of)),
              section.required("keyId", KeyId::new),
              section.required("ocspKeyId", KeyId::new),
              section.optional("rsaPss", ConfigurationValues::truth).orElse(false),
              List.copyOf(holders),
              List.copyOf(ocspHolders),
              section);
      section.end();
      requireTokens(issuer, issuer.tokens(), tokens);
      if (!issuer.ocspTokens().equals(List.of(Configuration.MEMORY))) {
        requireTokens(issuer, issuer.ocspTokens(), tokens);
      }
      if (issuer.name().equals(Initialization.ROOT)) {
        throw section.refused("the name " + issuer.name() + " is the root's");
      }
      if (!names.add(issuer.name())) {
        throw section.refused("there are two issuers named " + issuer.name());
      }
      if (!keys.add(issuer.keyId()) || !keys.add(issuer.ocspKeyId())) {
        throw section.refused("issuer " + issuer.name() + " has a key id that is used already");
      }
      issuers.add(issuer);
    }
    if (issuers.isEmpty()) {
      throw root.refused("issuers needs at least one issuer");
    }
    return List.copyOf(issuers);
  }

  private static void requireTokens(IssuerSection issuer, List<String> holders, Set<String> tokens)
      throws ConfigurationInvalid {
    Set<String> named = new HashSet<>();
    for (String name : holders) {
      requireToken(issuer.place(), name, tokens);
      if (!named.add(name)) {
        throw issuer.place().refused("the token " + name + " is named twice");
      }
    }
  }

  private static void requireToken(YamlSection place, String name, Set<String> tokens)
      throws ConfigurationInvalid {
    if (!name.equals(Configuration.DEFAULT_TOKEN) && !tokens.contains(name)) {
      throw place.refused("there is no token named " + name);
    }
  }

  private static CrlSection crl(YamlSection section) throws ConfigurationInvalid {
    CrlSection crl =
        new CrlSection(
            section.optional("validity", ConfigurationValues::duration).orElse(Duration.ofDays(7)),
            section.optional("refresh", ConfigurationValues::duration).orElse(Duration.ofDays(1)),
            section
                .optional(
                    "shards", text -> ConfigurationValues.number(text, 0, CrlScope.MOST_SHARDS))
                .orElse(0),
            crlDelta(section.section("delta")),
            section.list("directories", Path::of),
            objectStores(section),
            section.optional("fetchBack", ConfigurationValues::truth).orElse(true));
    section.end();
    if (crl.refresh().compareTo(crl.validity()) >= 0) {
      throw section.refused("refresh must be less than validity");
    }
    if (crl.delta().isPresent() && crl.delta().get().base().compareTo(crl.validity()) >= 0) {
      throw section.refused("delta.base must be less than validity");
    }
    return crl;
  }

  private static List<ObjectStoreSection> objectStores(YamlSection crl)
      throws ConfigurationInvalid {
    List<ObjectStoreSection> all = new ArrayList<>();
    for (YamlSection section : crl.sections("objectStores")) {
      S3Target.Place place =
          new S3Target.Place(
              section.optional("endpoint", ConfigurationValues::webUrl),
              section.required("region", ConfigurationFile::region),
              section.optional("pathStyle", ConfigurationValues::truth).orElse(false),
              section.required("bucket", ConfigurationFile::bucket),
              section.optional("prefix", ConfigurationFile::prefix).orElse(""));
      all.add(
          new ObjectStoreSection(
              place,
              section.required("accessKeyIdFile", Path::of),
              section.required("secretAccessKeyFile", Path::of)));
      section.end();
    }
    return List.copyOf(all);
  }

  private static String region(String text) {
    if (!text.matches("[a-z0-9][a-z0-9-]{0,62}")) {
      throw new IllegalArgumentException("the name of a region, not " + text);
    }
    return text;
  }

  private static String bucket(String text) {
    if (!text.matches("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")) {
      throw new IllegalArgumentException("the name of a bucket, not " + text);
    }
    return text;
  }

  private static String prefix(String text) {
    if (!text.matches("([A-Za-z0-9._-]{1,100}/){0,8}")) {
      throw new IllegalArgumentException("a path that ends with a slash, not " + text);
    }
    return text;
  }

  private static Optional<CrlSettings.Delta> crlDelta(Optional<YamlSection> section)
      throws ConfigurationInvalid {
    if (section.isEmpty()) {
      return Optional.empty();
    }
    YamlSection delta = section.get();
    Duration validity =
        delta.optional("validity", ConfigurationValues::duration).orElse(Duration.ofDays(1));
    Duration base =
        delta.optional("base", ConfigurationValues::duration).orElse(Duration.ofDays(3));
    delta.end();
    try {
      return Optional.of(new CrlSettings.Delta(validity, base));
    } catch (IllegalArgumentException e) {
      throw delta.refused(String.valueOf(e.getMessage()));
    }
  }

  private static OcspSection ocsp(
      YamlSection section, List<IssuerSection> issuers, Set<String> tokens)
      throws ConfigurationInvalid {
    OcspSection ocsp =
        new OcspSection(
            section
                .optional("validity", ConfigurationFile::ocspValidity)
                .orElse(Duration.ofHours(12)),
            section
                .optional("knownWithin", ConfigurationFile::knownWithin)
                .orElse(Duration.ofSeconds(2)),
            section
                .optional("cacheMegabytes", text -> ConfigurationValues.number(text, 0, 100_000))
                .orElse(32),
            section.optional("nonces", ConfigurationValues::truth).orElse(true),
            section
                .optional("atATime", text -> ConfigurationValues.number(text, 1, 1000))
                .orElse(4),
            foreign(section, issuers, tokens));
    section.end();
    return ocsp;
  }

  private static List<ForeignSection> foreign(
      YamlSection ocsp, List<IssuerSection> issuers, Set<String> tokens)
      throws ConfigurationInvalid {
    List<ForeignSection> all = new ArrayList<>();
    Set<IssuerId> names = new HashSet<>(issuers.stream().map(IssuerSection::name).toList());
    for (YamlSection section : ocsp.sections("foreign")) {
      ForeignSection foreign =
          new ForeignSection(
              section.required("name", IssuerId::new),
              section.required("certificate", Path::of),
              section.required("crl", Function.identity()),
              section
                  .optional("refresh", ConfigurationValues::duration)
                  .orElse(Duration.ofHours(1)),
              section.required("signerCertificate", Path::of),
              section.required("signerKeyId", KeyId::new),
              section.optional("token", Function.identity()).orElse(Configuration.DEFAULT_TOKEN),
              section);
      section.end();
      requireToken(section, foreign.token(), tokens);
      if (!names.add(foreign.name())) {
        throw section.refused("there are two issuers named " + foreign.name());
      }
      all.add(foreign);
    }
    return List.copyOf(all);
  }

  /** Long enough for several looks into the database, short enough to be relied on. */
  private static Duration knownWithin(String text) {
    Duration bound = ConfigurationValues.duration(text);
    if (bound.compareTo(Duration.ofMinutes(1)) > 0) {
      throw new IllegalArgumentException("from 1s to 1m, not " + text);
    }
    return bound;
  }

  private static RevocationSection revocation(YamlSection section) throws ConfigurationInvalid {
    YamlSection visible = section.sectionOrEmpty("visible");
    RevocationSection revocation =
        new RevocationSection(
            section.optional("hold", ConfigurationValues::truth).orElse(false),
            visible.optional("ocsp", ConfigurationValues::duration).orElse(Duration.ofSeconds(10)),
            visible.optional("crl", ConfigurationValues::duration).orElse(Duration.ofMinutes(15)));
    visible.end();
    section.end();
    return revocation;
  }

  /** No answer outlives its signer's certificate: what that has left before it is replaced. */
  private static Duration ocspValidity(String text) {
    Duration validity = ConfigurationValues.duration(text);
    if (validity.compareTo(Server.SIGNER_REMAINDER) > 0) {
      throw new IllegalArgumentException(
          "at most "
              + Server.SIGNER_REMAINDER.toHours()
              + "h, which an OCSP signer's certificate always has left, not "
              + text);
    }
    return validity;
  }

  private static TokenKind tokenKind(String text) {
    return switch (text) {
      case "pkcs11" -> TokenKind.PKCS11;
      case "pkcs12" -> TokenKind.PKCS12;
      default -> throw new IllegalArgumentException("pkcs11 or pkcs12, not " + text);
    };
  }

  private static Pkcs11Settings.Place tokenPlace(String text) {
    return switch (text) {
      case "process" -> Pkcs11Settings.Place.PROCESS;
      case "p11-kit-server" -> Pkcs11Settings.Place.P11_KIT_SERVER;
      default -> throw new IllegalArgumentException("process or p11-kit-server, not " + text);
    };
  }

  private static Path absolute(String text) {
    Path path = Path.of(text);
    if (!path.isAbsolute()) {
      throw new IllegalArgumentException("an absolute path, not " + text);
    }
    return path;
  }

  /** What it may say is the store's to judge. */
  private static String databaseUrl(String text) {
    if (!text.startsWith("jdbc:h2:file:") && !text.startsWith("jdbc:postgresql:")) {
      // Not repeated: what is not a URL of ours can have a password in it.
      throw new IllegalArgumentException(
          "a URL that begins with jdbc:h2:file: or jdbc:postgresql:");
    }
    try {
      DatabaseSettings.requireUrl(text);
    } catch (DatabaseUnusable e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
    return text;
  }

  /** Far less than what recovery gives an issuance, which would be revoked under way otherwise. */
  private static Duration tokenTimeout(String text) {
    Duration timeout = ConfigurationValues.duration(text);
    if (timeout.compareTo(LONGEST_TOKEN_TIMEOUT) > 0) {
      throw new IllegalArgumentException(
          "at most " + LONGEST_TOKEN_TIMEOUT.toSeconds() + "s, not " + text);
    }
    return timeout;
  }
}
