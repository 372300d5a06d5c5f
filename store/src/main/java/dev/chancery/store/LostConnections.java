package dev.chancery.store;

import com.zaxxer.hikari.SQLExceptionOverride;
import java.sql.SQLException;

/**
 * Has the pool give up connections that call themselves valid still and are of no use: to an H2
 * database that H2 has closed after an error, where the next one opens the file again, and to a
 * PostgreSQL server that became a standby, where the next one finds its successor.
 */
final class LostConnections implements SQLExceptionOverride {
  // Both names in full: the interface has an Override of its own.
  @java.lang.Override
  public SQLExceptionOverride.Override adjudicate(SQLException failure) {
    return SqlFailures.isOutage(failure)
        ? SQLExceptionOverride.Override.MUST_EVICT
        : SQLExceptionOverride.Override.CONTINUE_EVICT;
  }
}
