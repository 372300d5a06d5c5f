package dev.chancery.store;

import static dev.chancery.store.schema.Tables.SCHEDULED_TASKS;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;

/**
 * When the cluster's periodic work is due, as db-scheduler keeps it. That goes by the clock: after
 * it was put back, work would not be due before it is again what it was.
 */
public final class Schedule {
  private final Database database;
  private final Clock clock;

  public Schedule(Database database, Clock clock) {
    this.database = database;
    this.clock = clock;
  }

  /**
   * Makes work due now that would be due later than it can be.
   *
   * @param longest the pause after the work, and more than the clocks of nodes differ
   * @return whether it was so
   */
  public boolean bringForward(String work, Duration longest) {
    Instant now = clock.instant();
    return database.inTransaction(sql -> {
      int due =
          sql.update(SCHEDULED_TASKS)
              .set(SCHEDULED_TASKS.EXECUTION_TIME, Timestamps.of(now))
              .where(SCHEDULED_TASKS.TASK_NAME.eq(work))
              .and(SCHEDULED_TASKS.PICKED.isFalse())
              .and(SCHEDULED_TASKS.EXECUTION_TIME.gt(Timestamps.of(now.plus(longest))))
              .execute();
      // A node that is alive says so again; one that is not is found dead, as it would have been.
      int alive =
          sql.update(SCHEDULED_TASKS)
              .set(SCHEDULED_TASKS.LAST_HEARTBEAT, Timestamps.of(now))
              .where(SCHEDULED_TASKS.TASK_NAME.eq(work))
              .and(SCHEDULED_TASKS.PICKED.isTrue())
              .and(SCHEDULED_TASKS.LAST_HEARTBEAT.gt(Timestamps.of(now.plus(longest))))
              .execute();
      return due + alive > 0;
    });
  }
}
