package dev.chancery.store;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import org.jooq.impl.DSL;

/**
 * The clock that all nodes have in common: the database's. What one of them began and another one
 * waits for is measured by it; each look is a question.
 */
public final class DatabaseClock extends Clock {
  private final Database database;

  public DatabaseClock(Database database) {
    this.database = database;
  }

  /**
   * Asks the database.
   *
   * @throws DatabaseAway when it does not answer
   */
  @Override
  public Instant instant() {
    return database.sql().select(DSL.currentOffsetDateTime()).fetchSingle().value1().toInstant();
  }

  @Override
  public ZoneId getZone() {
    return ZoneOffset.UTC;
  }

  @Override
  public Clock withZone(ZoneId zone) {
    throw new UnsupportedOperationException("times of a database have no zone");
  }
}
