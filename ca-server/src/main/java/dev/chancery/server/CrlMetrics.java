package dev.chancery.server;

import dev.chancery.core.CrlName;
import dev.chancery.core.SerialNumber;
import dev.chancery.crl.CrlDistribution;
import dev.chancery.crl.CrlWatch;
import dev.chancery.crl.PublicCrls;
import dev.chancery.crl.SeenCrl;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What becomes of CRLs after they were published, as numbers for a monitoring. */
final class CrlMetrics implements CrlDistribution.Observer, CrlWatch.Observer {
  private static final Logger LOG = LoggerFactory.getLogger(CrlMetrics.class);

  /** What the world saw of a CRL when it was looked at last. */
  private record Sight(Optional<Instant> thisUpdate, boolean newest) {}

  private final MeterRegistry registry;
  private final AwaitedChanges changes;
  private final Clock clock;
  private final Map<CrlName, Sight> sights = new ConcurrentHashMap<>();

  CrlMetrics(MeterRegistry registry, AwaitedChanges changes, Clock clock) {
    this.registry = registry;
    this.changes = changes;
    this.clock = clock;
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
  public void saw(CrlName name, PublicCrls.Look look, Set<SerialNumber> awaited) {
    Optional<SeenCrl> usable =
        switch (look) {
          case PublicCrls.Look.Seen(var url, SeenCrl crl, boolean newest) ->
              crl.verified() ? Optional.of(crl) : Optional.empty();
          case PublicCrls.Look.Unusable unusable -> Optional.empty();
        };
    boolean isNewest = look instanceof PublicCrls.Look.Seen seen && seen.newest();
    if (!name.delta()) {
      changes.saw(name.scope(), usable, awaited);
    }
    Sight sight = new Sight(usable.map(SeenCrl::thisUpdate), isNewest);
    Sight before = sights.put(name, sight);
    if (before == null) {
      gauges(name);
    }
    if (!sight.newest() && (before == null || before.newest())) {
      LOG.warn("the CRL of {} at its public URL is not the one that was published: {}", name, look);
    } else if (sight.newest() && before != null && !before.newest()) {
      LOG.info("the CRL of {} at its public URL is again the one that was published", name);
    }
  }

  private void gauges(CrlName name) {
    Gauge.builder("chancery.crl.seen.age", () -> age(name))
        .tag("crl", name.path())
        .baseUnit("seconds")
        .strongReference(true)
        .register(registry);
    Gauge.builder("chancery.crl.seen.newest", () -> isNewest(name) ? 1 : 0)
        .tag("crl", name.path())
        .strongReference(true)
        .register(registry);
  }

  private boolean isNewest(CrlName name) {
    Sight sight = sights.get(name);
    return sight != null && sight.newest();
  }

  /** In seconds; nothing while the world sees no CRL that it could use. */
  private double age(CrlName name) {
    Sight sight = sights.get(name);
    return sight == null || sight.thisUpdate().isEmpty()
        ? Double.NaN
        : Duration.between(sight.thisUpdate().get(), clock.instant()).toMillis() / 1000.0;
  }
}
