package dev.chancery.acme;

import dev.chancery.store.PreparedQuery;
import java.util.function.IntSupplier;
import org.jooq.DSLContext;
import org.jooq.Query;
import org.jooq.exception.IntegrityConstraintViolationException;

/** Inserts that at most one of several requests at once may make. */
final class UniqueRow {
  private UniqueRow() {}

  /**
   * Runs an "insert ... on conflict do nothing".
   *
   * @return whether the row was inserted; false when its key was taken
   */
  static boolean insert(Query insert) {
    return isOne(insert::execute);
  }

  /** As the other. */
  static boolean insert(DSLContext sql, PreparedQuery<?>.Call insert) {
    return isOne(() -> insert.execute(sql));
  }

  private static boolean isOne(IntSupplier rows) {
    try {
      return rows.getAsInt() == 1;
    } catch (IntegrityConstraintViolationException e) {
      // For H2 jOOQ writes a merge, which loses a race by an exception instead of by zero rows.
      return false;
    }
  }
}
