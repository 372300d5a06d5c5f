package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.ACME_ORDERS;
import static dev.chancery.store.schema.Tables.ACME_REPLACEMENTS;
import static org.jooq.impl.DSL.row;
import static org.jooq.impl.DSL.select;

import dev.chancery.core.IssuerId;
import dev.chancery.core.SerialNumber;
import dev.chancery.store.Database;
import dev.chancery.store.schema.tables.records.AcmeReplacementsRecord;
import java.time.Instant;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.DSLContext;

/**
 * Which order replaces which certificate (RFC 9773 section 5). An order has its claim while it can
 * still be fulfilled, and for good once it is. Nothing gives a claim back: the next order takes it
 * from one that is invalid, so that no way to become invalid can be forgotten.
 */
final class Replacements {
  private final Database database;

  Replacements(Database database) {
    this.database = database;
  }

  /** A certificate that an order is to replace. */
  record Predecessor(
      CertificateIdentifier identifier, IssuerId issuer, SerialNumber serial, Instant notAfter) {}

  /**
   * Claims a certificate for an order that this transaction makes. Of several at once one succeeds.
   *
   * @return false when another order that is not invalid has it
   */
  static boolean claim(DSLContext sql, Predecessor predecessor, OrderId order, Instant now) {
    boolean first =
        UniqueRow.insert(
            sql.insertInto(ACME_REPLACEMENTS)
                .set(ACME_REPLACEMENTS.ISSUER, predecessor.issuer().value())
                .set(ACME_REPLACEMENTS.SERIAL, predecessor.serial().octets())
                .set(ACME_REPLACEMENTS.ORDER_ID, order.value())
                .set(ACME_REPLACEMENTS.SETTLED, false)
                .set(ACME_REPLACEMENTS.EXPIRES_AT, Times.stored(predecessor.notAfter()))
                .onConflictDoNothing());
    return first || takeOver(sql, predecessor, order, now);
  }

  private static boolean takeOver(
      DSLContext sql, Predecessor predecessor, OrderId order, Instant now) {
    AcmeReplacementsRecord claim =
        sql.selectFrom(ACME_REPLACEMENTS).where(of(predecessor)).fetchOne();
    if (claim == null || claim.getSettled() || canBeFulfilled(sql, claim.getOrderId(), now)) {
      return false;
    }
    // That order stays invalid, so that only its claim can have changed hands meanwhile.
    return sql.update(ACME_REPLACEMENTS)
            .set(ACME_REPLACEMENTS.ORDER_ID, order.value())
            .where(of(predecessor))
            .and(ACME_REPLACEMENTS.ORDER_ID.eq(claim.getOrderId()))
            .and(ACME_REPLACEMENTS.SETTLED.isFalse())
            .execute()
        == 1;
  }

  private static Condition of(Predecessor predecessor) {
    return ACME_REPLACEMENTS
        .SERIAL
        .eq(predecessor.serial().octets())
        .and(ACME_REPLACEMENTS.ISSUER.eq(predecessor.issuer().value()));
  }

  /**
   * What is neither pending nor ready in its time, nor processing or valid, never will be again.
   */
  private static boolean canBeFulfilled(DSLContext sql, UUID order, Instant now) {
    return sql.fetchExists(
        ACME_ORDERS,
        ACME_ORDERS
            .ID
            .eq(order)
            .and(
                ACME_ORDERS
                    .STATUS
                    .in("processing", "valid")
                    .or(
                        ACME_ORDERS
                            .STATUS
                            .in("pending", "ready")
                            .and(ACME_ORDERS.EXPIRES_AT.gt(Times.stored(now))))));
  }

  /** The order has its certificate, and its claim for good; of the order's own transaction. */
  static void settle(DSLContext sql, OrderId order) {
    sql.update(ACME_REPLACEMENTS)
        .set(ACME_REPLACEMENTS.SETTLED, true)
        .where(ACME_REPLACEMENTS.ORDER_ID.eq(order.value()))
        .execute();
  }

  /** Forgets at most this many certificates that expired before an instant; returns how many. */
  int prune(Instant before, int limit) {
    return database
        .sql()
        .deleteFrom(ACME_REPLACEMENTS)
        .where(
            row(ACME_REPLACEMENTS.SERIAL, ACME_REPLACEMENTS.ISSUER)
                .in(
                    select(ACME_REPLACEMENTS.SERIAL, ACME_REPLACEMENTS.ISSUER)
                        .from(ACME_REPLACEMENTS)
                        .where(ACME_REPLACEMENTS.EXPIRES_AT.lt(Times.stored(before)))
                        .orderBy(ACME_REPLACEMENTS.EXPIRES_AT)
                        .limit(limit)))
        .execute();
  }
}
