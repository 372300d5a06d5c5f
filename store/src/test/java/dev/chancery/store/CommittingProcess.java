package dev.chancery.store;

import static dev.chancery.store.schema.Tables.AUDIT_EVENTS;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;

/** Commits numbered rows to an H2 file and prints each number once its commit has returned. */
final class CommittingProcess {
  private CommittingProcess() {}

  /** Arguments: the database's path, how many rows. */
  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    try (Database database =
        Database.open(DatabaseSettings.of("jdbc:h2:file:" + args[0], "sa", () -> ""))) {
      int first = database.sql().fetchCount(AUDIT_EVENTS);
      for (int i = first; i < first + Integer.parseInt(args[1]); i++) {
        database
            .sql()
            .insertInto(AUDIT_EVENTS)
            .set(AUDIT_EVENTS.AT, Timestamps.of(Instant.EPOCH))
            .set(AUDIT_EVENTS.ACTION, "test")
            .set(AUDIT_EVENTS.REQUESTED_BY, Integer.toString(i))
            .set(AUDIT_EVENTS.DETAIL, "x".repeat(i % 1000))
            .execute();
        out.print(i + "\n");
      }
    }
  }
}
