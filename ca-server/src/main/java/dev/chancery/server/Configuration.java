package dev.chancery.server;

import dev.chancery.acme.AcmeEndpoint;
import dev.chancery.acme.AuthorizationUse;
import dev.chancery.acme.BindingRule;
import dev.chancery.acme.DnsTrustAnchors;
import dev.chancery.acme.OfferedChallenges;
import dev.chancery.acme.RateLimits;
import dev.chancery.acme.Retention;
import dev.chancery.core.Cidr;
import dev.chancery.core.DnsName;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Name;
import dev.chancery.core.Profile;
import dev.chancery.core.ProfileId;
import dev.chancery.crl.CrlSettings;
import dev.chancery.crl.S3Target;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.Pkcs11Settings;
import dev.chancery.kubernetes.ClusterSettings;
import dev.chancery.server.profiles.BuiltInProfiles;
import dev.chancery.server.profiles.ProfileFiles;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The server's configuration: DIR/chancery.yaml, read and checked by {@link ConfigurationFile}.
 * Every key is explained in config/chancery.yaml.
 */
record Configuration(
    Listeners listeners,
    ExternalUrls externalUrls,
    DatabaseSection database,
    TokenSection token,
    Map<String, TokenSection> moreTokens,
    List<Path> roots,
    List<IssuerSection> issuers,
    Path profiles,
    List<Path> blockedKeys,
    AcmeSection acme,
    VaultSection vault,
    CrlSection crl,
    OcspSection ocsp,
    RevocationSection revocation,
    RolloverSection rollover) {

  private static final Set<Name.Kind> ORDERED_NAMES = Set.of(Name.Kind.DNS, Name.Kind.IP);

  /** The name of the token under {@code token:}. */
  static final String DEFAULT_TOKEN = "default";

  /** Stands for a key of an OCSP signer that is in no token. */
  static final String MEMORY = "memory";

  record Listeners(
      ListenerSection publicListener,
      ListenerSection api,
      ListenerSection admin,
      ListenerSection management) {}

  /** Port 0 takes a free one. */
  record ListenerSection(String host, int port) {}

  /** What certificates and directories carry; empty: localhost and the listener's port. */
  record ExternalUrls(Optional<BaseUrl> publicUrl, Optional<BaseUrl> api) {}

  /** The password comes from one of a file and an environment variable, or there is none. */
  record DatabaseSection(
      String url,
      String user,
      Optional<Path> passwordFile,
      Optional<String> passwordVariable,
      int connections) {}

  enum TokenKind {
    PKCS11,
    /** An encrypted file, for development only. */
    PKCS12,
  }

  /**
   * @param library the PKCS #11 module; there when the kind is PKCS11, with label or serial
   * @param file the key store; there when the kind is PKCS12
   * @param place where the module's code runs
   * @param pinFile the user PIN, or the password of the key store
   */
  record TokenSection(
      TokenKind kind,
      Optional<Path> library,
      Optional<String> label,
      Optional<String> serial,
      Optional<Path> file,
      Path pinFile,
      int threads,
      Duration timeout,
      Pkcs11Settings.Place place,
      Map<String, String> environment,
      Optional<String> initializeArguments) {}

  /**
   * @param certificate a PEM file: the issuer's certificate, then those above it without the root
   * @param alternateChains more files like it, for other ways to a root: each begins with the
   *     issuer's certificate or with another one of its name and key
   * @param ocspKeyId the key of the delegated OCSP signer; made when it is missing
   * @param tokens the names of the tokens that hold its key, the preferred one first
   * @param ocspTokens the names of the tokens that hold its OCSP signer's key, the preferred one
   *     first
   * @param place where it stands, for a refusal that only the certificate can tell
   */
  record IssuerSection(
      IssuerId name,
      Path certificate,
      List<Path> alternateChains,
      KeyId keyId,
      KeyId ocspKeyId,
      boolean rsaPss,
      List<String> tokens,
      List<String> ocspTokens,
      YamlSection place) {}

  /**
   * @param bindingKeyFile the secret that encrypts binding keys in the database
   */
  record AcmeSection(
      Map<String, EndpointSection> endpoints,
      Path bindingKeyFile,
      ValidationSection validation,
      Duration renewalRetryAfter,
      Retention retention) {
    /** The endpoints that take external account bindings. */
    Set<String> boundEndpoints() {
      return endpoints.entrySet().stream()
          .filter(endpoint -> endpoint.getValue().externalAccountBinding().takesBindings())
          .map(Map.Entry::getKey)
          .collect(Collectors.toUnmodifiableSet());
    }
  }

  /**
   * @param profiles those that an order can name, each with its description, in their order
   * @param caaIdentities those of the CA where CAA is heeded, else none
   * @param place where it stands, for a refusal that only the profiles can tell
   */
  record EndpointSection(
      IssuerId issuer,
      ProfileId profile,
      Map<ProfileId, String> profiles,
      Optional<URI> termsOfService,
      Optional<URI> website,
      BindingRule externalAccountBinding,
      OfferedChallenges challenges,
      AuthorizationUse authorizations,
      List<DnsName> caaIdentities,
      RateLimits rateLimits,
      YamlSection place) {
    private static final int MOST_NAMES = 100;

    /**
     * The endpoint that this describes.
     *
     * @throws IllegalArgumentException when ACME cannot have it so
     */
    AcmeEndpoint at(String name, URI externalUrl) {
      return new AcmeEndpoint(
          name,
          issuer,
          profile,
          profiles,
          externalUrl,
          termsOfService,
          website,
          externalAccountBinding,
          challenges,
          MOST_NAMES,
          authorizations,
          caaIdentities,
          rateLimits);
    }
  }

  /**
   * Resolvers are host:port; none: the system's.
   *
   * @param trustAnchors a file that says with which keys DNSSEC begins
   */
  record ValidationSection(
      int http01Port,
      int tlsAlpn01Port,
      NetworksSection networks,
      List<InetSocketAddress> resolvers,
      Optional<Path> trustAnchors) {}

  record NetworksSection(List<Cidr> allow, List<Cidr> deny) {}

  /**
   * The Vault-shaped API; docs/cert-manager.md.
   *
   * @param enabled whether it is served at all
   * @param tokenKeyFile the secret that its tokens are signed with
   * @param clusters as they stand there; their files are relative to the home
   */
  record VaultSection(
      boolean enabled,
      String mount,
      Path tokenKeyFile,
      Duration tokenLifetime,
      boolean certificateLogin,
      int mostLogins,
      List<ClusterSettings> clusters) {}

  /**
   * @param shards how many CRLs the certificates of an issuer are spread over; 0: they name none
   * @param delta empty when there are no delta CRLs
   * @param directories where CRLs are put for others to serve
   * @param objectStores likewise
   * @param fetchBack whether this server looks at its CRLs at their public URLs
   */
  record CrlSection(
      Duration validity,
      Duration refresh,
      int shards,
      Optional<CrlSettings.Delta> delta,
      List<Path> directories,
      List<ObjectStoreSection> objectStores,
      boolean fetchBack) {
    CrlSettings settings() {
      return new CrlSettings(validity, refresh, delta);
    }
  }

  /**
   * A bucket; the files are relative to the home.
   *
   * @param accessKeyIdFile names the key, and is in a file as its secret is
   */
  record ObjectStoreSection(S3Target.Place place, Path accessKeyIdFile, Path secretAccessKeyFile) {}

  /**
   * @param knownWithin how long a revocation by another node may take until it shows here
   * @param cacheMegabytes for statuses and signed answers
   * @param atATime how many answers may be in the making at a time, of each kind
   * @param foreign other CAs whose certificates are answered for
   */
  record OcspSection(
      Duration validity,
      Duration knownWithin,
      int cacheMegabytes,
      boolean nonces,
      int atATime,
      List<ForeignSection> foreign) {}

  /**
   * A CA that is not run here.
   *
   * @param crl a file, or an http or https URL
   * @param refresh how often the CRL is read anew
   * @param signerCertificate a PEM file: what that CA has issued for signing OCSP answers
   * @param place where it stands, for a refusal that only the files can tell
   */
  record ForeignSection(
      IssuerId name,
      Path certificate,
      String crl,
      Duration refresh,
      Path signerCertificate,
      KeyId signerKeyId,
      String token,
      YamlSection place) {}

  /**
   * @param hold whether certificates can be put on hold
   * @param visibleInOcsp after this time it is an event that a revocation does not show
   * @param visibleInCrl likewise
   */
  record RevocationSection(boolean hold, Duration visibleInOcsp, Duration visibleInCrl) {}

  /**
   * @param root a file with the root that is to come; issuers below it are served, and clients are
   *     given it when it is published
   * @param publishedFor how long clients are given both roots before anything relies on the new one
   */
  record RolloverSection(Optional<Path> root, Duration publishedFor) {}

  /** The files with every root that a chain may lead to, also such as clients are not given yet. */
  List<Path> knownRoots(Home home) {
    return Stream.concat(roots.stream(), rollover.root().stream())
        .map(home::resolve)
        .distinct()
        .toList();
  }

  /** Reads and checks a home's configuration; nothing but files is touched. */
  static Configuration read(Home home, Map<String, String> overrides) throws ConfigurationInvalid {
    return ConfigurationFile.read(home.configurationFile(), overrides);
  }

  /** The profiles that the configuration names. */
  Map<ProfileId, Profile> profiles(Home home) throws ConfigurationInvalid {
    Map<ProfileId, Profile> known = ProfileFiles.load(home.resolve(profiles));
    requireForOrders(known);
    return known;
  }

  /** The keys that the validation of DNS begins with, when there is any. */
  Optional<DnsTrustAnchors> trustAnchors(Home home) throws ConfigurationInvalid {
    if (acme.validation().trustAnchors().isEmpty()) {
      return Optional.empty();
    }
    Path file = home.resolve(acme.validation().trustAnchors().get());
    try {
      return Optional.of(DnsTrustAnchors.parse(Files.readString(file)));
    } catch (IOException e) {
      throw new ConfigurationInvalid(file + ": cannot be read");
    } catch (IllegalArgumentException e) {
      throw new ConfigurationInvalid(file + ": " + e.getMessage());
    }
  }

  /** The keys that the files of the configuration block. */
  KeyBlockList blockedKeys(Home home) throws ConfigurationInvalid {
    return KeyBlockList.read(blockedKeys.stream().map(home::resolve).toList());
  }

  /** Refuses an endpoint whose issuer is none of these. */
  void requireServed(List<IssuerId> served) throws ConfigurationInvalid {
    for (EndpointSection endpoint : acme.endpoints().values()) {
      if (!served.contains(endpoint.issuer())) {
        throw endpoint
            .place()
            .refused("issuer", "issuer " + endpoint.issuer() + " has no certificate yet");
      }
    }
  }

  /** The issuer of this name, if the configuration has it. */
  Optional<IssuerSection> issuer(IssuerId name) {
    return issuers.stream().filter(issuer -> issuer.name().equals(name)).findFirst();
  }

  /** Refuses an endpoint with a profile that is not there, or that no order could have. */
  void requireForOrders(Map<ProfileId, Profile> known) throws ConfigurationInvalid {
    for (EndpointSection endpoint : acme.endpoints().values()) {
      Optional<String> obstacle = obstacle(endpoint.profile(), known);
      if (obstacle.isPresent()) {
        throw endpoint.place().refused("profile", obstacle.get());
      }
      for (ProfileId offered : endpoint.profiles().keySet()) {
        Optional<String> why = obstacle(offered, known);
        if (why.isPresent()) {
          throw endpoint.place().refused("profiles", why.get());
        }
      }
    }
  }

  /** What the engine would refuse of every order, said when the server starts. */
  private static Optional<String> obstacle(ProfileId id, Map<ProfileId, Profile> known) {
    if (BuiltInProfiles.ALL.containsKey(id)) {
      return Optional.of("profile " + id + " is for this server's own certificates");
    }
    Profile profile = known.get(id);
    if (profile == null) {
      return Optional.of("there is no profile " + id);
    }
    if (profile.constraint() instanceof Profile.Constraint.Authority) {
      return Optional.of("profile " + id + " makes CAs, and no order can ask for one");
    }
    if (profile.subject() == Profile.SubjectRule.REQUESTED) {
      return Optional.of("profile " + id + " certifies a subject, which an order cannot prove");
    }
    if (Collections.disjoint(profile.names().kinds(), ORDERED_NAMES)) {
      return Optional.of(
          "profile " + id + " certifies neither DNS names nor IP addresses, as orders have them");
    }
    return Optional.empty();
  }

  /** Every token, by its name. */
  Map<String, TokenSection> tokens() {
    Map<String, TokenSection> all = new TreeMap<>(moreTokens);
    all.put(DEFAULT_TOKEN, token);
    return all;
  }

  EndpointSection defaultEndpoint() {
    return Objects.requireNonNull(acme.endpoints().get("default"));
  }
}
