package dev.chancery.server;

import dev.chancery.core.CrlName;
import dev.chancery.core.SerialNumber;
import dev.chancery.crl.CrlDistribution;
import dev.chancery.crl.CrlShelf;
import dev.chancery.crl.CrlWatch;
import dev.chancery.crl.PublicCrls;
import dev.chancery.crl.SeenCrl;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What becomes of CRLs after they were published, as numbers for a monitoring. */
final class CrlMetrics implements CrlDistribution.Observer, CrlWatch.Observer {
  private static final Logger LOG = LoggerFactory.getLogger(CrlMetrics.class);

  /** A CRL at one of the URLs that certificates name. */
  private record Place(CrlName name, URI url) {}

  /**
   * What the world saw of a CRL when it was looked at last.
   *
   * @param thisUpdate of the last one that it could use; when there was none, the first look
   */
  private record Sight(Instant thisUpdate, boolean good) {}

  private final MeterRegistry registry;
  private final AwaitedChanges changes;
  private final Clock clock;
  private final Map<Place, Sight> sights = new ConcurrentHashMap<>();

  CrlMetrics(MeterRegistry registry, AwaitedChanges changes, Clock clock) {
    this.registry = registry;
    this.changes = changes;
    this.clock = clock;
  }

  /**
   * Has the times of the published CRLs measured: when each ends, and when the next one is due.
   *
   * @param longestAge after how long there is a new one without need
   */
  void watch(PublicCrls crls, Duration longestAge) {
    for (CrlName name : crls.names()) {
      time("chancery.crl.end", name, () -> crls.lastKnown(name).map(CrlShelf.Copy::nextUpdate));
      time(
          "chancery.crl.due",
          name,
          () -> crls.lastKnown(name).map(copy -> copy.thisUpdate().plus(longestAge)));
    }
  }

  /** An instant in seconds, as Prometheus' time(); zero while there is none, which is over. */
  private void time(String metric, CrlName name, Supplier<Optional<Instant>> at) {
    Gauge.builder(metric, () -> at.get().map(Instant::getEpochSecond).orElse(0L))
        .tag("crl", name.path())
        .baseUnit("seconds")
        .strongReference(true)
        .register(registry);
  }

  @Override
  public void put(String target, CrlName name) {
    registry.counter("chancery.crl.puts", "target", target).increment();
  }

  @Override
  public void failed(String target, CrlName name, String why) {
    registry.counter("chancery.crl.put.failures", "target", target).increment();
    LOG.warn("the CRL of {} is not at {} and will be tried again: {}", name, target, why);
  }

  @Override
  public Set<SerialNumber> awaited(CrlName name) {
    return changes.awaited(name);
  }

  @Override
  public void saw(CrlName name, List<PublicCrls.Look> looks, Set<SerialNumber> awaited) {
    if (!name.delta()) {
      changes.saw(name.scope(), usable(looks.getLast()), awaited);
    }
    looks.forEach(look -> saw(new Place(name, look.url()), look));
  }

  private static Optional<SeenCrl> usable(PublicCrls.Look look) {
    return switch (look) {
      case PublicCrls.Look.Seen(var url, SeenCrl crl, boolean newest, Optional<String> problem) ->
          problem.isEmpty() ? Optional.of(crl) : Optional.empty();
      case PublicCrls.Look.Unusable unusable -> Optional.empty();
    };
  }

  private void saw(Place place, PublicCrls.Look look) {
    Sight before = sights.get(place);
    Instant thisUpdate =
        usable(look)
            .map(SeenCrl::thisUpdate)
            .orElseGet(() -> before == null ? clock.instant() : before.thisUpdate());
    sights.put(place, new Sight(thisUpdate, look.isGood()));
    if (before == null) {
      gauges(place);
    }
    if (!look.isGood() && (before == null || before.good())) {
      LOG.warn("at {} relying parties do not find the CRL that was published: {}", place, look);
    } else if (look.isGood() && before != null && !before.good()) {
      LOG.info("at {} relying parties find the CRL again that was published", place);
    }
  }

  private void gauges(Place place) {
    Tags tags = Tags.of("crl", place.name().path(), "url", place.url().toString());
    Gauge.builder("chancery.crl.seen.age", () -> age(place))
        .tags(tags)
        .baseUnit("seconds")
        .strongReference(true)
        .register(registry);
    Gauge.builder("chancery.crl.seen.newest", () -> sight(place).good() ? 1 : 0)
        .tags(tags)
        .strongReference(true)
        .register(registry);
  }

  private Sight sight(Place place) {
    return Objects.requireNonNull(sights.get(place));
  }

  /** In seconds, of the last CRL there that the world could use; it grows while there is none. */
  private double age(Place place) {
    return Duration.between(sight(place).thisUpdate(), clock.instant()).toMillis() / 1000.0;
  }
}
