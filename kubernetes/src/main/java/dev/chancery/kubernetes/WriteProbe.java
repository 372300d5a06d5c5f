package dev.chancery.kubernetes;

import static dev.chancery.store.schema.Tables.VAULT_SIGNINGS;

import dev.chancery.core.Der;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.store.Database;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.UUID;
import org.jooq.impl.DSL;

/** Finds out whether the database would take what a request to sign writes first. */
final class WriteProbe implements Runnable {
  private final Database database;
  private final TimeOrderedIds ids;

  WriteProbe(Database database, Clock clock, SecureRandom random) {
    this.database = database;
    this.ids = new TimeOrderedIds(clock, random);
  }

  /**
   * Writes a row that nobody sees, and commits.
   *
   * @throws RuntimeException when the database does not take it
   */
  @Override
  public void run() {
    UUID nothing = ids.next();
    byte[] digest = Der.of(nothing.toString().getBytes(StandardCharsets.US_ASCII)).sha256();
    database.inTransaction(sql -> {
      sql.insertInto(VAULT_SIGNINGS)
          .set(VAULT_SIGNINGS.DIGEST, digest)
          .set(VAULT_SIGNINGS.REQUEST_ID, nothing)
          .set(VAULT_SIGNINGS.MADE_AT, DSL.currentOffsetDateTime())
          .execute();
      return sql.deleteFrom(VAULT_SIGNINGS).where(VAULT_SIGNINGS.DIGEST.eq(digest)).execute();
    });
  }
}
