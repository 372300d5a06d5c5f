package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.ACME_AUTHORIZATIONS;
import static dev.chancery.store.schema.Tables.ACME_CHALLENGES;
import static dev.chancery.store.schema.Tables.ACME_ORDERS;
import static dev.chancery.store.schema.Tables.ACME_ORDER_AUTHORIZATIONS;
import static org.jooq.impl.DSL.max;

import dev.chancery.store.Database;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.jooq.DSLContext;
import org.jooq.Query;
import org.jooq.Record3;

/**
 * Deletes what has ended long enough ago, a few rows in a transaction, found by an index however
 * much is kept. An order that is processing stays for recovery, and a valid one while its
 * certificate lives, for whoever ordered it to fetch and revoke; an authorization stays while it
 * can be used or an order names it.
 */
final class Pruning {
  private final Database database;
  private final Clock clock;
  private final Retention retention;

  Pruning(Database database, Clock clock, Retention retention) {
    this.database = database;
    this.clock = clock;
    this.retention = retention;
  }

  /**
   * Deletes at most so many orders of each status, or, when there were fewer, looks at as many
   * authorizations.
   *
   * @return whether there may be more
   */
  boolean run(int limit) {
    Instant now = Times.now(clock);
    boolean more = orders("valid", now.minus(retention.issued()), limit);
    for (String status : List.of("pending", "ready", "invalid")) {
      more |= orders(status, now.minus(retention.others()), limit);
    }
    // Last, for an authorization goes with the last of its orders.
    return more || authorizations(now.minus(retention.others()), limit);
  }

  private boolean orders(String status, Instant endedBefore, int limit) {
    return database.inTransaction(sql -> {
      // Locked, so that what ends is what was found; what another holds is left for another time.
      List<UUID> ended =
          sql.select(ACME_ORDERS.ID)
              .from(ACME_ORDERS)
              .where(ACME_ORDERS.STATUS.eq(status))
              .and(ACME_ORDERS.ENDS_AT.lt(Times.stored(endedBefore)))
              .orderBy(ACME_ORDERS.ENDS_AT)
              .limit(limit)
              .forUpdate()
              .skipLocked()
              .fetch(ACME_ORDERS.ID);
      if (ended.isEmpty()) {
        return false;
      }
      sql.deleteFrom(ACME_ORDER_AUTHORIZATIONS)
          .where(ACME_ORDER_AUTHORIZATIONS.ORDER_ID.in(ended))
          .execute();
      sql.deleteFrom(ACME_ORDERS).where(ACME_ORDERS.ID.in(ended)).execute();
      return ended.size() == limit;
    });
  }

  private boolean authorizations(Instant before, int limit) {
    return database.inTransaction(sql -> {
      Map<UUID, OffsetDateTime> found =
          sql.select(ACME_AUTHORIZATIONS.ID, ACME_AUTHORIZATIONS.EXPIRES_AT)
              .from(ACME_AUTHORIZATIONS)
              .where(ACME_AUTHORIZATIONS.REVIEW_AT.lt(Times.stored(before)))
              .orderBy(ACME_AUTHORIZATIONS.REVIEW_AT)
              .limit(limit)
              .forUpdate()
              .skipLocked()
              .fetchMap(ACME_AUTHORIZATIONS.ID, ACME_AUTHORIZATIONS.EXPIRES_AT);
      if (found.isEmpty()) {
        return false;
      }
      Map<UUID, Instant> needed = neededUntil(sql, found.keySet());
      List<UUID> useless = new ArrayList<>();
      List<Query> later = new ArrayList<>();
      found.forEach((id, expiry) -> {
        Instant expires = expiry.toInstant();
        if (!needed.containsKey(id) && expires.isBefore(before)) {
          useless.add(id);
        } else {
          // Never where it was: a review that comes to nothing must not be the next one again.
          Instant next =
              Stream.of(expires, needed.getOrDefault(id, expires), before.plus(retention.others()))
                  .max(Comparator.naturalOrder())
                  .orElseThrow();
          later.add(
              sql.update(ACME_AUTHORIZATIONS)
                  .set(ACME_AUTHORIZATIONS.REVIEW_AT, Times.stored(next))
                  .where(ACME_AUTHORIZATIONS.ID.eq(id)));
        }
      });
      sql.batch(later).execute();
      sql.deleteFrom(ACME_CHALLENGES).where(ACME_CHALLENGES.AUTHORIZATION_ID.in(useless)).execute();
      sql.deleteFrom(ACME_AUTHORIZATIONS).where(ACME_AUTHORIZATIONS.ID.in(useless)).execute();
      return found.size() == limit;
    });
  }

  /**
   * Until when each authorization that an order names is to be left alone, in the terms of
   * review_at: such that the review comes after the last of the orders is pruned.
   */
  private Map<UUID, Instant> neededUntil(DSLContext sql, Collection<UUID> authorizations) {
    Map<UUID, Instant> needed = new HashMap<>();
    Duration longer = retention.issued().minus(retention.others());
    for (Record3<UUID, String, OffsetDateTime> row :
        sql.select(
                ACME_ORDER_AUTHORIZATIONS.AUTHORIZATION_ID,
                ACME_ORDERS.STATUS,
                max(ACME_ORDERS.ENDS_AT))
            .from(ACME_ORDER_AUTHORIZATIONS)
            .join(ACME_ORDERS)
            .on(ACME_ORDERS.ID.eq(ACME_ORDER_AUTHORIZATIONS.ORDER_ID))
            .where(ACME_ORDER_AUTHORIZATIONS.AUTHORIZATION_ID.in(authorizations))
            .groupBy(ACME_ORDER_AUTHORIZATIONS.AUTHORIZATION_ID, ACME_ORDERS.STATUS)
            .fetch()) {
      Instant end = row.value3().toInstant();
      needed.merge(
          row.value1(),
          row.value2().equals("valid") ? end.plus(longer) : end,
          (one, other) -> one.isAfter(other) ? one : other);
    }
    return needed;
  }
}
