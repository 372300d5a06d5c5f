package dev.chancery.server;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.RevocationLedger;
import dev.chancery.crl.CrlDistribution;
import dev.chancery.crl.CrlIssuer;
import dev.chancery.crl.CrlPublisher;
import dev.chancery.crl.CrlResource;
import dev.chancery.crl.CrlSettings;
import dev.chancery.crl.CrlShelf;
import dev.chancery.crl.CrlTarget;
import dev.chancery.crl.CrlWatch;
import dev.chancery.crl.DirectoryTarget;
import dev.chancery.crl.PublicCrls;
import dev.chancery.crl.S3Target;
import dev.chancery.ocsp.StatusView;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The CRLs of a server: made, kept, copied to their places, and looked at where the world does
 * (docs/revocation.md).
 */
final class CrlPublication implements AutoCloseable {
  /** How long caches may keep one. */
  private static final Duration FRESHNESS = Duration.ofMinutes(5);

  private static final Duration LOOK = Duration.ofMinutes(1);

  /** What CRLs are made from and recorded in. */
  record Ledgers(CrlLedger crls, IssuanceLedger issuance, RevocationLedger revocations) {}

  private final CrlSettings settings;
  private final boolean fetchBack;
  private final CrlShelf shelf;
  private final AwaitedChanges awaited;
  private final CrlMetrics metrics;
  private final List<S3Target> objectStores;
  private final CrlDistribution distribution;
  private final PublicCrls publicCrls;
  private final CrlWatch watch;
  private final CrlPublisher publisher;
  private final Clock clock;

  private CrlPublication(
      Home home,
      Configuration.CrlSection section,
      List<CrlIssuer> issuers,
      CrlShelf shelf,
      List<S3Target> objectStores,
      Ledgers ledgers,
      RevocationVisibility visibility,
      MeterRegistry registry,
      Clock clock) {
    this.settings = section.settings();
    this.fetchBack = section.fetchBack();
    this.clock = clock;
    this.objectStores = objectStores;
    this.shelf = shelf;
    this.awaited =
        new AwaitedChanges(
            issuers.stream().map(CrlIssuer::id).collect(Collectors.toUnmodifiableSet()),
            ledgers.issuance(),
            ledgers.revocations(),
            visibility,
            clock);
    this.metrics = new CrlMetrics(registry, awaited, clock);
    List<CrlTarget> targets = new ArrayList<>();
    for (Path directory : section.directories()) {
      targets.add(new DirectoryTarget(home.resolve(directory)));
    }
    targets.addAll(objectStores);
    this.distribution = new CrlDistribution(targets, shelf, metrics);
    this.publicCrls = new PublicCrls(issuers, ledgers.crls(), shelf, clock);
    this.watch = new CrlWatch(publicCrls, metrics);
    this.publisher =
        new CrlPublisher(
            issuers,
            ledgers.crls(),
            ledgers.revocations(),
            shelf,
            clock,
            name -> {
              distribution.published(name);
              if (fetchBack) {
                watch.published(name);
              }
            });
  }

  /**
   * What is configured, for these issuers; nothing is made yet.
   *
   * @throws ConfigurationInvalid when a file with an access key is not there
   */
  static CrlPublication open(
      Home home,
      Configuration.CrlSection section,
      List<KeyedIssuer> issuers,
      Ledgers ledgers,
      RevocationVisibility visibility,
      MeterRegistry registry,
      Clock clock)
      throws ConfigurationInvalid {
    List<CrlIssuer> crlIssuers = new ArrayList<>();
    for (KeyedIssuer issuer : issuers) {
      LoadedIssuer loaded = issuer.loaded();
      crlIssuers.add(
          new CrlIssuer(loaded.id(), loaded.certificate(), issuer.crlKey(), section.settings()));
    }
    for (Configuration.ObjectStoreSection store : section.objectStores()) {
      // Once before anything is opened, so that a file that is missing is refused and no outage.
      S3Target.AccessKey _ = accessKey(home, store);
    }
    CrlShelf shelf = new CrlShelf(ledgers.crls(), clock, home.privateDirectory("crl"));
    List<S3Target> objectStores = new ArrayList<>();
    for (Configuration.ObjectStoreSection store : section.objectStores()) {
      objectStores.add(new S3Target(store.place(), () -> accessKeyNow(home, store), FRESHNESS));
    }
    return new CrlPublication(
        home, section, crlIssuers, shelf, objectStores, ledgers, visibility, registry, clock);
  }

  private static S3Target.AccessKey accessKey(Home home, Configuration.ObjectStoreSection section)
      throws ConfigurationInvalid {
    return new S3Target.AccessKey(
        Home.secret(home.resolve(section.accessKeyIdFile())),
        Home.secret(home.resolve(section.secretAccessKeyFile())));
  }

  private static S3Target.AccessKey accessKeyNow(
      Home home, Configuration.ObjectStoreSection section) throws IOException {
    try {
      return accessKey(home, section);
    } catch (ConfigurationInvalid e) {
      throw new IOException(e);
    }
  }

  CrlPublisher publisher() {
    return publisher;
  }

  PublicCrls publicCrls() {
    return publicCrls;
  }

  /** To be closed before what it looks at. */
  CrlWatch watch() {
    return watch;
  }

  /** The CRLs over HTTP. */
  CrlResource resource() {
    return new CrlResource(shelf, clock, FRESHNESS);
  }

  /**
   * Has changes that other nodes make awaited at the public URLs too, where these are looked at.
   */
  void watchChanges(StatusView view) {
    if (fetchBack) {
      view.tell(awaited);
    }
  }

  /** From when the CRLs have names. */
  void measureAges() {
    metrics.watch(publicCrls, settings.longestAge());
  }

  /** What is done again and again. */
  void keepUp(PeriodicWork work) {
    work.once("crls", Duration.ofMinutes(1), publisher::refreshDue);
    if (fetchBack) {
      work.aside("first look at the CRLs", watch::lookAtAll);
      work.everywhere("look at the CRLs", LOOK, watch::lookAtAll);
    }
    // What another node published, or this one before it died, may be missing in a directory.
    work.everywhere(
        "bring CRLs to their places",
        Duration.ofMinutes(1),
        () -> publicCrls.names().forEach(distribution::published));
  }

  /** The last first: who makes CRLs before who copies them. */
  @Override
  public void close() {
    publisher.close();
    watch.close();
    publicCrls.close();
    distribution.close();
    objectStores.forEach(S3Target::close);
  }
}
