package dev.chancery.server;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.IssuerId;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.StatusJournal;
import dev.chancery.ocsp.OcspResponder;
import dev.chancery.ocsp.StatusView;
import dev.chancery.store.TokenAudit;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How long it takes from the record of a revocation to the moment when relying parties can see it,
 * for each place where they look; longer than a bound is an event.
 *
 * <p>The record has the time of the node that made it, so the difference of the nodes' clocks is in
 * what is measured.
 */
final class RevocationVisibility {
  private static final Logger LOG = LoggerFactory.getLogger(RevocationVisibility.class);
  private static final Duration[] BUCKETS = {
    Duration.ofMillis(10),
    Duration.ofMillis(50),
    Duration.ofMillis(200),
    Duration.ofMillis(500),
    Duration.ofSeconds(1),
    Duration.ofSeconds(2),
    Duration.ofSeconds(5),
    Duration.ofSeconds(15),
    Duration.ofMinutes(1),
    Duration.ofMinutes(5),
    Duration.ofMinutes(15),
    Duration.ofHours(1),
    Duration.ofDays(1)
  };

  /** Where relying parties look. */
  enum Place {
    /** What this node answers. */
    OCSP,
    /** The CRL as it is published. */
    CRL
  }

  private final MeterRegistry registry;
  private final TokenAudit audit;
  private final Map<Place, Duration> bounds;
  private final Clock clock;

  /**
   * @param bounds after which it is an event that a revocation was not to be seen
   */
  RevocationVisibility(
      MeterRegistry registry, TokenAudit audit, Map<Place, Duration> bounds, Clock clock) {
    this.registry = registry;
    this.audit = audit;
    this.bounds = Map.copyOf(bounds);
    this.clock = clock;
  }

  /**
   * Has changes measured that this node's responder comes to know, and adds the age of what this
   * node knows.
   */
  void watch(StatusView view, OcspResponder responder) {
    Gauge.builder("chancery.ocsp.status.age", view, it -> it.age().toNanos() / 1e9)
        .baseUnit("seconds")
        .strongReference(true)
        .register(registry);
    view.tell(new Answers(responder));
  }

  private final class Answers implements StatusView.Listener {
    private final OcspResponder responder;

    Answers(OcspResponder responder) {
      this.responder = responder;
    }

    @Override
    public void changed(IssuerId issuer, SerialNumber serial) {
      // Measured when everything else has been told.
    }

    @Override
    public void anyChanged() {
      // Too much, or too long ago, to be measured one by one.
    }

    /** Asks this node's responder for the newest change; what shows that shows those before it. */
    @Override
    public void upToDate(List<StatusJournal.Change> changes) {
      if (changes.isEmpty()) {
        return;
      }
      StatusJournal.Change newest = changes.getLast();
      boolean shows =
          responder
              .status(newest.issuer(), newest.serial())
              .filter(status -> !(status instanceof CertificateStatus.Unknown))
              .isPresent();
      if (shows) {
        changes.forEach(change -> {
          visible(Place.OCSP, change);
          if (isLate(Place.OCSP, change)) {
            late(Place.OCSP, change, "showed after");
          }
        });
      }
    }
  }

  /** Takes note that a change can be seen from now on. */
  void visible(Place place, StatusJournal.Change change) {
    Timer.builder("chancery.revocation.visible")
        .tags("place", name(place))
        .serviceLevelObjectives(BUCKETS)
        .register(registry)
        .record(since(change));
  }

  /** Whether a change that can be seen from now on, or cannot, should have been before. */
  boolean isLate(Place place, StatusJournal.Change change) {
    Duration bound = bounds.get(place);
    return bound != null && since(change).compareTo(bound) > 0;
  }

  /** Raises the event of a change that is late. */
  void late(Place place, StatusJournal.Change change, String how) {
    Counter.builder("chancery.revocation.late")
        .tags("place", name(place))
        .register(registry)
        .increment();
    String what =
        change.serial()
            + " of "
            + change.issuer()
            + " "
            + how
            + " "
            + since(change)
            + ", bound "
            + bounds.get(place);
    LOG.warn("a revocation or release in {}: {}", name(place), what);
    try {
      audit.record("revocation-late", name(place) + ": " + what);
    } catch (RuntimeException e) {
      LOG.error("not in the audit trail: a revocation was late", e);
    }
  }

  private Duration since(StatusJournal.Change change) {
    Duration took = Duration.between(change.recordedAt(), clock.instant());
    return took.isNegative() ? Duration.ZERO : took;
  }

  private static String name(Place place) {
    return place.name().toLowerCase(Locale.ROOT);
  }
}
