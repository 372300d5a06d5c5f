package dev.chancery.store;

import static dev.chancery.store.PreparedQuery.parameter;
import static dev.chancery.store.schema.Tables.AUDIT_EVENTS;
import static org.jooq.impl.DSL.insertInto;

import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuerId;
import dev.chancery.core.SerialNumber;
import java.math.BigInteger;
import java.time.Instant;
import java.time.OffsetDateTime;
import org.jooq.DSLContext;
import org.jooq.Param;
import org.jooq.Record;
import org.jspecify.annotations.Nullable;

/** Writes who had what done, in the transaction that does it. */
final class AuditTrail {
  private static final String OWN = "chancery";
  private static final int LONGEST_REQUESTER = 200;
  private static final int LONGEST_DETAIL = 1000;

  private static final Param<OffsetDateTime> AT = parameter(AUDIT_EVENTS.AT);
  private static final Param<String> ACTION = parameter(AUDIT_EVENTS.ACTION);
  private static final Param<String> ISSUER = parameter(AUDIT_EVENTS.ISSUER);
  private static final Param<byte[]> SERIAL = parameter(AUDIT_EVENTS.SERIAL);
  private static final Param<String> REQUESTED_BY = parameter(AUDIT_EVENTS.REQUESTED_BY);
  private static final Param<String> DETAIL = parameter(AUDIT_EVENTS.DETAIL);
  private static final PreparedQuery<Record> INSERT =
      PreparedQuery.of(
          insertInto(AUDIT_EVENTS)
              .set(AUDIT_EVENTS.AT, AT)
              .set(AUDIT_EVENTS.ACTION, ACTION)
              .set(AUDIT_EVENTS.ISSUER, ISSUER)
              .set(AUDIT_EVENTS.SERIAL, SERIAL)
              .set(AUDIT_EVENTS.REQUESTED_BY, REQUESTED_BY)
              .set(AUDIT_EVENTS.DETAIL, DETAIL));

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
    insert(transaction, at, action, issuer, serial, requester(requester), detail);
  }

  /** What became of an issuer. */
  static void issuer(
      DSLContext transaction,
      Instant at,
      String action,
      IssuerId issuer,
      String requester,
      String detail) {
    insert(transaction, at, action, issuer, null, requester(requester), detail);
  }

  /** A CRL was published; this server does that of its own accord. */
  static void published(DSLContext transaction, Instant at, CrlScope scope, BigInteger number) {
    String detail = "number " + number + (scope.isSharded() ? ", shard " + scope.shard() : "");
    insert(transaction, at, "publish-crl", scope.issuer(), null, OWN, detail);
  }

  /** What happened to a token; nobody asked for it, and it is no one issuer's. */
  static void token(DSLContext sql, Instant at, String action, String detail) {
    insert(sql, at, action, null, null, OWN, detail);
  }

  /** What an operator did, or what was done for one, that is no one issuer's. */
  static void operation(
      DSLContext transaction, Instant at, String action, String requester, String detail) {
    insert(transaction, at, action, null, null, requester(requester), detail);
  }

  private static void insert(
      DSLContext sql,
      Instant at,
      String action,
      @Nullable IssuerId issuer,
      @Nullable SerialNumber serial,
      String requester,
      String detail) {
    int _ =
        INSERT
            .with(AT, Timestamps.of(at))
            .with(ACTION, action)
            .with(ISSUER, issuer == null ? null : issuer.value())
            .with(SERIAL, serial == null ? null : serial.octets())
            .with(REQUESTED_BY, requester)
            .with(DETAIL, fitted(detail, LONGEST_DETAIL))
            .execute(sql);
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
