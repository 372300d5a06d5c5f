package dev.chancery.crl;

import dev.chancery.core.CrlName;
import dev.chancery.core.SerialNumber;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Looks at CRLs where the world sees them, on threads of its own: after each publication until the
 * new one is there, and at all of them as often as it is asked to. A few are looked at together,
 * and one round takes no longer than a bound: what it has not come to is first in the next one,
 * after what was published meanwhile.
 */
public final class CrlWatch implements CrlPublisher.Listener, AutoCloseable {
  private static final CoalescedTask.Pause PAUSE =
      new CoalescedTask.Pause(Duration.ofSeconds(1), Duration.ofMinutes(1));

  /** URLs that hang keep so many others from being looked at, and no more. */
  private static final int AT_ONCE = 8;

  /** After this time a round begins no further look. */
  private static final Duration ROUND = Duration.ofMinutes(1);

  /** Told of what was seen. */
  public interface Observer {
    /** Certificates that this wants to know of whether a list that is looked at has them. */
    Set<SerialNumber> awaited(CrlName name);

    /**
     * A list was looked at, by several threads at a time for several lists.
     *
     * @param looks at each of its URLs, the last one at that which new certificates name
     * @param awaited what the looks were about
     */
    void saw(CrlName name, List<PublicCrls.Look> looks, Set<SerialNumber> awaited);
  }

  private final PublicCrls world;
  private final Observer observer;

  /** What was published and not looked at since, in that order. */
  private final Set<CrlName> published = new LinkedHashSet<>();

  /** What else is to be looked at, the longest waiting first. */
  private final Set<CrlName> waiting = new LinkedHashSet<>();

  private final Duration round;
  private final CoalescedTask task;

  public CrlWatch(PublicCrls world, Observer observer) {
    this(world, observer, PAUSE, ROUND);
  }

  CrlWatch(PublicCrls world, Observer observer, CoalescedTask.Pause pause, Duration round) {
    this.world = world;
    this.observer = observer;
    this.round = round;
    this.task = new CoalescedTask("look at CRLs", this::look, pause);
  }

  @Override
  public void published(CrlName name) {
    synchronized (published) {
      published.add(name);
    }
    task.request();
  }

  /** Has every CRL looked at, and returns at once. */
  public void lookAtAll() {
    List<CrlName> all = world.names();
    synchronized (published) {
      waiting.addAll(all);
    }
    task.request();
  }

  /** All are looked at, as far as there is time, before it is said that one was not there. */
  private void look() throws IOException, InterruptedException {
    List<CrlName> names;
    synchronized (published) {
      waiting.removeAll(published);
      names = new ArrayList<>(published);
      names.addAll(waiting);
      // Those that are left stay before those that are asked for in the meantime.
      waiting.clear();
      waiting.addAll(names);
      published.clear();
    }
    long end = System.nanoTime() + round.toNanos();
    int missing = 0;
    Optional<Exception> failure = Optional.empty();
    ExecutorService few =
        Executors.newFixedThreadPool(AT_ONCE, Thread.ofVirtual().name("crl-look-", 0).factory());
    try {
      List<Future<Boolean>> looks = new ArrayList<>();
      for (CrlName name : names) {
        looks.add(few.submit(() -> System.nanoTime() - end < 0 && isGood(name)));
      }
      for (Future<Boolean> each : looks) {
        try {
          missing += each.get() ? 0 : 1;
        } catch (ExecutionException e) {
          missing++;
          failure = Optional.of(e);
        }
      }
    } finally {
      few.shutdownNow();
    }
    if (missing > 0) {
      throw new IOException(
          missing
              + " CRLs are not at their public URLs, or not looked at yet"
              + failure.map(e -> ": " + e).orElse(""));
    }
  }

  private boolean isGood(CrlName name) throws InterruptedException {
    // Taken off before the look: what is published after it is looked for again.
    synchronized (published) {
      waiting.remove(name);
    }
    boolean good = false;
    try {
      Set<SerialNumber> awaited = observer.awaited(name);
      List<PublicCrls.Look> looks = world.look(name, awaited);
      if (!looks.isEmpty()) {
        observer.saw(name, looks, awaited);
      }
      good = looks.stream().allMatch(PublicCrls.Look::isGood);
      return good;
    } finally {
      if (!good) {
        synchronized (published) {
          waiting.add(name);
        }
      }
    }
  }

  /**
   * Ends a look that is under way. A server whose start is refused has its own URLs bound, and
   * answers nothing there: to wait for the looks would hold up the refusal.
   */
  @Override
  public void close() {
    task.cancel();
  }
}
