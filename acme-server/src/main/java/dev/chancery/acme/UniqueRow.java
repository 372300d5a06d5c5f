package dev.chancery.acme;

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
    try {
      return insert.execute() == 1;
    } catch (IntegrityConstraintViolationException e) {
      // For H2 jOOQ writes a merge, which loses a race by an exception instead of by zero rows.
      return false;
    }
  }
}
