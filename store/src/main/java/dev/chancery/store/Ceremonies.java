package dev.chancery.store;

import static dev.chancery.store.schema.Tables.CEREMONIES;

import java.time.Clock;
import java.time.Instant;

/**
 * The ceremonies whose results were taken in. A plan is held once: a second transcript of it has
 * signed its items a second time, and nobody knows what the first one has made.
 */
public final class Ceremonies {
  private final Database database;
  private final Clock clock;

  public Ceremonies(Database database, Clock clock) {
    this.database = database;
    this.clock = clock;
  }

  /**
   * Remembers the one ceremony of a plan.
   *
   * @param plan the SHA-256 digest of the plan, in hexadecimal digits
   * @param transcript that of the last line of the transcript
   * @param by who took it in, for the audit trail
   * @return the transcript that is known of this plan: another one is to be refused
   */
  public String takeIn(String plan, String transcript, String by) {
    Instant now = clock.instant();
    return database.inTransaction(sql -> {
      IssuerRegistry.takeTurn(sql);
      String known =
          sql.select(CEREMONIES.TRANSCRIPT_SHA256)
              .from(CEREMONIES)
              .where(CEREMONIES.PLAN_SHA256.eq(plan))
              .fetchOne(CEREMONIES.TRANSCRIPT_SHA256);
      if (known != null) {
        return known;
      }
      sql.insertInto(CEREMONIES)
          .set(CEREMONIES.PLAN_SHA256, plan)
          .set(CEREMONIES.TRANSCRIPT_SHA256, transcript)
          .set(CEREMONIES.TAKEN_AT, Timestamps.of(now))
          .execute();
      AuditTrail.operation(sql, now, "import-ceremony", by, "plan " + plan);
      return transcript;
    });
  }
}
