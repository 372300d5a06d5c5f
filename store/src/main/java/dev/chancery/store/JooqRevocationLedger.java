package dev.chancery.store;

import static dev.chancery.store.PreparedQuery.parameter;
import static dev.chancery.store.schema.Tables.CERTIFICATES;
import static dev.chancery.store.schema.Tables.COMPROMISED_KEYS;
import static dev.chancery.store.schema.Tables.RELEASES;
import static dev.chancery.store.schema.Tables.REVOCATIONS;

import dev.chancery.core.CertificateRecord.State;
import dev.chancery.core.CertificateStatus;
import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.Param;
import org.jooq.Record;
import org.jooq.SQLDialect;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/** The revocation ledger in SQL. */
public final class JooqRevocationLedger implements RevocationLedger {
  private static final int ROWS_AT_ONCE = 4000;

  private static final Param<String> ISSUER = parameter(CERTIFICATES.ISSUER);
  private static final Param<byte[]> SERIAL = parameter(CERTIFICATES.SERIAL);

  /** Asked for each OCSP answer that is not kept. */
  private static final PreparedQuery<Record> STATUS =
      PreparedQuery.of(
          DSL.select(
                  CERTIFICATES.STATE,
                  REVOCATIONS.REVOKED_AT,
                  REVOCATIONS.REASON,
                  REVOCATIONS.INVALIDITY_DATE)
              .from(CERTIFICATES)
              .leftJoin(REVOCATIONS)
              .on(REVOCATIONS.ISSUER.eq(CERTIFICATES.ISSUER))
              .and(REVOCATIONS.SERIAL.eq(CERTIFICATES.SERIAL))
              .where(CERTIFICATES.ISSUER.eq(ISSUER))
              .and(CERTIFICATES.SERIAL.eq(SERIAL)));

  private final Database database;
  private final Clock clock;

  public JooqRevocationLedger(Database database, Clock clock) {
    this.database = database;
    this.clock = clock;
  }

  @Override
  public Outcome revoke(Revocation revocation) {
    Instant now = clock.instant();
    Outcome outcome = database.inTransaction(sql -> revoke(sql, revocation, now));
    // Whoever is told of a revocation can rely on it, after a power cut too.
    database.syncToDisk();
    return outcome;
  }

  @Override
  public Abandoned abandon(Revocation revocation) {
    Instant now = clock.instant();
    Abandoned outcome = database.inTransaction(sql -> abandon(sql, revocation, now));
    database.syncToDisk();
    return outcome;
  }

  private static Outcome revoke(DSLContext sql, Revocation revocation, Instant now) {
    Outcome outcome = attempt(sql, revocation, now);
    if (outcome == Outcome.REVOKED) {
      journal(sql, now, revocation.issuer(), revocation.serial());
    }
    return outcome;
  }

  private static Outcome attempt(DSLContext sql, Revocation revocation, Instant now) {
    // A hold that someone releases between the two moves leaves the certificate issued, which
    // neither of them saw: then it is there to be revoked.
    Optional<State> state = Optional.of(State.ISSUED);
    while (state.equals(Optional.of(State.ISSUED))) {
      boolean moved =
          revocation.reason() == RevocationReason.CERTIFICATE_HOLD
              // What was never issued cannot be released.
              ? move(sql, revocation, now, List.of(State.ISSUED))
              : move(sql, revocation, now, List.of(State.RECORDED, State.ISSUED))
                  || endHold(sql, revocation, now);
      if (moved) {
        return Outcome.REVOKED;
      }
      state = state(sql, revocation);
    }
    return state.equals(Optional.of(State.REVOKED)) ? Outcome.ALREADY_REVOKED : Outcome.NOT_FOUND;
  }

  private static Abandoned abandon(DSLContext sql, Revocation revocation, Instant now) {
    if (move(sql, revocation, now, List.of(State.RECORDED))) {
      journal(sql, now, revocation.issuer(), revocation.serial());
      return Abandoned.REVOKED;
    }
    Optional<State> state = state(sql, revocation);
    if (state.isEmpty()) {
      return Abandoned.NOT_FOUND;
    }
    return switch (state.get()) {
      // It came after the move, which knew no such certificate.
      case RECORDED -> Abandoned.NOT_FOUND;
      case ISSUED -> Abandoned.ISSUED;
      case REVOKED -> Abandoned.ALREADY_REVOKED;
    };
  }

  private static Optional<State> state(DSLContext sql, Revocation revocation) {
    return sql.select(CERTIFICATES.STATE)
        .from(CERTIFICATES)
        .where(CERTIFICATES.ISSUER.eq(revocation.issuer().value()))
        .and(CERTIFICATES.SERIAL.eq(revocation.serial().octets()))
        .fetchOptional(row -> CertificateState.parse(row.value1()));
  }

  /** Revokes a certificate that is in one of some states; false when it is not. */
  private static boolean move(
      DSLContext sql, Revocation revocation, Instant now, List<State> from) {
    Record revoked =
        sql.update(CERTIFICATES)
            .set(CERTIFICATES.STATE, CertificateState.of(State.REVOKED))
            .where(CERTIFICATES.ISSUER.eq(revocation.issuer().value()))
            .and(CERTIFICATES.SERIAL.eq(revocation.serial().octets()))
            .and(CERTIFICATES.STATE.in(from.stream().map(CertificateState::of).toList()))
            .returningResult(
                CERTIFICATES.NOT_AFTER, CERTIFICATES.PUBLIC_KEY_SHA256, CERTIFICATES.CRL_SHARD)
            .fetchOne();
    if (revoked == null) {
      return false;
    }
    sql.insertInto(REVOCATIONS)
        .set(REVOCATIONS.ISSUER, revocation.issuer().value())
        .set(REVOCATIONS.SERIAL, revocation.serial().octets())
        .set(REVOCATIONS.REVOKED_AT, Timestamps.of(revocation.at()))
        .set(REVOCATIONS.RECORDED_AT, Timestamps.of(now))
        .set(REVOCATIONS.REASON, (short) revocation.reason().code())
        .set(
            REVOCATIONS.INVALIDITY_DATE,
            revocation.invalidityDate().map(Timestamps::of).orElse(null))
        .set(REVOCATIONS.NOT_AFTER, revoked.get(CERTIFICATES.NOT_AFTER))
        .set(REVOCATIONS.CRL_SHARD, revoked.get(CERTIFICATES.CRL_SHARD))
        .set(REVOCATIONS.REQUESTED_BY, AuditTrail.requester(revocation.by()))
        .execute();
    follow(sql, revocation, now, revoked.get(CERTIFICATES.PUBLIC_KEY_SHA256));
    return true;
  }

  /**
   * Revokes for good what was on hold; false when it was not. It stays revoked from when the hold
   * began: at no time since was it valid.
   */
  private static boolean endHold(DSLContext sql, Revocation revocation, Instant now) {
    int moved =
        sql.update(REVOCATIONS)
            .set(REVOCATIONS.REASON, (short) revocation.reason().code())
            .set(REVOCATIONS.RECORDED_AT, Timestamps.of(now))
            .set(
                REVOCATIONS.INVALIDITY_DATE,
                revocation.invalidityDate().map(Timestamps::of).orElse(null))
            .set(REVOCATIONS.REQUESTED_BY, AuditTrail.requester(revocation.by()))
            .where(held(revocation.issuer(), revocation.serial()))
            .execute();
    if (moved == 0) {
      return false;
    }
    byte[] key =
        sql.select(CERTIFICATES.PUBLIC_KEY_SHA256)
            .from(CERTIFICATES)
            .where(CERTIFICATES.ISSUER.eq(revocation.issuer().value()))
            .and(CERTIFICATES.SERIAL.eq(revocation.serial().octets()))
            .fetchSingle()
            .value1();
    follow(sql, revocation, now, key);
    return true;
  }

  private static Condition held(IssuerId issuer, SerialNumber serial) {
    return REVOCATIONS
        .ISSUER
        .eq(issuer.value())
        .and(REVOCATIONS.SERIAL.eq(serial.octets()))
        .and(REVOCATIONS.REASON.eq((short) RevocationReason.CERTIFICATE_HOLD.code()));
  }

  /** What goes with every revocation, in its transaction. */
  private static void follow(DSLContext sql, Revocation revocation, Instant now, byte[] key) {
    if (revocation.reason() == RevocationReason.KEY_COMPROMISE) {
      // In the same transaction, so that no node certifies the key again after this.
      sql.insertInto(COMPROMISED_KEYS)
          .set(COMPROMISED_KEYS.PUBLIC_KEY_SHA256, key)
          .set(COMPROMISED_KEYS.RECORDED_AT, Timestamps.of(now))
          .onConflictDoNothing()
          .execute();
    }
    AuditTrail.certificate(
        sql,
        now,
        "revoke",
        revocation.issuer(),
        revocation.serial(),
        revocation.by(),
        "reason " + revocation.reason());
  }

  /**
   * Revokes certificates in a transaction of someone else's, those on hold for good, and says how
   * many there were that were not revoked yet.
   */
  static int revokeAll(DSLContext sql, List<Revocation> revocations, Instant now) {
    List<JooqStatusJournal.Certificate> revoked = new ArrayList<>();
    for (Revocation each : revocations) {
      if (attempt(sql, each, now) == Outcome.REVOKED) {
        revoked.add(new JooqStatusJournal.Certificate(each.issuer(), each.serial()));
      }
    }
    JooqStatusJournal.append(sql, now, revoked);
    return revoked.size();
  }

  private static void journal(DSLContext sql, Instant now, IssuerId issuer, SerialNumber serial) {
    JooqStatusJournal.append(sql, now, List.of(new JooqStatusJournal.Certificate(issuer, serial)));
  }

  @Override
  public Released release(IssuerId issuer, SerialNumber serial, String by) {
    Instant now = clock.instant();
    Released outcome =
        database.inTransaction(sql -> {
          if (sql.deleteFrom(REVOCATIONS).where(held(issuer, serial)).execute() == 0) {
            return sql.fetchExists(
                    CERTIFICATES,
                    CERTIFICATES
                        .ISSUER
                        .eq(issuer.value())
                        .and(CERTIFICATES.SERIAL.eq(serial.octets())))
                ? Released.NOT_HELD
                : Released.NOT_FOUND;
          }
          int shard =
              sql.update(CERTIFICATES)
                  .set(CERTIFICATES.STATE, CertificateState.of(State.ISSUED))
                  .where(CERTIFICATES.ISSUER.eq(issuer.value()))
                  .and(CERTIFICATES.SERIAL.eq(serial.octets()))
                  .and(CERTIFICATES.STATE.eq(CertificateState.of(State.REVOKED)))
                  .returningResult(CERTIFICATES.CRL_SHARD)
                  .fetchSingle()
                  .value1();
          sql.insertInto(RELEASES)
              .set(RELEASES.ISSUER, issuer.value())
              .set(RELEASES.CRL_SHARD, shard)
              .set(RELEASES.SERIAL, serial.octets())
              .set(RELEASES.RELEASED_AT, Timestamps.of(now))
              .onConflict(RELEASES.ISSUER, RELEASES.CRL_SHARD, RELEASES.SERIAL)
              .doUpdate()
              .set(RELEASES.RELEASED_AT, Timestamps.of(now))
              .execute();
          AuditTrail.certificate(sql, now, "release", issuer, serial, by, "held until now");
          journal(sql, now, issuer, serial);
          return Released.RELEASED;
        });
    database.syncToDisk();
    return outcome;
  }

  @Override
  public CertificateStatus status(IssuerId issuer, SerialNumber serial) {
    Optional<Record> found =
        STATUS
            .with(ISSUER, issuer.value())
            .with(SERIAL, serial.octets())
            .fetchOptional(database.sql());
    if (found.isEmpty()) {
      return new CertificateStatus.Unknown();
    }
    Record row = found.get();
    return switch (CertificateState.parse(row.get(CERTIFICATES.STATE))) {
      case RECORDED -> new CertificateStatus.Unknown();
      case ISSUED -> new CertificateStatus.Good();
      case REVOKED ->
          revoked(
              row.get(REVOCATIONS.REVOKED_AT),
              row.get(REVOCATIONS.REASON),
              row.get(REVOCATIONS.INVALIDITY_DATE));
    };
  }

  @Override
  public boolean anyRecorded(CrlScope scope, Instant after, Instant until) {
    DSLContext sql = database.sql();
    return sql.fetchExists(
            REVOCATIONS,
            REVOCATIONS
                .ISSUER
                .eq(scope.issuer().value())
                .and(REVOCATIONS.CRL_SHARD.eq(scope.shard()))
                .and(REVOCATIONS.RECORDED_AT.gt(Timestamps.of(after)))
                .and(REVOCATIONS.RECORDED_AT.le(Timestamps.of(until))))
        || sql.fetchExists(
            RELEASES,
            isReleaseOf(scope)
                .and(RELEASES.RELEASED_AT.gt(Timestamps.of(after)))
                .and(RELEASES.RELEASED_AT.le(Timestamps.of(until))));
  }

  private static Condition isReleaseOf(CrlScope scope) {
    return RELEASES.ISSUER.eq(scope.issuer().value()).and(RELEASES.CRL_SHARD.eq(scope.shard()));
  }

  @Override
  public List<SerialNumber> released(CrlScope scope, Optional<SerialNumber> after, int most) {
    return database
        .sql()
        .select(RELEASES.SERIAL)
        .from(RELEASES)
        .where(isReleaseOf(scope))
        .and(after.map(serial -> RELEASES.SERIAL.gt(serial.octets())).orElseGet(DSL::noCondition))
        .orderBy(RELEASES.SERIAL)
        .limit(most)
        .fetch(row -> SerialNumber.of(row.value1()));
  }

  @Override
  public void forgetReleases(CrlScope scope, Instant before) {
    database.inTransaction(sql ->
        sql.deleteFrom(RELEASES)
            .where(isReleaseOf(scope))
            .and(RELEASES.RELEASED_AT.lt(Timestamps.of(before)))
            .execute());
  }

  /**
   * Hands over the entries from one statement, so all are of one instant, and from a cursor, so
   * that no more than a few are in memory. The order is that of the octets, which for the serial
   * numbers made here is that of the numbers.
   */
  @Override
  public void forEachRevoked(CrlScope scope, Instant expiringAfter, Consumer<Entry> consumer) {
    // PostgreSQL's driver uses a cursor only within a transaction.
    database
        .sql()
        .transaction(configuration -> {
          // Read by the driver and not as records, and times as numbers: a CRL of a million entries
          // takes half the time so.
          DSLContext sql = configuration.dsl();
          try (ResultSet rows =
              sql.select(
                      REVOCATIONS.SERIAL,
                      seconds(sql, REVOCATIONS.REVOKED_AT),
                      REVOCATIONS.REASON,
                      seconds(sql, REVOCATIONS.INVALIDITY_DATE))
                  .from(REVOCATIONS)
                  .where(REVOCATIONS.ISSUER.eq(scope.issuer().value()))
                  .and(REVOCATIONS.CRL_SHARD.eq(scope.shard()))
                  .and(REVOCATIONS.NOT_AFTER.gt(Timestamps.of(expiringAfter)))
                  .orderBy(REVOCATIONS.SERIAL)
                  .fetchSize(ROWS_AT_ONCE)
                  .fetchResultSet()) {
            while (rows.next()) {
              consumer.accept(entry(rows));
            }
          }
        });
  }

  /** CRLs say no less than whole seconds. */
  private static Field<Long> seconds(DSLContext sql, Field<OffsetDateTime> column) {
    // PostgreSQL's EXTRACT reckons in decimal digits, which takes longer than all the rest of a
    // row.
    String epoch =
        sql.family() == SQLDialect.POSTGRES ? "date_part('epoch', {0})" : "extract(epoch from {0})";
    return DSL.field("cast(floor(" + epoch + ") as bigint)", Long.class, column);
  }

  private static Entry entry(ResultSet row) throws SQLException {
    SerialNumber serial = SerialNumber.of(row.getBytes(1));
    Instant at = Instant.ofEpochSecond(row.getLong(2));
    RevocationReason reason = RevocationReason.of(row.getInt(3)).orElseThrow();
    long invalidity = row.getLong(4);
    Optional<Instant> invalidityDate =
        row.wasNull() ? Optional.empty() : Optional.of(Instant.ofEpochSecond(invalidity));
    return new Entry(serial, new CertificateStatus.Revoked(at, reason, invalidityDate));
  }

  private static CertificateStatus.Revoked revoked(
      OffsetDateTime at, short reason, @Nullable OffsetDateTime invalidityDate) {
    return new CertificateStatus.Revoked(
        at.toInstant(),
        RevocationReason.of(reason).orElseThrow(),
        Optional.ofNullable(invalidityDate).map(OffsetDateTime::toInstant));
  }
}
