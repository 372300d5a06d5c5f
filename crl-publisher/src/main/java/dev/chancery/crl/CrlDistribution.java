package dev.chancery.crl;

import dev.chancery.core.CrlName;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;

/**
 * Brings published CRLs to the places from where others serve them. Each place has a thread and
 * failures of its own: one that is down keeps no other waiting, and gets what it missed when it is
 * back.
 */
public final class CrlDistribution implements CrlPublisher.Listener, AutoCloseable {
  private static final CoalescedTask.Pause PAUSE =
      new CoalescedTask.Pause(Duration.ofSeconds(1), Duration.ofMinutes(5));

  /** Told of what becomes of CRLs at each place. */
  public interface Observer {
    /** Written there. */
    void put(String target, CrlName name);

    /** Not there; it will be tried again. */
    void failed(String target, CrlName name, String why);
  }

  private record Place(CrlTarget target, Set<CrlName> waiting, CoalescedTask task) {}

  private final CrlShelf shelf;
  private final Observer observer;
  private final List<Place> places;

  public CrlDistribution(List<CrlTarget> targets, CrlShelf shelf, Observer observer) {
    this(targets, shelf, observer, PAUSE);
  }

  CrlDistribution(
      List<CrlTarget> targets, CrlShelf shelf, Observer observer, CoalescedTask.Pause pause) {
    this.shelf = shelf;
    this.observer = observer;
    this.places = targets.stream().map(target -> place(target, pause)).toList();
  }

  private Place place(CrlTarget target, CoalescedTask.Pause pause) {
    Set<CrlName> waiting = new ConcurrentSkipListSet<>();
    return new Place(
        target,
        waiting,
        new CoalescedTask("CRLs for " + target.name(), () -> putAll(target, waiting), pause));
  }

  /** Has the newest CRL of a name brought to every place, and returns at once. */
  @Override
  public void published(CrlName name) {
    for (Place place : places) {
      place.waiting().add(name);
      place.task().request();
    }
  }

  /** All that can be put is, before the first failure is reported. */
  private void putAll(CrlTarget target, Set<CrlName> waiting) throws IOException {
    IOException failure = null;
    for (CrlName name : List.copyOf(waiting)) {
      // Taken off before the look at the shelf: what is published after it is put again.
      waiting.remove(name);
      try {
        Optional<CrlShelf.Copy> copy = shelf.refresh(name);
        if (copy.isPresent() && target.put(copy.get())) {
          observer.put(target.name(), name);
        }
      } catch (IOException | RuntimeException e) {
        waiting.add(name);
        observer.failed(target.name(), name, e.toString());
        failure = e instanceof IOException io ? io : new IOException(e);
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  @Override
  public void close() {
    places.forEach(place -> place.task().stop());
    places.forEach(place -> place.task().close());
  }
}
