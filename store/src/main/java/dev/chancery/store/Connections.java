package dev.chancery.store;

import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.jooq.ConnectionProvider;
import org.jooq.exception.DataAccessException;
import org.jooq.exception.IntegrityConstraintViolationException;

/** Where statements get their connection from, and what their failures mean there. */
sealed interface Connections extends ConnectionProvider {
  @Override
  Connection acquire();

  /** A connection for a statement that changes something; {@link #release} gives it back. */
  Connection acquireToWrite();

  /** What a caller is told of a statement that failed. */
  RuntimeException failure(SQLException e);

  /** For statements that each commit by themselves: a connection for each. */
  record Pooled(DataSource reading, DataSource writing) implements Connections {
    @Override
    public Connection acquire() {
      return from(reading);
    }

    @Override
    public Connection acquireToWrite() {
      return from(writing);
    }

    /** One that cannot be had is an outage, whatever the driver calls it. */
    private static Connection from(DataSource pool) {
      try {
        return pool.getConnection();
      } catch (SQLException e) {
        throw new DatabaseAway("no connection to the database", e);
      }
    }

    @Override
    public void release(Connection connection) {
      try {
        connection.close();
      } catch (SQLException e) {
        throw new DatabaseAway("a connection to the database was lost", e);
      }
    }

    @Override
    public RuntimeException failure(SQLException e) {
      return SqlFailures.isLostRace(e)
          ? new DatabaseAway("a statement lost against others", e)
          : told(e);
    }
  }

  /** For the statements of one transaction, whose maker commits and closes it. */
  record OfTransaction(Connection connection) implements Connections {
    @Override
    public Connection acquire() {
      return connection;
    }

    @Override
    public Connection acquireToWrite() {
      return connection;
    }

    @Override
    public void release(Connection released) {}

    @Override
    public RuntimeException failure(SQLException e) {
      return told(e);
    }
  }

  private static RuntimeException told(SQLException e) {
    if (SqlFailures.isOutage(e)) {
      return new DatabaseAway("the database was lost in a statement", e);
    }
    // Without what the driver says, which can hold what the statement was given.
    return SqlFailures.isIntegrityViolation(e)
        ? new IntegrityConstraintViolationException("a constraint forbids a row", e)
        : new DataAccessException("a statement failed", e);
  }
}
