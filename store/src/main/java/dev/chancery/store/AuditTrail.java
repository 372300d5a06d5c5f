package dev.chancery.store;

import static dev.chancery.store.schema.Tables.AUDIT_EVENTS;

import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuerId;
import dev.chancery.core.SerialNumber;
import dev.chancery.store.schema.tables.records.AuditEventsRecord;
import java.math.BigInteger;
import java.time.Instant;
import org.jooq.DSLContext;
import org.jooq.InsertSetMoreStep;

/** Writes who had what done, in the transaction that does it. */
final class AuditTrail {
  private static final int LONGEST_REQUESTER = 200;
  private static final int LONGEST_DETAIL = 1000;

  private AuditTrail() {}

  /** What became of a certificate. */
  static void certificate(
      DSLContext transaction,
      Instant at,
      String action,
      IssuerId issuer,
      SerialNumber serial,
      String requester,
      String detail) {
    event(transaction, at, action, issuer, requester, detail)
        .set(AUDIT_EVENTS.SERIAL, serial.octets())
        .execute();
  }

  /** A CRL was published; this server does that of its own accord. */
  static void published(DSLContext transaction, Instant at, CrlScope scope, BigInteger number) {
    String detail = "number " + number + (scope.isSharded() ? ", shard " + scope.shard() : "");
    event(transaction, at, "publish-crl", scope.issuer(), "chancery", detail).execute();
  }

  /** What happened to a token; nobody asked for it, and it is no one issuer's. */
  static void token(DSLContext sql, Instant at, String action, String detail) {
    sql.insertInto(AUDIT_EVENTS)
        .set(AUDIT_EVENTS.AT, Timestamps.of(at))
        .set(AUDIT_EVENTS.ACTION, action)
        .set(AUDIT_EVENTS.REQUESTED_BY, "chancery")
        .set(AUDIT_EVENTS.DETAIL, fitted(detail, LONGEST_DETAIL))
        .execute();
  }

  /** What an operator did, or what was done for one, that is no one issuer's. */
  static void operation(
      DSLContext transaction, Instant at, String action, String requester, String detail) {
    transaction
        .insertInto(AUDIT_EVENTS)
        .set(AUDIT_EVENTS.AT, Timestamps.of(at))
        .set(AUDIT_EVENTS.ACTION, action)
        .set(AUDIT_EVENTS.REQUESTED_BY, requester(requester))
        .set(AUDIT_EVENTS.DETAIL, fitted(detail, LONGEST_DETAIL))
        .execute();
  }

  private static InsertSetMoreStep<AuditEventsRecord> event(
      DSLContext transaction,
      Instant at,
      String action,
      IssuerId issuer,
      String requester,
      String detail) {
    return transaction
        .insertInto(AUDIT_EVENTS)
        .set(AUDIT_EVENTS.AT, Timestamps.of(at))
        .set(AUDIT_EVENTS.ACTION, action)
        .set(AUDIT_EVENTS.ISSUER, issuer.value())
        .set(AUDIT_EVENTS.REQUESTED_BY, requester(requester))
        .set(AUDIT_EVENTS.DETAIL, fitted(detail, LONGEST_DETAIL));
  }

  /**
   * The name of a requester as columns hold it: an over-long one is cut, not refused, since a
   * revocation must not fail because of how someone is called.
   */
  static String requester(String text) {
    return fitted(text, LONGEST_REQUESTER);
  }

  /** Neither database takes every half surrogate pair or NUL, and no reader wants control codes. */
  private static String fitted(String text, int longest) {
    String clean = text.replaceAll("[\\p{Cntrl}\\p{Cs}]", "?");
    if (clean.length() <= longest) {
      return clean;
    }
    int end = Character.isHighSurrogate(clean.charAt(longest - 1)) ? longest - 1 : longest;
    return clean.substring(0, end);
  }
}
