package dev.chancery.server;

import dev.chancery.acme.AcmeEndpoint;
import dev.chancery.acme.AuthorizationUse;
import dev.chancery.acme.BindingRule;
import dev.chancery.acme.ChallengeKind;
import dev.chancery.acme.OfferedChallenges;
import dev.chancery.acme.RateLimit;
import dev.chancery.acme.RateLimits;
import dev.chancery.acme.Retention;
import dev.chancery.acme.TargetNetworks;
import dev.chancery.core.Cidr;
import dev.chancery.core.DnsName;
import dev.chancery.core.IpLiteral;
import dev.chancery.core.IssuerId;
import dev.chancery.core.ProfileId;
import dev.chancery.server.Configuration.AcmeSection;
import dev.chancery.server.Configuration.EndpointSection;
import dev.chancery.server.Configuration.IssuerSection;
import dev.chancery.server.Configuration.NetworksSection;
import dev.chancery.server.Configuration.ValidationSection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Reads the acme section of chancery.yaml, as {@link ConfigurationFile} reads the rest. */
final class AcmeConfiguration {
  private static final int LONGEST_DESCRIPTION = 200;

  private AcmeConfiguration() {}

  /**
   * Reads the section.
   *
   * @param issuers those that an endpoint can name
   */
  static AcmeSection read(YamlSection section, List<IssuerSection> issuers)
      throws ConfigurationInvalid {
    List<DnsName> caaIdentities = section.list("caaIdentities", DnsName::new);
    YamlSection list = section.requiredSection("endpoints");
    Map<String, EndpointSection> endpoints = new TreeMap<>();
    for (String name : list.keys()) {
      endpoints.put(name, endpoint(name, list.requiredSection(name), issuers, caaIdentities));
    }
    if (!endpoints.containsKey("default")) {
      throw list.refused("the endpoint named default is missing");
    }
    Path bindingKeyFile =
        section.optional("bindingKeyFile", Path::of).orElse(Path.of("acme/binding.key"));
    ValidationSection validation = validation(section.sectionOrEmpty("validation"));
    YamlSection renewal = section.sectionOrEmpty("renewal");
    Duration retryAfter =
        renewal
            .optional("retryAfter", AcmeConfiguration::renewalRetryAfter)
            .orElse(Duration.ofHours(6));
    renewal.end();
    Retention retention = retention(section.sectionOrEmpty("retention"));
    section.end();
    return new AcmeSection(
        Map.copyOf(endpoints), bindingKeyFile, validation, retryAfter, retention);
  }

  private static EndpointSection endpoint(
      String name, YamlSection section, List<IssuerSection> issuers, List<DnsName> caaIdentities)
      throws ConfigurationInvalid {
    EndpointSection endpoint =
        new EndpointSection(
            section.required("issuer", IssuerId::new),
            section.required("profile", ProfileId::new),
            offeredProfiles(section.sectionOrEmpty("profiles")),
            section.optional("termsOfService", ConfigurationValues::webUrl),
            section.optional("website", ConfigurationValues::webUrl),
            section
                .optional("externalAccountBinding", AcmeConfiguration::bindingRule)
                .orElse(BindingRule.NONE),
            challenges(section),
            authorizations(section),
            heeded(section, caaIdentities),
            rateLimits(section.sectionOrEmpty("rateLimits")),
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
    boolean reuse =
        section.optional("reuseAuthorizations", ConfigurationValues::truth).orElse(true);
    boolean inAdvance =
        section.optional("preAuthorization", ConfigurationValues::truth).orElse(reuse);
    if (inAdvance && !reuse) {
      throw section.refused(
          "preAuthorization", "is of no use without reuseAuthorizations: no order would have it");
    }
    return new AuthorizationUse(reuse, inAdvance);
  }

  /** The names by which CAA records may name this CA; none at an endpoint that does not look. */
  private static List<DnsName> heeded(YamlSection section, List<DnsName> caaIdentities)
      throws ConfigurationInvalid {
    boolean heeds = section.optional("caa", ConfigurationValues::truth).orElse(false);
    if (heeds && caaIdentities.isEmpty()) {
      throw section.refused("caa", "needs acme.caaIdentities, by which records name this CA");
    }
    return heeds ? caaIdentities : List.of();
  }

  private static RateLimits rateLimits(YamlSection section) throws ConfigurationInvalid {
    int status =
        section
            .optional("status", AcmeConfiguration::limitedStatus)
            .orElse(RateLimits.USUAL_STATUS);
    Map<RateLimits.Kind, RateLimit> limits = new EnumMap<>(RateLimits.Kind.class);
    for (RateLimits.Kind kind : RateLimits.Kind.values()) {
      Optional<YamlSection> limit = section.section(kind.key());
      if (limit.isPresent()) {
        limits.put(kind, rateLimit(limit.get()));
      }
    }
    section.end();
    return new RateLimits(limits, status);
  }

  private static int limitedStatus(String text) {
    return switch (text) {
      case "429" -> 429;
      case "503" -> 503;
      default -> throw new IllegalArgumentException("429 or 503, not " + text);
    };
  }

  private static RateLimit rateLimit(YamlSection section) throws ConfigurationInvalid {
    int most = section.required("most", text -> ConfigurationValues.number(text, 1, 1_000_000));
    Duration period = section.required("period", ConfigurationValues::duration);
    section.end();
    try {
      return new RateLimit(most, period);
    } catch (IllegalArgumentException e) {
      throw section.refused("period", String.valueOf(e.getMessage()));
    }
  }

  /** What stands in the directory's meta.profiles, in the same order. */
  private static Map<ProfileId, String> offeredProfiles(YamlSection section)
      throws ConfigurationInvalid {
    Map<ProfileId, String> profiles = new LinkedHashMap<>();
    for (String name : section.keys()) {
      String description = section.required(name, AcmeConfiguration::description);
      try {
        profiles.put(new ProfileId(name), description);
      } catch (IllegalArgumentException e) {
        throw section.refused(name, String.valueOf(e.getMessage()));
      }
    }
    section.end();
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

  private static BindingRule bindingRule(String text) {
    return switch (text) {
      case "none" -> BindingRule.NONE;
      case "optional" -> BindingRule.OPTIONAL;
      case "required" -> BindingRule.REQUIRED;
      default -> throw new IllegalArgumentException("none, optional or required, not " + text);
    };
  }

  /** Which names an endpoint can have is ACME's to say, and which profiles belong together. */
  private static void requireName(String name, EndpointSection endpoint)
      throws ConfigurationInvalid {
    try {
      AcmeEndpoint _ = endpoint.at(name, URI.create("https://localhost"));
    } catch (IllegalArgumentException e) {
      throw endpoint.place().refused(e.getMessage());
    }
  }

  private static ValidationSection validation(YamlSection section) throws ConfigurationInvalid {
    YamlSection http01 = section.sectionOrEmpty("http01");
    int port =
        http01.optional("port", text -> ConfigurationValues.number(text, 1, 65535)).orElse(80);
    http01.end();
    YamlSection tlsAlpn01 = section.sectionOrEmpty("tlsAlpn01");
    int tlsPort =
        tlsAlpn01.optional("port", text -> ConfigurationValues.number(text, 1, 65535)).orElse(443);
    tlsAlpn01.end();
    YamlSection networks = section.sectionOrEmpty("networks");
    List<Cidr> allow = networks.list("allow", Cidr::parse);
    boolean named = networks.keys().contains("deny");
    List<Cidr> deny = networks.list("deny", Cidr::parse);
    networks.end();
    YamlSection dns = section.sectionOrEmpty("dns");
    List<InetSocketAddress> resolvers = dns.list("resolvers", AcmeConfiguration::resolver);
    Optional<Path> trustAnchors = dns.optional("trustAnchors", Path::of);
    dns.end();
    section.end();
    return new ValidationSection(
        port,
        tlsPort,
        new NetworksSection(allow, named ? deny : TargetNetworks.DENIED_BY_DEFAULT),
        resolvers,
        trustAnchors);
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
            : IpLiteral.parse(
                host.startsWith("[") && host.endsWith("]")
                    ? host.substring(1, host.length() - 1)
                    : host);
    return new InetSocketAddress(
        address, ConfigurationValues.number(text.substring(colon + 1), 1, 65535));
  }

  /** RFC 9773 section 4.3.2: clients take no less than a minute and no more than a day. */
  private static Duration renewalRetryAfter(String text) {
    Duration duration = ConfigurationValues.duration(text);
    if (duration.compareTo(Duration.ofMinutes(1)) < 0
        || duration.compareTo(Duration.ofDays(1)) > 0) {
      throw new IllegalArgumentException("from 1m to 1d, not " + text);
    }
    return duration;
  }

  private static Retention retention(YamlSection section) throws ConfigurationInvalid {
    Retention retention =
        new Retention(
            section
                .optional("issued", AcmeConfiguration::retained)
                .orElse(Retention.USUAL.issued()),
            section
                .optional("others", AcmeConfiguration::retained)
                .orElse(Retention.USUAL.others()));
    section.end();
    return retention;
  }

  private static Duration retained(String text) {
    Duration duration = ConfigurationValues.duration(text);
    if (duration.compareTo(Retention.LEAST) < 0) {
      throw new IllegalArgumentException(
          "at least " + Retention.LEAST.toHours() + "h, not " + text);
    }
    return duration;
  }
}
