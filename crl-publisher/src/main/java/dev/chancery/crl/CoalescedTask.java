package dev.chancery.crl;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs a task once after each request, on a thread of its own. At most one run is under way and one
 * waits: what is asked while one waits is done by that one. A run that fails is repeated, less and
 * less often, until one succeeds.
 */
final class CoalescedTask implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(CoalescedTask.class);

  /** Long enough for a CRL, short enough for whoever waits for the process to end. */
  private static final Duration LONGEST_END = Duration.ofSeconds(5);

  /** What is run. */
  interface Task {
    /** Throws when it must be tried again. */
    void run() throws Exception;
  }

  /**
   * How long to wait after a failure; doubled after each further one.
   *
   * @param most never longer than this
   */
  record Pause(Duration first, Duration most) {
    private Duration after(int failures) {
      Duration pause = first.multipliedBy(1L << Math.min(failures - 1, 20));
      return pause.compareTo(most) < 0 ? pause : most;
    }
  }

  private final String name;
  private final Task task;
  private final Pause pause;
  private final Supplier<Duration> rest;
  private boolean waiting;
  private boolean closed;
  private @Nullable Thread thread;

  CoalescedTask(String name, Task task, Pause pause) {
    this(name, task, pause, () -> Duration.ZERO);
  }

  /**
   * A task that takes a rest after each run that succeeded, whatever is requested meanwhile.
   *
   * @param rest how long, asked after each run
   */
  CoalescedTask(String name, Task task, Pause pause, Supplier<Duration> rest) {
    this.name = name;
    this.task = task;
    this.pause = pause;
    this.rest = rest;
  }

  /** Returns at once; a whole run will begin after this call. */
  synchronized void request() {
    waiting = true;
    if (thread == null && !closed) {
      thread = Thread.ofVirtual().name(name).start(this::work);
    }
  }

  private void work() {
    try {
      int failures = 0;
      while (takeRequest()) {
        try {
          task.run();
          failures = 0;
          sleep(rest.get());
        } catch (InterruptedException e) {
          return;
        } catch (Exception e) {
          failures++;
          LOG.warn("{} failed and will be tried again: {}", name, e.toString());
          pauseAndAskAgain(pause.after(failures));
        }
      }
    } catch (InterruptedException e) {
      LOG.debug("{} was stopped", name);
    } finally {
      // Also after an error such as exhausted memory: the next request begins anew.
      finish();
    }
  }

  private synchronized boolean takeRequest() {
    boolean taken = waiting && !closed;
    waiting = false;
    if (!taken) {
      // Here, under the same lock, so that no request can fall between this run and its end.
      thread = null;
    }
    return taken;
  }

  private synchronized void pauseAndAskAgain(Duration length) throws InterruptedException {
    waiting = true;
    sleep(length);
  }

  private synchronized void sleep(Duration length) throws InterruptedException {
    long end = System.nanoTime() + length.toNanos();
    for (long left = length.toNanos(); left > 0 && !closed; left = end - System.nanoTime()) {
      TimeUnit.NANOSECONDS.timedWait(this, left);
    }
  }

  private synchronized void finish() {
    if (Thread.currentThread().equals(thread)) {
      thread = null;
    }
  }

  /** No run begins after this; one that is under way goes on. */
  synchronized void stop() {
    closed = true;
    notifyAll();
  }

  /**
   * Stops, and waits for a run that is under way, so that it finds all that it uses still open. One
   * that takes too long is interrupted and left.
   */
  @Override
  public void close() {
    stop();
    Thread last = running();
    if (last == null) {
      return;
    }
    try {
      if (!last.join(LONGEST_END)) {
        LOG.warn("{} does not end and is left", name);
        last.interrupt();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Stops, and interrupts a run that is under way: for what nobody misses when it is not done. */
  void cancel() {
    stop();
    Thread last = running();
    if (last != null) {
      last.interrupt();
    }
    close();
  }

  private synchronized @Nullable Thread running() {
    return thread;
  }
}
