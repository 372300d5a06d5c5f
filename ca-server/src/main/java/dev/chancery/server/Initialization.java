package dev.chancery.server;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Profile;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Refused;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import dev.chancery.crl.CrlIssuer;
import dev.chancery.crl.CrlPublisher;
import dev.chancery.crl.CrlSettings;
import dev.chancery.crl.CrlShelf;
import dev.chancery.hsm.CrlKey;
import dev.chancery.hsm.IssuerKey;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.Token;
import dev.chancery.hsm.TokenObserver;
import dev.chancery.hsm.TokenUnusable;
import dev.chancery.server.engine.CaCertificates;
import dev.chancery.server.engine.Issuer;
import dev.chancery.server.profiles.BuiltInProfiles;
import dev.chancery.store.Database;
import dev.chancery.store.IssuerKeyDiffers;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.JooqCrlLedger;
import dev.chancery.store.JooqIssuanceLedger;
import dev.chancery.store.JooqRevocationLedger;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.cert.X509CertificateHolder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the CAs of a home: a root in a token of its own, and the issuers of the configuration below
 * it. What is there is left alone, so that an interrupted run is finished by the next. The root's
 * token is opened only when it has something to sign, and closed after.
 */
final class Initialization {
  private static final Logger LOG = LoggerFactory.getLogger(Initialization.class);

  static final IssuerId ROOT = new IssuerId("root");
  private static final ProfileId INTERMEDIATE_CA = new ProfileId("intermediate-ca");
  static final KeyId ROOT_KEY =
      new KeyId(HexFormat.of().formatHex("chancery-root".getBytes(StandardCharsets.US_ASCII)));
  private static final Duration ROOT_LIFETIME = Duration.ofDays(20 * 365);
  private static final Duration ISSUER_LIFETIME = Duration.ofDays(5 * 365);

  /**
   * What the CAs are to be called and made of.
   *
   * @param rootLabel the label of the token that holds the root's key
   */
  record Plan(
      String rootLabel,
      Path rootPinFile,
      String organization,
      KeyAlgorithm rootKey,
      KeyAlgorithm issuerKey) {}

  private final Home home;
  private final Configuration configuration;
  private final Plan plan;
  private final Clock clock;
  private final SecureRandom random;

  Initialization(
      Home home, Configuration configuration, Plan plan, Clock clock, SecureRandom random) {
    this.home = home;
    this.configuration = configuration;
    this.plan = plan;
    this.clock = clock;
    this.random = random;
  }

  /**
   * Opens the tokens that {@link #run} needs for what is missing, and closes them: what they refuse
   * must be refused before anything is made.
   */
  void requireTokens() throws ConfigurationInvalid, TokenUnusable, TokenAway {
    List<Configuration.IssuerSection> missing = missing();
    if (!missing.isEmpty() || !Files.exists(home.rootCertificate())) {
      Tokens.openSibling(home, configuration.token(), plan.rootLabel(), plan.rootPinFile(), random)
          .close();
    }
    for (Configuration.IssuerSection section : missing) {
      Tokens.open(home, token(section), random, TokenObserver.NONE).close();
    }
  }

  private List<Configuration.IssuerSection> missing() {
    return configuration.issuers().stream()
        .filter(issuer -> !Files.exists(home.resolve(issuer.certificate())))
        .toList();
  }

  /** Makes what is missing. */
  void run(Database database)
      throws ConfigurationInvalid, TokenUnusable, TokenAway, IssuerKeyDiffers, Refused {
    List<Configuration.IssuerSection> missing = missing();
    if (Files.exists(home.rootCertificate()) && missing.isEmpty() && !rootCrlIsDue(database)) {
      LOG.info("{}: every CA is there already", home.directory());
      return;
    }
    home.privateDirectory("ca");
    try (Token token =
        Tokens.openSibling(
            home, configuration.token(), plan.rootLabel(), plan.rootPinFile(), random)) {
      Issuer root = root(token, database);
      for (Configuration.IssuerSection section : missing) {
        issuer(section, root, database);
      }
    }
  }

  private Issuer root(Token token, Database database)
      throws ConfigurationInvalid, TokenUnusable, TokenAway, IssuerKeyDiffers, Refused {
    SubjectPublicKey publicKey = key(token, ROOT_KEY, plan.rootKey());
    SigningScheme scheme = SigningScheme.of(publicKey.algorithm(), false);
    IssuerKey key = token.issuerKey(ROOT_KEY, publicKey, scheme);
    new IssuerRegistry(database).register(ROOT, publicKey);
    if (!Files.exists(home.rootCertificate())) {
      IssuedCertificate issued =
          caCertificates(database)
              .root(ROOT, key, BuiltInProfiles.ROOT, rootSubject(), after(ROOT_LIFETIME));
      write(home.rootCertificate(), issued);
    }
    X509CertificateHolder certificate = PemFile.certificates(home.rootCertificate()).getFirst();
    publishRootCrl(certificate, token.crlKey(ROOT_KEY, publicKey, scheme), database);
    return Issuer.of(ROOT, certificate, List.of(List.of()), Optional.of(key), rootUrls());
  }

  private void issuer(Configuration.IssuerSection section, Issuer root, Database database)
      throws ConfigurationInvalid, TokenUnusable, TokenAway, IssuerKeyDiffers, Refused {
    try (Token token = Tokens.open(home, token(section), random, TokenObserver.NONE)) {
      SubjectPublicKey publicKey = key(token, section.keyId(), plan.issuerKey());
      new IssuerRegistry(database).register(section.name(), publicKey);
      IssuedCertificate issued =
          caCertificates(database)
              .below(
                  root,
                  profile(),
                  publicKey,
                  issuerSubject(section.name()),
                  after(ISSUER_LIFETIME));
      write(home.resolve(section.certificate()), issued);
    }
  }

  /** The token that holds an issuer's key, the preferred one if there are several. */
  private Configuration.TokenSection token(Configuration.IssuerSection issuer) {
    return Objects.requireNonNull(configuration.tokens().get(issuer.tokens().getFirst()));
  }

  /** The key with this id, made when the token has none: an interrupted run may have made it. */
  private static SubjectPublicKey key(Token token, KeyId id, KeyAlgorithm algorithm)
      throws TokenUnusable, TokenAway {
    Optional<SubjectPublicKey> found = token.find(id);
    return found.isPresent() ? found.get() : token.generate(id, algorithm);
  }

  private Instant after(Duration lifetime) {
    return clock.instant().plus(lifetime).truncatedTo(ChronoUnit.SECONDS);
  }

  private CaCertificates caCertificates(Database database) {
    return new CaCertificates(
        new JooqIssuanceLedger(database, clock),
        new JooqRevocationLedger(database, clock),
        clock,
        random);
  }

  private void publishRootCrl(X509CertificateHolder certificate, CrlKey key, Database database)
      throws TokenAway, ConfigurationInvalid {
    CrlLedger ledger = new JooqCrlLedger(database, clock);
    CrlSettings settings = new CrlSettings(RootCrl.LIFETIME, RootCrl.LIFETIME.dividedBy(2));
    // Not the folder of a server's CRLs: one may run on this home.
    Path folder = home.privateDirectory("crl-of-root");
    try (CrlPublisher publisher =
        new CrlPublisher(
            List.of(new CrlIssuer(ROOT, certificate, key, settings)),
            ledger,
            new JooqRevocationLedger(database, clock),
            new CrlShelf(ledger, clock, folder),
            clock,
            name -> {})) {
      publisher.publish(CrlScope.unsharded(ROOT));
    } catch (IOException e) {
      throw new ConfigurationInvalid(
          folder + ": the root's CRL cannot be written: " + e.getMessage());
    }
  }

  /**
   * Where the root's CRL and certificate will be found; unknown when the port is yet to be taken.
   */
  private Optional<Addresses> addresses() {
    int port = configuration.listeners().publicListener().port();
    return configuration.externalUrls().publicUrl().isEmpty() && port == 0
        ? Optional.empty()
        : Optional.of(Addresses.of(configuration.externalUrls(), port, 0));
  }

  private Issuer.Urls rootUrls() {
    return addresses()
        .map(known ->
            new Issuer.Urls(
                Optional.of(known.crl(CrlScope.unsharded(ROOT))),
                Optional.empty(),
                Optional.of(known.certificate(ROOT))))
        .orElse(Issuer.Urls.NONE);
  }

  /** The profile of issuers' certificates; without pointers when there is nothing to point to. */
  private Profile profile() throws ConfigurationInvalid {
    Map<ProfileId, Profile> profiles = configuration.profiles(home);
    Profile profile = profiles.get(INTERMEDIATE_CA);
    if (profile == null) {
      throw new ConfigurationInvalid(
          home.resolve(configuration.profiles()) + ": there is no profile " + INTERMEDIATE_CA);
    }
    if (addresses().isPresent()) {
      return profile;
    }
    LOG.warn("the public port is not fixed: CA certificates will not say where their CRL is");
    return new Profile(
        profile.id(),
        profile.description(),
        profile.keyAlgorithms(),
        profile.validity(),
        profile.subject(),
        profile.names(),
        profile.keyUsage(),
        profile.extendedKeyUsage(),
        profile.policies(),
        profile.constraint(),
        new Profile.StatusSources(false, false, false, false));
  }

  private X500Name issuerSubject(IssuerId name) {
    return new X500NameBuilder(BCStyle.INSTANCE)
        .addRDN(BCStyle.O, plan.organization())
        .addRDN(BCStyle.CN, plan.organization() + " " + name + " CA")
        .build();
  }

  private X500Name rootSubject() {
    return new X500NameBuilder(BCStyle.INSTANCE)
        .addRDN(BCStyle.O, plan.organization())
        .addRDN(BCStyle.CN, plan.organization() + " root CA")
        .build();
  }

  private boolean rootCrlIsDue(Database database) {
    return new RootCrl(
            ROOT,
            new JooqCrlLedger(database, clock),
            new JooqRevocationLedger(database, clock),
            clock)
        .due()
        .isPresent();
  }

  private static void write(Path file, IssuedCertificate issued) throws ConfigurationInvalid {
    try {
      X509CertificateHolder certificate = new X509CertificateHolder(issued.encoded().bytes());
      Home.writePrivate(file, new TrustBundle(List.of(certificate)).pem());
      LOG.info("made {}: {}", file, certificate.getSubject());
    } catch (IOException e) {
      throw new IllegalStateException("an issued certificate is not DER", e);
    }
  }
}
