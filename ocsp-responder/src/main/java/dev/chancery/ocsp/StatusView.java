package dev.chancery.ocsp;

import dev.chancery.core.IssuerId;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.StatusJournal;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What this node knows of changes of statuses. It looks into the journal several times within a
 * bound; as long as the last look is not older than that, an answer that no change has taken away
 * says what the ledger said within the bound, and needs no look into the ledger of its own.
 *
 * <p>Time is that of a clock which is never set: the bound holds when the other one is.
 */
public final class StatusView implements AutoCloseable {
  /** Told of changes after this node has learned of them. */
  public interface Listener {
    /** One certificate's status is another than it was. */
    void changed(IssuerId issuer, SerialNumber serial);

    /** Any status may be another than it was. */
    void anyChanged();

    /** Everything up to here is known; the newest changes, unless there are too many to tell. */
    default void upToDate(List<StatusJournal.Change> changes) {}
  }

  private static final Logger LOG = LoggerFactory.getLogger(StatusView.class);
  private static final int LOOKS_WITHIN_BOUND = 4;

  private final StatusJournal journal;
  private final long bound;
  private final LongSupplier nanos;
  private final List<Listener> listeners = new CopyOnWriteArrayList<>();
  private final Thread looking;
  private long version;

  /** When the last look that succeeded began, and when this began while there is none. */
  private volatile long lookedAt;

  private volatile boolean known;

  /**
   * Looks from now on, and again and again until it is closed.
   *
   * @param bound after this time at most a change that another node made is known here
   * @param nanos a clock that only goes forward, in nanoseconds
   */
  public StatusView(StatusJournal journal, Duration bound, LongSupplier nanos) {
    this.journal = journal;
    this.bound = bound.toNanos();
    this.nanos = nanos;
    this.version = -1;
    this.lookedAt = nanos.getAsLong();
    Duration pause = bound.dividedBy(LOOKS_WITHIN_BOUND);
    this.looking = Thread.ofVirtual().name("status-view").start(() -> lookAgain(pause));
  }

  /** Who must know of changes before an answer is given that relies on this. */
  public void tell(Listener listener) {
    listeners.add(listener);
    listener.anyChanged();
  }

  /** Whether every change that is older than the bound is known here. */
  boolean isCurrent() {
    return known && nanos.getAsLong() - lookedAt <= bound;
  }

  /**
   * How long ago this looked into the journal and was answered; before the first such look, how
   * long it has been trying to.
   */
  public Duration age() {
    return Duration.ofNanos(nanos.getAsLong() - lookedAt);
  }

  /**
   * Looks now. What was committed before this call is known here when it returns; when the journal
   * cannot be read, nothing is taken as known from then on until it can.
   */
  public synchronized void look() {
    try {
      // Before the question: what is committed while it is on its way may be missing in the answer.
      long started = nanos.getAsLong();
      if (version < 0) {
        version = journal.version();
        listeners.forEach(Listener::anyChanged);
      } else {
        apply(journal.since(version));
      }
      lookedAt = started;
      known = true;
    } catch (RuntimeException e) {
      if (known) {
        LOG.warn("changes of statuses cannot be read, each is looked up: {}", e.toString());
      }
      known = false;
    }
  }

  private void apply(StatusJournal.Changes changes) {
    if (changes.version() == version && changes.complete()) {
      return;
    }
    for (Listener listener : listeners) {
      if (changes.complete()) {
        changes.changes().forEach(change -> listener.changed(change.issuer(), change.serial()));
      } else {
        listener.anyChanged();
      }
    }
    version = changes.version();
    listeners.forEach(listener -> listener.upToDate(changes.changes()));
  }

  private void lookAgain(Duration pause) {
    try {
      while (!Thread.currentThread().isInterrupted()) {
        look();
        Thread.sleep(pause);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    looking.interrupt();
  }
}
