package dev.chancery.crl;

import dev.chancery.core.CrlName;
import dev.chancery.core.SerialNumber;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;

/**
 * Looks at CRLs where the world sees them, on a thread of its own: after each publication until the
 * new one is there, and at all of them as often as it is asked to.
 */
public final class CrlWatch implements CrlPublisher.Listener, AutoCloseable {
  private static final CoalescedTask.Pause PAUSE =
      new CoalescedTask.Pause(Duration.ofSeconds(1), Duration.ofMinutes(1));

  /** Told of what was seen. */
  public interface Observer {
    /** Certificates that this wants to know of whether a list that is looked at has them. */
    Set<SerialNumber> awaited(CrlName name);

    /**
     * A list was looked at.
     *
     * @param awaited what the look was about
     */
    void saw(CrlName name, PublicCrls.Look look, Set<SerialNumber> awaited);
  }

  private final PublicCrls world;
  private final Observer observer;
  private final Set<CrlName> waiting = new ConcurrentSkipListSet<>();
  private final CoalescedTask task;

  public CrlWatch(PublicCrls world, Observer observer) {
    this(world, observer, PAUSE);
  }

  CrlWatch(PublicCrls world, Observer observer, CoalescedTask.Pause pause) {
    this.world = world;
    this.observer = observer;
    this.task = new CoalescedTask("look at CRLs", this::look, pause);
  }

  @Override
  public void published(CrlName name) {
    waiting.add(name);
    task.request();
  }

  /** Has every CRL looked at, and returns at once. */
  public void lookAtAll() {
    waiting.addAll(world.names());
    task.request();
  }

  /** All are looked at before it is said that one was not there. */
  private void look() throws IOException, InterruptedException {
    IOException missing = null;
    for (CrlName name : List.copyOf(waiting)) {
      // Taken off before the look: what is published after it is looked for again.
      waiting.remove(name);
      Set<SerialNumber> awaited = observer.awaited(name);
      Optional<PublicCrls.Look> look = world.look(name, awaited);
      if (look.isPresent()) {
        observer.saw(name, look.get(), awaited);
        if (!(look.get() instanceof PublicCrls.Look.Seen seen) || !seen.newest()) {
          waiting.add(name);
          missing = new IOException("the CRL of " + name + " is not at its public URL");
        }
      }
    }
    if (missing != null) {
      throw missing;
    }
  }

  @Override
  public void close() {
    task.stop();
    task.close();
  }
}
