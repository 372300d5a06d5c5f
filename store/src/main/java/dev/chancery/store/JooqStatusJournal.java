package dev.chancery.store;

import static dev.chancery.store.schema.Tables.STATUS_CHANGES;
import static dev.chancery.store.schema.Tables.STATUS_VERSIONS;

import dev.chancery.core.IssuerId;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.StatusJournal;
import dev.chancery.store.schema.tables.records.StatusChangesRecord;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Optional;
import org.jooq.DSLContext;
import org.jooq.InsertValuesStep4;

/** The journal of statuses in SQL. */
public final class JooqStatusJournal implements StatusJournal {
  /** A node that was away for longer than this takes it that anything has changed. */
  private static final Duration KEPT = Duration.ofDays(1);

  /** More changes than this are not told one by one. */
  static final int MOST_CHANGES = 10_000;

  private final Database database;

  /** What this read last, by which it knows the journal again. */
  private volatile Mark mark = new Mark(-1, Optional.empty());

  public JooqStatusJournal(Database database) {
    this.database = database;
  }

  /**
   * A number that was read.
   *
   * @param newest the change that had it; empty when that is forgotten, or there was none yet
   */
  private record Mark(long version, Optional<Change> newest) {}

  /** A certificate whose status a transaction changes. */
  record Certificate(IssuerId issuer, SerialNumber serial) {}

  /**
   * Writes changes down. The last thing that a transaction does: it holds up every other change of
   * a status until its commit, and waits for nothing after it.
   */
  static void append(DSLContext transaction, Instant now, List<Certificate> changed) {
    if (changed.isEmpty()) {
      return;
    }
    long last =
        transaction
            .update(STATUS_VERSIONS)
            .set(STATUS_VERSIONS.VERSION, STATUS_VERSIONS.VERSION.plus(changed.size()))
            .returningResult(STATUS_VERSIONS.VERSION)
            .fetchSingle()
            .value1();
    long version = last - changed.size();
    InsertValuesStep4<?, Long, String, byte[], OffsetDateTime> rows =
        transaction.insertInto(
            STATUS_CHANGES,
            STATUS_CHANGES.VERSION,
            STATUS_CHANGES.ISSUER,
            STATUS_CHANGES.SERIAL,
            STATUS_CHANGES.RECORDED_AT);
    for (Certificate certificate : changed) {
      rows =
          rows.values(
              ++version,
              certificate.issuer().value(),
              certificate.serial().octets(),
              Timestamps.of(now));
    }
    rows.execute();
  }

  @Override
  public long version() {
    long current = current();
    mark = new Mark(current, change(current));
    return current;
  }

  private long current() {
    return database
        .sql()
        .select(STATUS_VERSIONS.VERSION)
        .from(STATUS_VERSIONS)
        .fetchSingle()
        .value1();
  }

  private Optional<Change> change(long version) {
    return database
        .sql()
        .selectFrom(STATUS_CHANGES)
        .where(STATUS_CHANGES.VERSION.eq(version))
        .fetchOptional(JooqStatusJournal::change);
  }

  private static Change change(StatusChangesRecord row) {
    return new Change(
        row.getVersion(),
        new IssuerId(row.getIssuer()),
        SerialNumber.of(row.getSerial()),
        row.getRecordedAt().toInstant());
  }

  /**
   * After the database was restored numbers are given out again. The change that had the last known
   * one tells whether it still is the same journal.
   */
  @Override
  public Changes since(long version) {
    long current = current();
    Mark known = mark;
    boolean same = known.version() != version || known.newest().equals(change(version));
    if (current == version && same) {
      return new Changes(current, true, List.of());
    }
    if (!same || current < version || current - version > MOST_CHANGES) {
      mark = new Mark(current, change(current));
      return new Changes(current, false, List.of());
    }
    List<Change> changes =
        database
            .sql()
            .selectFrom(STATUS_CHANGES)
            .where(STATUS_CHANGES.VERSION.gt(version))
            .and(STATUS_CHANGES.VERSION.le(current))
            .orderBy(STATUS_CHANGES.VERSION)
            .fetch(JooqStatusJournal::change);
    mark = new Mark(current, changes.isEmpty() ? Optional.empty() : Optional.of(changes.getLast()));
    return new Changes(current, changes.size() == current - version, changes);
  }

  /**
   * Forgets changes that every node has long seen.
   *
   * @param most at a time
   * @return whether there may be more
   */
  public boolean prune(Instant now, int most) {
    Instant before = now.minus(KEPT);
    List<Long> old =
        database
            .sql()
            .selectFrom(STATUS_CHANGES)
            .orderBy(STATUS_CHANGES.VERSION)
            .limit(most)
            .stream()
            .takeWhile(row -> row.getRecordedAt().toInstant().isBefore(before))
            .map(StatusChangesRecord::getVersion)
            .toList();
    if (!old.isEmpty()) {
      database
          .sql()
          .deleteFrom(STATUS_CHANGES)
          .where(STATUS_CHANGES.VERSION.le(old.getLast()))
          .execute();
    }
    return old.size() == most;
  }
}
