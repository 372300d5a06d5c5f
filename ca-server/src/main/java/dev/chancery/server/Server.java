package dev.chancery.server;

import dev.chancery.acme.AcmeEndpoint;
import dev.chancery.acme.AcmeServer;
import dev.chancery.acme.AcmeSettings;
import dev.chancery.acme.BindingCipher;
import dev.chancery.acme.BindingKeys;
import dev.chancery.acme.DnsTrustAnchors;
import dev.chancery.acme.TargetNetworks;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Profile;
import dev.chancery.core.ProfileId;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.crl.CrlPublisher;
import dev.chancery.crl.CrlResource;
import dev.chancery.kubernetes.ClusterSettings;
import dev.chancery.kubernetes.Credentials;
import dev.chancery.kubernetes.Roles;
import dev.chancery.kubernetes.TokenKey;
import dev.chancery.kubernetes.VaultServer;
import dev.chancery.kubernetes.VaultSettings;
import dev.chancery.ocsp.DelegatedSigner;
import dev.chancery.ocsp.OcspResource;
import dev.chancery.ocsp.OcspResponder;
import dev.chancery.ocsp.OcspSettings;
import dev.chancery.ocsp.ServedIssuer;
import dev.chancery.ocsp.StatusSource;
import dev.chancery.ocsp.StatusView;
import dev.chancery.server.engine.Catalogue;
import dev.chancery.server.engine.Issuer;
import dev.chancery.server.engine.IssuingAuthority;
import dev.chancery.server.engine.Recovery;
import dev.chancery.server.engine.Revoking;
import dev.chancery.server.profiles.BuiltInProfiles;
import dev.chancery.store.BulkRevocations;
import dev.chancery.store.CompromisedKeys;
import dev.chancery.store.Database;
import dev.chancery.store.DatabaseClock;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.IssuerSuccessions;
import dev.chancery.store.JooqCrlLedger;
import dev.chancery.store.JooqIssuanceLedger;
import dev.chancery.store.JooqRevocationLedger;
import dev.chancery.store.JooqStatusJournal;
import dev.chancery.store.RenewalMarks;
import dev.chancery.store.RootRollovers;
import dev.chancery.store.TokenAudit;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.bouncycastle.cert.X509CertificateHolder;
import org.eclipse.jetty.http.UriCompliance;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The whole server, wired by hand: read {@link #start} from top to bottom to see what stands on
 * what. It is long and dull so that nothing else has to be.
 */
final class Server implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Server.class);

  /** Longer than any issuance can take: what is unfinished after it never will be finished. */
  private static final Duration ISSUANCE_GRACE = Duration.ofSeconds(60);

  private static final Duration SIGNER_RENEWAL = Duration.ofDays(3);

  /** What the certificate of an OCSP signer has left at least when it is replaced. */
  static final Duration SIGNER_REMAINDER =
      BuiltInProfiles.LIFE_OF_OCSP_SIGNER.minus(SIGNER_RENEWAL);

  private static final Path API_CREDENTIAL = Path.of("tls", "api.pem");

  /** For how long the first CRL holds up the start. */
  private static final Duration FIRST_CRL = Duration.ofSeconds(10);

  /** Answers that are signed ahead in one go: some seconds' worth of signatures. */
  private static final int MOST_AHEAD = 5000;

  /** Rows that one transaction deletes: few, for others wait for it on the embedded database. */
  private static final int MOST_PRUNED = 500;

  private final Home home;
  private final Configuration configuration;
  private final Clock clock;
  private final SecureRandom random;
  private final Deque<AutoCloseable> parts = new ArrayDeque<>();

  private Server(Home home, Configuration configuration, Clock clock, SecureRandom random) {
    this.home = home;
    this.configuration = configuration;
    this.clock = clock;
    this.random = random;
  }

  /** Starts everything; when it returns, the server can issue. When it throws, nothing is left. */
  static Server start(
      Home home, Configuration configuration, Clock clock, SecureRandom random, Started started)
      throws Exception {
    Server server = new Server(home, configuration, clock, random);
    try {
      server.wire(started);
      return server;
    } catch (Exception e) {
      server.close();
      throw e;
    }
  }

  /** Told of what matters to the process that the server runs in. */
  interface Started {
    /** The server is ready, at these addresses. */
    void at(Addresses addresses);

    /** The server can go on, but without a token that only a new process can open again. */
    default void mustEnd(String why) {}
  }

  private void wire(Started started) throws Exception {
    // 1. What can be refused without touching anything: files and ports.
    Map<ProfileId, Profile> profiles = configuration.profiles(home);
    Optional<DnsTrustAnchors> trustAnchors = configuration.trustAnchors(home);
    TrustBundle trust =
        TrustBundle.readValid(
            configuration.roots().stream().map(home::resolve).toList(), clock.instant());
    Optional<X509CertificateHolder> comingRoot =
        RootRollover.coming(configuration.rollover().root().map(home::resolve), clock);
    TrustBundle knownRoots = TrustBundle.read(configuration.knownRoots(home));
    List<LoadedIssuer> loadedIssuers =
        LoadedIssuer.all(home, configuration.issuers(), knownRoots, clock.instant());
    configuration.requireServed(loadedIssuers.stream().map(LoadedIssuer::id).toList());
    KeyBlockList blockedKeys = configuration.blockedKeys(home);
    Optional<Credential> _ = Credential.read(home.resolve(API_CREDENTIAL));
    Configuration.Listeners listeners = configuration.listeners();
    BoundPort publicPort = part(BoundPort.bind("public", listeners.publicListener()));
    BoundPort apiPort = part(BoundPort.bind("api", listeners.api()));
    BoundPort adminPort = part(BoundPort.bind("admin", listeners.admin()));
    BoundPort managementPort = part(BoundPort.bind("management", listeners.management()));
    Addresses addresses =
        Addresses.of(configuration.externalUrls(), publicPort.port(), apiPort.port());

    // 2. The ledgers and the token.
    Database database = part(Databases.open(home, configuration.database(), System::getenv));
    JooqIssuanceLedger issuance = JooqIssuanceLedger.inCommonTime(database, clock);
    JooqRevocationLedger revocations = new JooqRevocationLedger(database, clock);
    JooqCrlLedger crls = new JooqCrlLedger(database, clock);
    IssuerRegistry registry = new IssuerRegistry(database);
    PrometheusMeterRegistry metrics = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    TokenMetrics tokenMetrics =
        part(new TokenMetrics(metrics, new TokenAudit(database, clock), started::mustEnd));
    OpenTokens tokens = part(OpenTokens.open(home, configuration, random, tokenMetrics::of));
    tokenMetrics.watch(tokens.all());
    // A step that one node takes is waited for by another one's, wherever their clocks are.
    Clock common = new DatabaseClock(database);
    IssuerSuccessions successions =
        new IssuerSuccessions(database, common, ISSUANCE_GRACE, BuiltInProfiles.ALL.keySet());
    RootRollovers rollovers = new RootRollovers(database, common);
    TrustView trustView = new TrustView(trust, successions, rollovers, clock, System::nanoTime);
    RetiredIssuers retired = new RetiredIssuers(successions, crls);
    List<KeyedIssuer> issuers =
        KeyedIssuer.open(retired.withoutPast(loadedIssuers, trustView.now()), tokens, registry);
    ServedIssuers servedIssuers = new ServedIssuers(issuers);
    JooqStatusJournal journal = new JooqStatusJournal(database);
    StatusView view =
        part(new StatusView(journal, configuration.ocsp().knownWithin(), System::nanoTime));

    // 3. CRLs.
    RevocationVisibility visibility =
        new RevocationVisibility(
            metrics,
            new TokenAudit(database, clock),
            Map.of(
                RevocationVisibility.Place.OCSP, configuration.revocation().visibleInOcsp(),
                RevocationVisibility.Place.CRL, configuration.revocation().visibleInCrl()),
            clock);
    CrlPublication publication =
        part(
            CrlPublication.open(
                home,
                configuration.crl(),
                issuers,
                new CrlPublication.Ledgers(crls, issuance, revocations),
                visibility,
                metrics,
                clock));
    CrlPublisher publisher = publication.publisher();
    publication.watchChanges(view);

    // 4. The engine.
    Map<IssuerId, Issuer> issuing = new TreeMap<>();
    for (KeyedIssuer issuer : issuers) {
      issuing.put(issuer.loaded().id(), issuer.forIssuing(addresses, configuration.crl().shards()));
    }
    Revoking revoking =
        new Revoking(
            issuance,
            revocations,
            clock,
            scope -> {
              // First what this node answers, which is to be right when the revoker is told.
              view.look();
              publisher.requestPublish(scope);
            },
            configuration.revocation().hold());
    CertificateAuthority authority =
        new IssuingAuthority(
            new Catalogue(
                issuing.values(), profiles.values(), blockedKeys, new CompromisedKeys(database)),
            issuance,
            revocations,
            clock,
            random,
            revoking);
    SucceededAuthority ordering = new SucceededAuthority(authority, servedIssuers, trustView);
    Recovery recovery = new Recovery(issuance, revocations, common, ISSUANCE_GRACE);
    recovery.run();
    // Before the first certificate that names them, so that no CRL can be without its name: a list
    // of one shard that does not name the URL of a certificate counts for nothing.
    for (IssuerId issuer : issuing.keySet()) {
      for (int shard = 0; shard <= configuration.crl().shards(); shard++) {
        CrlScope scope = new CrlScope(issuer, shard);
        crls.addLocation(scope, addresses.crl(scope));
      }
    }
    publication.measureAges();
    publisher.refreshDue();
    // The first certificates say where their CRL is: there should be one. A token that is slow or
    // away must not keep the server from all else that it can do.
    if (!publisher.awaitCurrent(FIRST_CRL)) {
      LOG.warn("there is no CRL yet that has not ended; one is made as soon as it can be");
    }

    // 5. OCSP.
    List<DelegatedSigner> signers = new ArrayList<>();
    List<ServedIssuer> served = new ArrayList<>();
    for (KeyedIssuer issuer : issuers) {
      LoadedIssuer loaded = issuer.loaded();
      DelegatedSigner signer =
          new DelegatedSigner(
              loaded.id(),
              tokens.ofOcspKey(loaded.section()),
              authority,
              StatusSource.ledger(revocations, loaded.id()),
              clock,
              random,
              new DelegatedSigner.Settings(
                  loaded.section().ocspKeyId(),
                  KeyAlgorithm.EC_P256,
                  SIGNER_RENEWAL,
                  issuer(issuing, loaded.id()).ownSubject(loaded.id() + " OCSP signer")));
      signer.renewIfDue();
      signers.add(signer);
      served.add(
          new ServedIssuer(
              loaded.id(),
              loaded.certificate(),
              signer,
              StatusSource.ledger(revocations, loaded.id())));
    }
    ForeignIssuers foreign = part(ForeignIssuers.open(home, configuration, tokens, clock));
    foreign.all().forEach(each -> served.add(each.served()));
    RootWatch rootWatch =
        new RootWatch(
            new RootWatch.Ledgers(registry, crls, revocations),
            foreign.all().stream().map(ForeignIssuers.Foreign::signer).toList(),
            trustView,
            metrics,
            new TokenAudit(database, clock),
            clock);
    rootWatch.look();
    OcspResponder responder =
        new OcspResponder(served, view, clock, ocspSettings(configuration.ocsp()));
    visibility.watch(view, responder);
    OwnSigners ownSigners = new OwnSigners(signers, responder, metrics);
    view.tell(ownSigners);

    // 6. This server's own credentials.
    IssuerId own = configuration.defaultEndpoint().issuer();
    TimeOrderedIds ids = new TimeOrderedIds(clock, random);
    home.privateDirectory("tls");
    ApiTls tls =
        new ApiTls(ordering, own, addresses.apiUrl(), home.resolve(API_CREDENTIAL), clock, ids);
    home.privateDirectory("admin");
    AdminCredential administrator =
        new AdminCredential(
            ordering,
            own,
            // Another node may be the one that serves the issuer of today.
            issuer(issuing, issuing.containsKey(ordering.active(own)) ? ordering.active(own) : own)
                .ownSubject("local administrator"),
            home,
            clock,
            ids);
    administrator.makeAtStart();

    // 7. ACME.
    BindingKeys bindingKeys = new BindingKeys(database, bindingCipher(database), clock, random);
    AcmeServer acme =
        part(
            new AcmeServer(
                acmeSettings(configuration.acme(), addresses, trustAnchors),
                database,
                bindingKeys,
                ordering,
                clock,
                random));
    Runnable acmeRecovery = acme.recovery(aloneOnDatabase() ? Duration.ZERO : ISSUANCE_GRACE);

    // 8. The Vault-shaped API, where it is wanted.
    Roles roles = new Roles(database, clock, random);
    Optional<VaultServer> vault =
        configuration.vault().enabled()
            ? Optional.of(
                part(
                    new VaultServer(
                        vaultSettings(registry.all(), profiles, knownRoots),
                        new VaultServer.Foundations(
                            database,
                            tokenKey(database),
                            ordering,
                            crls,
                            id -> servedIssuers.probe(ordering.active(id)),
                            clock,
                            random))))
            : Optional.empty();

    // 9. The listeners.
    Map<IssuerId, List<X509CertificateHolder>> certificates = new TreeMap<>();
    issuers.forEach(
        issuer -> certificates.put(issuer.loaded().id(), issuer.loaded().certificates()));
    RootNames rootNames = new RootNames(registry);
    for (X509CertificateHolder root : trust.roots().reversed()) {
      certificates.put(rootNames.find(root).orElse(Initialization.ROOT), List.of(root));
    }
    LandingPage landingPage =
        new LandingPage(addresses.publicUrl(), addresses.apiUrl(), () -> trustView.now().bundle());
    CertificateDownloads downloads = new CertificateDownloads(certificates, trustView);
    OcspResource ocsp = new OcspResource(responder, clock);
    CrlResource crl = publication.resource();
    part(
        HttpListener.http(
            publicPort,
            OcspResource.URI_COMPLIANCE,
            config -> {
              landingPage.routes(config);
              downloads.routes(config);
              ocsp.mount(config.routes, "/ocsp");
              crl.mount(config.routes, "/crl");
              ErrorAnswers.TEXT.routes(config);
            }));
    part(
        HttpListener.https(
            apiPort,
            configuration.vault().enabled() && configuration.vault().certificateLogin()
                ? tls.listenerForClientsWithOrWithout(knownRoots.trustStore())
                : tls.listener(),
            VaultConfiguration.LONGEST_ANSWER,
            config -> {
              acme.routes(config.routes);
              vault.ifPresent(api -> api.routes(config.routes));
              ErrorAnswers.ACME_PROBLEM.routes(config);
            }));
    AdminApi admin = new AdminApi(authority, registry.all(), publisher::publishesFor, clock);
    IssuerChange issuerChange =
        new IssuerChange(
            servedIssuers,
            registry,
            successions,
            trustView,
            () -> renewOwn(List.of(tls::renewIfDue, administrator::renewIfDue)));
    Map<String, IssuerId> endpointIssuers = new TreeMap<>();
    configuration
        .acme()
        .endpoints()
        .forEach((name, one) -> endpointIssuers.put(name, one.issuer()));
    IssuersApi issuersApi =
        new IssuersApi(issuerChange, retired, trustView, own(certificates), endpointIssuers);
    RolloverApi rolloverApi =
        new RolloverApi(
            new RootRollover(
                new RootRollover.Foundations(
                    rollovers, successions, rootNames, issuerChange, servedIssuers, trustView),
                new RootRollover.Settings(
                    comingRoot,
                    own,
                    configuration.rollover().publishedFor(),
                    RootRollover.longest(profiles.values())),
                common),
            trustView,
            ids);
    BulkRevoking bulk = part(new BulkRevoking(new BulkRevocations(database, common), revoking));
    RevocationsApi revocationsApi = new RevocationsApi(admin, revoking, bulk, clock, ids);
    BindingApi bindings =
        new BindingApi(
            bindingKeys, configuration.acme().boundEndpoints(), profiles.keySet(), clock);
    RolesApi rolesApi =
        new RolesApi(
            roles,
            new Credentials(database, clock, random),
            new RolesApi.Known(
                issuing.keySet(), profiles, clusters(), configuration.vault().enabled()),
            clock);
    CrlApi crlApi = new CrlApi(publication.publicCrls(), publisher, registry, crls);
    RenewalMarksApi renewalMarks =
        new RenewalMarksApi(
            new RenewalMarks(database, common),
            registry,
            new IssuerKeys(issuers),
            profiles.keySet(),
            clock,
            ids);
    part(
        HttpListener.https(
            adminPort,
            tls.listenerForClientsOf(knownRoots.trustStore()),
            config -> {
              admin.routes(config);
              revocationsApi.routes(config);
              bindings.routes(config);
              renewalMarks.routes(config);
              rolesApi.routes(config);
              issuersApi.routes(config);
              rolloverApi.routes(config);
              crlApi.routes(config);
            }));
    Management management = new Management(checks(database, issuers), metrics);
    part(HttpListener.http(managementPort, UriCompliance.DEFAULT, management::routes));
    Home.writePrivate(home.adminServerName(), addresses.apiUrl().host() + "\n");
    Home.writePrivate(
        home.adminUrl(), "https://" + adminHost(listeners.admin()) + ":" + adminPort.port() + "\n");

    // 10. What is done again and again.
    // It has to end before the listeners, at which it looks.
    part(publication.watch());
    PeriodicWork work = part(new PeriodicWork(database, clock, "node-" + ids.next()));
    publication.keepUp(work);
    work.once("recovery", Duration.ofSeconds(30), recovery::run);
    work.aside("acme recovery at start", acmeRecovery::run);
    work.once("acme recovery", Duration.ofSeconds(10), () -> acme.recover(ISSUANCE_GRACE));
    work.everywhere("acme validations", Duration.ofSeconds(5), acme::recoverValidations);
    work.once("bulk revocations", Duration.ofSeconds(10), bulk::run);
    work.once("pruning", Duration.ofMinutes(1), () -> prune(acme, vault, journal));
    work.everywhere("ocsp answers", Duration.ofSeconds(30), () -> responder.signAhead(MOST_AHEAD));
    work.everywhere("crls of roots", Duration.ofHours(1), rootWatch::look);
    foreign.keepFresh(work, responder::forgetAnswers);
    work.everywhere("certificate of the api", Duration.ofMinutes(10), tls::renewIfDue);
    work.everywhere(
        "certificate of the administrator", Duration.ofMinutes(10), administrator::renewIfDue);
    for (DelegatedSigner signer : signers) {
      work.everywhere("ocsp signer", Duration.ofMinutes(10), () -> ownSigners.renew(signer));
    }
    work.start();
    started.at(addresses);
  }

  /** Where no endpoint takes bindings no file is needed, and none is made. */
  private Optional<BindingCipher> bindingCipher(Database database) throws ConfigurationInvalid {
    if (configuration.acme().boundEndpoints().isEmpty()) {
      return Optional.empty();
    }
    home.privateDirectory("acme");
    return Optional.of(
        BindingKeyFile.open(home.resolve(configuration.acme().bindingKeyFile()), database, random));
  }

  private TokenKey tokenKey(Database database) throws ConfigurationInvalid {
    home.privateDirectory("vault");
    return TokenKeyFile.open(home.resolve(configuration.vault().tokenKeyFile()), database, random);
  }

  private VaultSettings vaultSettings(
      List<IssuerId> ledger, Map<ProfileId, Profile> profiles, TrustBundle trust) {
    Configuration.VaultSection section = configuration.vault();
    return new VaultSettings(
        section.mount(),
        section.clusters().stream().map(cluster -> cluster.relativeTo(home::resolve)).toList(),
        section.certificateLogin(),
        section.tokenLifetime(),
        section.mostLogins(),
        section.mostLogins(),
        VaultConfiguration.signPatience(configuration),
        VaultConfiguration.longestIssuance(configuration),
        configuration.defaultEndpoint().issuer(),
        ledger,
        profiles,
        trust.encoded());
  }

  /** The clusters that a role can name. */
  private Set<String> clusters() {
    return configuration.vault().clusters().stream()
        .map(ClusterSettings::name)
        .collect(Collectors.toUnmodifiableSet());
  }

  /** The first certificate of each, its own. */
  private static Map<IssuerId, X509CertificateHolder> own(
      Map<IssuerId, List<X509CertificateHolder>> certificates) {
    Map<IssuerId, X509CertificateHolder> own = new TreeMap<>();
    certificates.forEach((name, all) -> own.put(name, all.getFirst()));
    return own;
  }

  /** At once, so that nothing of this server's stands in the way of retiring an issuer. */
  private static void renewOwn(List<PeriodicWork.Work> renewals) {
    for (PeriodicWork.Work renewal : renewals) {
      try {
        renewal.run();
      } catch (Exception e) {
        LOG.warn("a certificate of this server will be renewed later: {}", e.toString());
      }
    }
  }

  private static Issuer issuer(Map<IssuerId, Issuer> issuers, IssuerId id) {
    return Objects.requireNonNull(issuers.get(id));
  }

  private <T extends AutoCloseable> T part(T part) {
    parts.push(part);
    return part;
  }

  private static Map<String, Management.Check> checks(
      Database database, List<KeyedIssuer> issuers) {
    Map<String, Management.Check> checks = new LinkedHashMap<>();
    checks.put("database", () -> database.sql().selectOne().fetch());
    issuers.forEach(issuer -> checks.put("key of " + issuer.loaded().id(), issuer.key()::probe));
    return checks;
  }

  /** The embedded database admits one process: what is unfinished was left by one that is gone. */
  private boolean aloneOnDatabase() {
    return configuration.database().url().startsWith("jdbc:h2:");
  }

  private static AcmeSettings acmeSettings(
      Configuration.AcmeSection section,
      Addresses addresses,
      Optional<DnsTrustAnchors> trustAnchors) {
    List<AcmeEndpoint> endpoints = new ArrayList<>();
    section
        .endpoints()
        .forEach((name, endpoint) -> endpoints.add(endpoint.at(name, addresses.apiUrl().uri())));
    Configuration.ValidationSection validation = section.validation();
    return AcmeSettings.of(
        endpoints,
        validation.http01Port(),
        validation.tlsAlpn01Port(),
        new TargetNetworks(validation.networks().allow(), validation.networks().deny()),
        validation.resolvers(),
        trustAnchors,
        section.renewalRetryAfter(),
        section.retention());
  }

  private static OcspSettings ocspSettings(Configuration.OcspSection section) {
    return new OcspSettings(
        section.validity(),
        section.validity().dividedBy(2),
        section.cacheMegabytes() * 1024L * 1024,
        section.nonces(),
        section.atATime());
  }

  /** As long as there is something, so that no load makes more than is deleted. */
  private void prune(AcmeServer acme, Optional<VaultServer> vault, JooqStatusJournal journal) {
    boolean more = true;
    while (more && !Thread.currentThread().isInterrupted()) {
      boolean moreOfAcme = acme.prune(MOST_PRUNED);
      boolean moreOfVault = vault.map(api -> api.prune(MOST_PRUNED)).orElse(false);
      more = journal.prune(clock.instant(), MOST_PRUNED) || moreOfAcme || moreOfVault;
    }
  }

  /** The host by which a client on this machine reaches the admin listener. */
  private static String adminHost(Configuration.ListenerSection listener) {
    return listener.host().equals("0.0.0.0") || listener.host().equals("::")
        ? "127.0.0.1"
        : listener.host();
  }

  /**
   * Ends what was started, the last first: listeners before what they call. Who calls this while
   * another does waits for the end too.
   */
  @Override
  public synchronized void close() {
    while (!parts.isEmpty()) {
      try {
        parts.pop().close();
      } catch (Exception e) {
        LOG.warn("while stopping: {}", e.toString());
      }
    }
  }
}
