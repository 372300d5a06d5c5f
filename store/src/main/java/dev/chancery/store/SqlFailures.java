package dev.chancery.store;

import java.sql.SQLException;
import java.sql.SQLNonTransientConnectionException;
import java.sql.SQLRecoverableException;
import java.sql.SQLTransientConnectionException;
import java.util.Set;
import org.h2.api.ErrorCode;
import org.jspecify.annotations.Nullable;

/** Tells the failures of a database apart: an outage, a lost race, or a bug. */
final class SqlFailures {
  // PostgreSQL appendix A: class 08 is a lost connection.
  private static final String CONNECTION_CLASS = "08";
  private static final Set<String> AWAY_STATES =
      Set.of(
          "57P01", // admin_shutdown
          "57P02", // crash_shutdown
          "57P03", // cannot_connect_now
          "53100", // disk_full
          "53200", // out_of_memory
          "53300", // too_many_connections
          "58030", // io_error
          "25006"); // read_only_sql_transaction: the server became a standby
  private static final Set<Integer> H2_AWAY =
      Set.of(
          ErrorCode.IO_EXCEPTION_1, // a full disk, for example
          ErrorCode.IO_EXCEPTION_2,
          ErrorCode.OUT_OF_MEMORY,
          ErrorCode.DATABASE_IS_READ_ONLY,
          ErrorCode.DATABASE_IS_CLOSED,
          ErrorCode.CONNECTION_BROKEN_1,
          ErrorCode.DATABASE_CALLED_AT_SHUTDOWN);
  private static final Set<String> RACE_STATES =
      Set.of(
          "40001", // serialization_failure; H2's deadlock
          "40P01", // deadlock_detected
          "55P03", // lock_not_available
          "HYT00"); // H2's lock timeout
  // SQL:2023 part 2 section 24: integrity constraint violation.
  private static final String INTEGRITY_CLASS = "23";
  private static final Set<Integer> H2_RACE = Set.of(ErrorCode.CONCURRENT_UPDATE_1);

  private SqlFailures() {}

  /** Whether the database could not be reached, or was lost on the way. */
  static boolean isOutage(Throwable failure) {
    SQLException sql = sqlException(failure);
    return sql != null
        && (sql instanceof SQLTransientConnectionException
            || sql instanceof SQLNonTransientConnectionException
            || sql instanceof SQLRecoverableException
            || H2_AWAY.contains(sql.getErrorCode())
            || (sql.getSQLState() != null
                && (sql.getSQLState().startsWith(CONNECTION_CLASS)
                    || AWAY_STATES.contains(sql.getSQLState()))));
  }

  /** Whether a transaction was rolled back only because of others that ran beside it. */
  static boolean isLostRace(Throwable failure) {
    SQLException sql = sqlException(failure);
    return sql != null
        && (H2_RACE.contains(sql.getErrorCode())
            || (sql.getSQLState() != null && RACE_STATES.contains(sql.getSQLState())));
  }

  /** Whether a constraint forbids what a statement would have written. */
  static boolean isIntegrityViolation(SQLException failure) {
    return failure.getSQLState() != null && failure.getSQLState().startsWith(INTEGRITY_CLASS);
  }

  /** The first SQLException among a failure and its causes. */
  static @Nullable SQLException sqlException(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof SQLException sql) {
        return sql;
      }
    }
    return null;
  }

  /** What a failure says, in one line. */
  static String oneLine(Throwable failure) {
    String message = failure.getMessage();
    return message == null
        ? failure.getClass().getSimpleName()
        : message.strip().replaceAll("\\s*\\R\\s*", "; ");
  }
}
