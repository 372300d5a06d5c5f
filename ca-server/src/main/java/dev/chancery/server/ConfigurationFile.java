package dev.chancery.server;

import dev.chancery.acme.AcmeEndpoint;
import dev.chancery.acme.AuthorizationUse;
import dev.chancery.acme.BindingRule;
import dev.chancery.acme.ChallengeKind;
import dev.chancery.acme.OfferedChallenges;
import dev.chancery.acme.Retention;
import dev.chancery.acme.TargetNetworks;
import dev.chancery.core.Cidr;
import dev.chancery.core.CrlScope;
import dev.chancery.core.DnsName;
import dev.chancery.core.IssuerId;
import dev.chancery.core.ProfileId;
import dev.chancery.crl.CrlSettings;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.Pkcs11Settings;
import dev.chancery.server.Configuration.AcmeSection;
import dev.chancery.server.Configuration.CrlSection;
import dev.chancery.server.Configuration.DatabaseSection;
import dev.chancery.server.Configuration.EndpointSection;
import dev.chancery.server.Configuration.ExternalUrls;
import dev.chancery.server.Configuration.IssuerSection;
import dev.chancery.server.Configuration.ListenerSection;
import dev.chancery.server.Configuration.Listeners;
import dev.chancery.server.Configuration.NetworksSection;
import dev.chancery.server.Configuration.OcspSection;
import dev.chancery.server.Configuration.TokenKind;
import dev.chancery.server.Configuration.TokenSection;
import dev.chancery.server.Configuration.ValidationSection;
import dev.chancery.store.DatabaseSettings;
import dev.chancery.store.DatabaseUnusable;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

/** Reads chancery.yaml: what each key means, its default, and what is refused. */
final class ConfigurationFile {
  private static final int LONGEST_DESCRIPTION = 200;
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
    Map<String, TokenSection> tokens = tokens(root.section("tokens"));
    List<IssuerSection> issuers = issuers(root, tokens.keySet());
    Configuration configuration =
        new Configuration(
            listeners(root.section("listeners")),
            externalUrls(root.section("externalUrls")),
            database(root.section("database")),
            token(root.requiredSection("token")),
            tokens,
            root.list("roots", Path::of),
            issuers,
            root.optional("profiles", Path::of).orElse(Path.of("profiles")),
            root.list("blockedKeys", Path::of),
            acme(root.requiredSection("acme"), issuers),
            crl(root.section("crl")),
            ocsp(root.section("ocsp")));
    root.end();
    if (configuration.roots().isEmpty()) {
      throw root.refused("roots needs at least one file");
    }
    return configuration;
  }

  private static Listeners listeners(Optional<YamlSection> section) throws ConfigurationInvalid {
    Listeners listeners =
        new Listeners(
            listener(section, "public", "0.0.0.0", 8080),
            listener(section, "api", "0.0.0.0", 8443),
            listener(section, "admin", "127.0.0.1", 9443),
            listener(section, "management", "127.0.0.1", 8081));
    end(section);
    return listeners;
  }

  private static ListenerSection listener(
      Optional<YamlSection> listeners, String key, String host, int port)
      throws ConfigurationInvalid {
    Optional<YamlSection> section = section(listeners, key);
    ListenerSection listener =
        new ListenerSection(
            optional(section, "host", Function.identity()).orElse(host),
            optional(section, "port", text -> number(text, 0, 65535)).orElse(port));
    end(section);
    return listener;
  }

  private static ExternalUrls externalUrls(Optional<YamlSection> section)
      throws ConfigurationInvalid {
    ExternalUrls urls =
        new ExternalUrls(
            optional(section, "public", BaseUrl::parse), optional(section, "api", BaseUrl::parse));
    end(section);
    return urls;
  }

  private static DatabaseSection database(Optional<YamlSection> section)
      throws ConfigurationInvalid {
    DatabaseSection database =
        new DatabaseSection(
            optional(section, "url", ConfigurationFile::databaseUrl)
                .orElse("jdbc:h2:file:./database/chancery"),
            optional(section, "user", Function.identity()).orElse("chancery"),
            optional(section, "passwordFile", Path::of),
            optional(section, "passwordVariable", Function.identity()),
            optional(section, "connections", text -> number(text, 4, 1000)).orElse(10));
    end(section);
    if (database.passwordFile().isPresent() && database.passwordVariable().isPresent()) {
      throw section.orElseThrow().refused("only one of passwordFile and passwordVariable");
    }
    return database;
  }

  /** Those besides the one under token. */
  private static Map<String, TokenSection> tokens(Optional<YamlSection> section)
      throws ConfigurationInvalid {
    Map<String, TokenSection> tokens = new TreeMap<>();
    if (section.isPresent()) {
      for (String name : section.get().keys()) {
        if (name.equals(Configuration.DEFAULT_TOKEN)) {
          throw section.get().refused("the token named " + name + " is the one under token");
        }
        if (!name.matches("[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")) {
          throw section
              .get()
              .refused("a token's name is 1 to 32 lower-case letters, digits and inner hyphens");
        }
        tokens.put(name, token(section.get().requiredSection(name)));
      }
      section.get().end();
    }
    return Map.copyOf(tokens);
  }

  private static TokenSection token(YamlSection section) throws ConfigurationInvalid {
    Optional<YamlSection> environment = section.section("environment");
    TokenSection token =
        new TokenSection(
            section.optional("kind", ConfigurationFile::tokenKind).orElse(TokenKind.PKCS11),
            section.optional("library", ConfigurationFile::absolute),
            section.optional("label", Function.identity()),
            section.optional("serial", Function.identity()),
            section.optional("file", Path::of),
            section.required("pinFile", Path::of),
            section.optional("threads", text -> number(text, 1, 256)).orElse(4),
            section
                .optional("timeout", ConfigurationFile::tokenTimeout)
                .orElse(Duration.ofSeconds(5)),
            section
                .optional("place", ConfigurationFile::tokenPlace)
                .orElse(Pkcs11Settings.Place.PROCESS),
            environment.isPresent() ? words(environment.get()) : Map.of(),
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
              section.optional("rsaPss", ConfigurationFile::truth).orElse(false),
              List.copyOf(holders),
              List.copyOf(ocspHolders),
              section);
      section.end();
      requireTokens(issuer, issuer.tokens(), tokens);
      requireTokens(issuer, issuer.ocspTokens(), tokens);
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
      requireToken(issuer, name, tokens);
      if (!named.add(name)) {
        throw issuer.place().refused("the token " + name + " is named twice");
      }
    }
  }

  private static void requireToken(IssuerSection issuer, String name, Set<String> tokens)
      throws ConfigurationInvalid {
    if (!name.equals(Configuration.DEFAULT_TOKEN) && !tokens.contains(name)) {
      throw issuer.place().refused("there is no token named " + name);
    }
  }

  private static AcmeSection acme(YamlSection section, List<IssuerSection> issuers)
      throws ConfigurationInvalid {
    YamlSection list = section.requiredSection("endpoints");
    Map<String, EndpointSection> endpoints = new TreeMap<>();
    for (String name : list.keys()) {
      endpoints.put(name, endpoint(name, list.requiredSection(name), issuers));
    }
    if (!endpoints.containsKey("default")) {
      throw list.refused("the endpoint named default is missing");
    }
    Path bindingKeyFile =
        section.optional("bindingKeyFile", Path::of).orElse(Path.of("acme/binding.key"));
    ValidationSection validation = validation(section.section("validation"));
    Optional<YamlSection> renewal = section.section("renewal");
    Duration retryAfter =
        optional(renewal, "retryAfter", ConfigurationFile::renewalRetryAfter)
            .orElse(Duration.ofHours(6));
    end(renewal);
    Retention retention = retention(section.section("retention"));
    section.end();
    return new AcmeSection(
        Map.copyOf(endpoints), bindingKeyFile, validation, retryAfter, retention);
  }

  private static EndpointSection endpoint(
      String name, YamlSection section, List<IssuerSection> issuers) throws ConfigurationInvalid {
    EndpointSection endpoint =
        new EndpointSection(
            section.required("issuer", IssuerId::new),
            section.required("profile", ProfileId::new),
            offeredProfiles(section.section("profiles")),
            section.optional("termsOfService", ConfigurationFile::webUrl),
            section.optional("website", ConfigurationFile::webUrl),
            section
                .optional("externalAccountBinding", ConfigurationFile::bindingRule)
                .orElse(BindingRule.NONE),
            challenges(section),
            authorizations(section),
            section);
    section.end();
    if (issuers.stream().noneMatch(issuer -> issuer.name().equals(endpoint.issuer()))) {
      throw section.refused("issuer", "there is no issuer named " + endpoint.issuer());
    }
    requireName(name, endpoint);
    return endpoint;
  }

  private static OfferedChallenges challenges(YamlSection section) throws ConfigurationInvalid {
    boolean named = section.keys().contains("challenges");
    List<ChallengeKind> kinds = section.list("challenges", ChallengeKind::parse);
    List<DnsName> issuers = section.list("issuerDomainNames", DnsName::new);
    try {
      return new OfferedChallenges(named ? kinds : OfferedChallenges.DEFAULT.kinds(), issuers);
    } catch (IllegalArgumentException e) {
      throw section.refused(e.getMessage());
    }
  }

  private static AuthorizationUse authorizations(YamlSection section) throws ConfigurationInvalid {
    boolean reuse = section.optional("reuseAuthorizations", ConfigurationFile::truth).orElse(true);
    boolean inAdvance =
        section.optional("preAuthorization", ConfigurationFile::truth).orElse(reuse);
    if (inAdvance && !reuse) {
      throw section.refused(
          "preAuthorization", "is of no use without reuseAuthorizations: no order would have it");
    }
    return new AuthorizationUse(reuse, inAdvance);
  }

  private static Retention retention(Optional<YamlSection> section) throws ConfigurationInvalid {
    Retention retention =
        new Retention(
            optional(section, "issued", ConfigurationFile::retained)
                .orElse(Retention.USUAL.issued()),
            optional(section, "others", ConfigurationFile::retained)
                .orElse(Retention.USUAL.others()));
    end(section);
    return retention;
  }

  private static Duration retained(String text) {
    Duration duration = duration(text);
    if (duration.compareTo(Retention.LEAST) < 0) {
      throw new IllegalArgumentException(
          "at least " + Retention.LEAST.toHours() + "h, not " + text);
    }
    return duration;
  }

  /** What stands in the directory's meta.profiles, in the same order. */
  private static Map<ProfileId, String> offeredProfiles(Optional<YamlSection> section)
      throws ConfigurationInvalid {
    Map<ProfileId, String> profiles = new LinkedHashMap<>();
    if (section.isPresent()) {
      for (String name : section.get().keys()) {
        String description = section.get().required(name, ConfigurationFile::description);
        try {
          profiles.put(new ProfileId(name), description);
        } catch (IllegalArgumentException e) {
          throw section.get().refused(name, String.valueOf(e.getMessage()));
        }
      }
      section.get().end();
    }
    return profiles;
  }

  private static String description(String text) {
    if (text.isBlank()
        || text.length() > LONGEST_DESCRIPTION
        || text.codePoints().anyMatch(Character::isISOControl)) {
      throw new IllegalArgumentException(
          "a line of 1 to " + LONGEST_DESCRIPTION + " characters that says what the profile is");
    }
    return text;
  }

  /** RFC 9773 section 4.3.2: clients take no less than a minute and no more than a day. */
  private static Duration renewalRetryAfter(String text) {
    Duration duration = duration(text);
    if (duration.compareTo(Duration.ofMinutes(1)) < 0
        || duration.compareTo(Duration.ofDays(1)) > 0) {
      throw new IllegalArgumentException("from 1m to 1d, not " + text);
    }
    return duration;
  }

  /** Which names an endpoint can have is ACME's to say, and which profiles belong together. */
  private static void requireName(String name, EndpointSection endpoint)
      throws ConfigurationInvalid {
    try {
      AcmeEndpoint _ =
          new AcmeEndpoint(
              name,
              endpoint.issuer(),
              endpoint.profile(),
              endpoint.profiles(),
              URI.create("https://localhost"),
              endpoint.termsOfService(),
              endpoint.website(),
              endpoint.externalAccountBinding(),
              endpoint.challenges(),
              1,
              endpoint.authorizations());
    } catch (IllegalArgumentException e) {
      throw endpoint.place().refused(e.getMessage());
    }
  }

  private static BindingRule bindingRule(String text) {
    return switch (text) {
      case "none" -> BindingRule.NONE;
      case "optional" -> BindingRule.OPTIONAL;
      case "required" -> BindingRule.REQUIRED;
      default -> throw new IllegalArgumentException("none, optional or required, not " + text);
    };
  }

  private static ValidationSection validation(Optional<YamlSection> section)
      throws ConfigurationInvalid {
    Optional<YamlSection> http01 = section(section, "http01");
    int port = optional(http01, "port", text -> number(text, 1, 65535)).orElse(80);
    end(http01);
    Optional<YamlSection> tlsAlpn01 = section(section, "tlsAlpn01");
    int tlsPort = optional(tlsAlpn01, "port", text -> number(text, 1, 65535)).orElse(443);
    end(tlsAlpn01);
    Optional<YamlSection> networks = section(section, "networks");
    NetworksSection targets =
        networks.isEmpty()
            ? new NetworksSection(List.of(), TargetNetworks.DENIED_BY_DEFAULT)
            : new NetworksSection(
                networks.get().list("allow", Cidr::parse),
                networks.get().keys().contains("deny")
                    ? networks.get().list("deny", Cidr::parse)
                    : TargetNetworks.DENIED_BY_DEFAULT);
    end(networks);
    Optional<YamlSection> dns = section(section, "dns");
    List<InetSocketAddress> resolvers =
        dns.isEmpty() ? List.of() : dns.get().list("resolvers", ConfigurationFile::resolver);
    Optional<Path> trustAnchors = optional(dns, "trustAnchors", Path::of);
    end(dns);
    end(section);
    return new ValidationSection(port, tlsPort, targets, resolvers, trustAnchors);
  }

  /** An address and port; a name would need a resolver to find the resolver. */
  private static InetSocketAddress resolver(String text) {
    int colon = text.lastIndexOf(':');
    if (colon < 0) {
      throw new IllegalArgumentException(
          "must be an IP address and a port, such as 192.0.2.53:53 or [2001:db8::53]:53");
    }
    String host = text.substring(0, colon);
    InetAddress address =
        host.equals("localhost")
            ? InetAddress.getLoopbackAddress()
            : InetAddress.ofLiteral(
                host.startsWith("[") && host.endsWith("]")
                    ? host.substring(1, host.length() - 1)
                    : host);
    return new InetSocketAddress(address, number(text.substring(colon + 1), 1, 65535));
  }

  private static CrlSection crl(Optional<YamlSection> section) throws ConfigurationInvalid {
    CrlSection crl =
        new CrlSection(
            optional(section, "validity", ConfigurationFile::duration).orElse(Duration.ofDays(7)),
            optional(section, "refresh", ConfigurationFile::duration).orElse(Duration.ofDays(1)),
            optional(section, "shards", text -> number(text, 0, CrlScope.MOST_SHARDS)).orElse(0),
            section.isEmpty() ? Optional.empty() : crlDelta(section.get().section("delta")),
            section.isEmpty() ? List.of() : section.get().list("directories", Path::of),
            optional(section, "fetchBack", ConfigurationFile::truth).orElse(true));
    end(section);
    if (crl.refresh().compareTo(crl.validity()) >= 0) {
      throw section.orElseThrow().refused("refresh must be less than validity");
    }
    if (crl.delta().isPresent() && crl.delta().get().base().compareTo(crl.validity()) >= 0) {
      throw section.orElseThrow().refused("delta.base must be less than validity");
    }
    return crl;
  }

  private static Optional<CrlSettings.Delta> crlDelta(Optional<YamlSection> section)
      throws ConfigurationInvalid {
    if (section.isEmpty()) {
      return Optional.empty();
    }
    CrlSettings.Delta delta =
        new CrlSettings.Delta(
            optional(section, "validity", ConfigurationFile::duration).orElse(Duration.ofDays(1)),
            optional(section, "base", ConfigurationFile::duration).orElse(Duration.ofDays(3)));
    end(section);
    return Optional.of(delta);
  }

  private static OcspSection ocsp(Optional<YamlSection> section) throws ConfigurationInvalid {
    OcspSection ocsp =
        new OcspSection(
            optional(section, "validity", ConfigurationFile::ocspValidity)
                .orElse(Duration.ofHours(12)));
    end(section);
    return ocsp;
  }

  /** No answer outlives its signer's certificate: what that has left before it is replaced. */
  private static Duration ocspValidity(String text) {
    Duration validity = duration(text);
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

  private static int number(String text, int least, int most) {
    if (!text.matches("[0-9]{1,9}")
        || Integer.parseInt(text) < least
        || Integer.parseInt(text) > most) {
      throw new IllegalArgumentException(
          "a whole number from " + least + " to " + most + ", not " + text);
    }
    return Integer.parseInt(text);
  }

  private static boolean truth(String text) {
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IllegalArgumentException("true or false, not " + text);
    };
  }

  /** At least a second, so that a slip of the unit is not a server that spins. */
  private static Duration duration(String text) {
    Duration duration = Durations.parse(text);
    if (duration.compareTo(Duration.ofSeconds(1)) < 0) {
      throw new IllegalArgumentException("at least one second, not " + text);
    }
    return duration;
  }

  /** Far less than what recovery gives an issuance, which would be revoked under way otherwise. */
  private static Duration tokenTimeout(String text) {
    Duration timeout = duration(text);
    if (timeout.compareTo(LONGEST_TOKEN_TIMEOUT) > 0) {
      throw new IllegalArgumentException(
          "at most " + LONGEST_TOKEN_TIMEOUT.toSeconds() + "s, not " + text);
    }
    return timeout;
  }

  private static URI webUrl(String text) {
    URI uri = URI.create(text);
    if (uri.getHost() == null || !List.of("http", "https").contains(uri.getScheme())) {
      throw new IllegalArgumentException("an http or https URL, not " + text);
    }
    return uri;
  }

  private static Optional<YamlSection> section(Optional<YamlSection> parent, String key)
      throws ConfigurationInvalid {
    return parent.isEmpty() ? Optional.empty() : parent.get().section(key);
  }

  private static <T> Optional<T> optional(
      Optional<YamlSection> section, String key, Function<String, T> parser)
      throws ConfigurationInvalid {
    return section.isEmpty() ? Optional.empty() : section.get().optional(key, parser);
  }

  private static void end(Optional<YamlSection> section) throws ConfigurationInvalid {
    if (section.isPresent()) {
      section.get().end();
    }
  }
}
