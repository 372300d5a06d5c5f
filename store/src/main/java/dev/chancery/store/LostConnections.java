package dev.chancery.store;

import com.zaxxer.hikari.SQLExceptionOverride;
import java.sql.SQLException;

/**
 * Has the pool give up connections to an H2 database that H2 has closed after an error: they call
 * themselves valid still, and the next one opens the file again.
 */
final class ClosedByAccident implements SQLExceptionOverride {
  // Both names in full: the interface has an Override of its own.
  @java.lang.Override
  public SQLExceptionOverride.Override adjudicate(SQLException failure) {
    return SqlFailures.isOutage(failure)
        ? SQLExceptionOverride.Override.MUST_EVICT
        : SQLExceptionOverride.Override.CONTINUE_EVICT;
  }
}
