package dev.chancery.server;

import com.github.kagkarlsson.scheduler.Scheduler;
import com.github.kagkarlsson.scheduler.SchedulerName;
import com.github.kagkarlsson.scheduler.task.helper.RecurringTask;
import com.github.kagkarlsson.scheduler.task.helper.Tasks;
import com.github.kagkarlsson.scheduler.task.schedule.FixedDelay;
import dev.chancery.store.Database;
import dev.chancery.store.Schedule;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is done again and again: once per cluster, through the database, or on each node for what
 * each node has for itself. Work that fails is logged and done again at its next time.
 */
final class PeriodicWork implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PeriodicWork.class);
  private static final Duration POLLING = Duration.ofSeconds(5);
  // A node that dies in the middle of work keeps others from it until it has missed so many
  // heartbeats; a slow node that is taken for dead costs no more than work that is done twice.
  private static final Duration HEARTBEAT = Duration.ofSeconds(10);
  private static final int MOST_MISSED_HEARTBEATS = 4;

  /** What is under way when the process ends may take as long as this. */
  private static final Duration LONGEST_END = Duration.ofSeconds(5);

  /** Work that may fail. */
  interface Work {
    void run() throws Exception;
  }

  /**
   * How often to look whether the cluster's work stands in the future, by a clock that is never
   * set.
   */
  private static final Duration CLOCK_LOOK = Duration.ofSeconds(30);

  /** More than the clocks of nodes differ. */
  private static final Duration UNCERTAIN = Duration.ofMinutes(1);

  private final DataSource database;
  private final Schedule schedule;
  private final String node;
  private final Duration clockLook;
  private final List<RecurringTask<Void>> shared = new ArrayList<>();
  private final Map<String, Duration> pauses = new LinkedHashMap<>();
  // A thread for each work, so that none waits for another's network or token; not virtual ones,
  // of which those that a token keeps would hold what carries the others.
  private final ExecutorService own =
      Executors.newThreadPerTaskExecutor(
          Thread.ofPlatform().name("periodic-", 0).daemon().factory());
  private final CountDownLatch closing = new CountDownLatch(1);
  private @Nullable Scheduler scheduler;

  /**
   * @param node what the cluster knows this process by; no other has it, nor had it before
   */
  PeriodicWork(Database database, Clock clock, String node) {
    this(database, clock, node, CLOCK_LOOK);
  }

  PeriodicWork(Database database, Clock clock, String node, Duration clockLook) {
    this.database = database.dataSource();
    this.schedule = new Schedule(database, clock);
    this.node = node;
    this.clockLook = clockLook;
  }

  /** Work for one node of the cluster at a time. */
  void once(String name, Duration pause, Work work) {
    pauses.put(name, pause);
    shared.add(
        Tasks.recurring(name, FixedDelay.of(pause))
            .execute((task, context) -> attempt(name, work)));
  }

  /** Work for every node, by itself: it waits for no other, and no other for it. */
  void everywhere(String name, Duration pause, Work work) {
    own.execute(() -> {
      try {
        while (!closing.await(pause.toMillis(), TimeUnit.MILLISECONDS)) {
          attempt(name, work);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    });
  }

  /** What is done once, from now on, while all else goes on. */
  void aside(String name, Work work) {
    own.execute(() -> attempt(name, work));
  }

  /** Begins with the cluster's work; what was added later is not done. */
  void start() {
    scheduler =
        Scheduler.create(database)
            .startTasks(shared)
            .schedulerName(new SchedulerName.Fixed(node))
            .alwaysPersistTimestampInUTC()
            .threads(2)
            .pollingInterval(POLLING)
            .heartbeatInterval(HEARTBEAT)
            .missedHeartbeatsLimit(MOST_MISSED_HEARTBEATS)
            .shutdownMaxWait(LONGEST_END)
            .build();
    scheduler.start();
    Map<String, Duration> all = Map.copyOf(pauses);
    everywhere("work after a clock was put back", clockLook, () -> bringForward(all));
  }

  private void bringForward(Map<String, Duration> all) {
    all.forEach((name, pause) -> {
      if (schedule.bringForward(name, pause.plus(UNCERTAIN))) {
        LOG.warn("{} was due in the future, and is due now: was the clock put back?", name);
      }
    });
  }

  private static void attempt(String name, Work work) {
    try {
      work.run();
    } catch (Exception e) {
      if (e instanceof InterruptedException) {
        Thread.currentThread().interrupt();
      }
      LOG.warn("{} failed and will be tried again: {}", name, e.toString());
    }
  }

  @Override
  public void close() {
    // Not interrupted at once: work that is under way still finds the database open, and ends.
    closing.countDown();
    own.shutdown();
    if (scheduler != null) {
      scheduler.stop();
    }
    try {
      if (!own.awaitTermination(LONGEST_END.toSeconds(), TimeUnit.SECONDS)) {
        own.shutdownNow();
      }
    } catch (InterruptedException e) {
      own.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
