package dev.chancery.store;

import static dev.chancery.store.PreparedQuery.parameter;
import static dev.chancery.store.schema.Tables.CERTIFICATES;
import static dev.chancery.store.schema.Tables.REVOCATIONS;
import static org.jooq.impl.DSL.insertInto;
import static org.jooq.impl.DSL.select;
import static org.jooq.impl.DSL.update;

import dev.chancery.core.AccountId;
import dev.chancery.core.Approval;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.CertificateRecord.State;
import dev.chancery.core.Der;
import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.IssuerId;
import dev.chancery.core.PreparedCertificate;
import dev.chancery.core.ProfileId;
import dev.chancery.core.RequestId;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.ToBeSigned;
import java.time.Clock;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.Param;
import org.jooq.Record;
import org.jooq.SelectOnConditionStep;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/** The issuance ledger in SQL. */
public final class JooqIssuanceLedger extends IssuanceLedger {
  private static final Param<String> ISSUER = parameter(CERTIFICATES.ISSUER);
  private static final Param<byte[]> SERIAL = parameter(CERTIFICATES.SERIAL);
  private static final Param<String> PROFILE = parameter(CERTIFICATES.PROFILE);
  private static final Param<UUID> REQUEST_ID = parameter(CERTIFICATES.REQUEST_ID);
  private static final Param<UUID> ACCOUNT_ID = parameter(CERTIFICATES.ACCOUNT_ID);
  private static final Param<byte[]> KEY_SHA256 = parameter(CERTIFICATES.PUBLIC_KEY_SHA256);
  private static final Param<OffsetDateTime> NOT_BEFORE = parameter(CERTIFICATES.NOT_BEFORE);
  private static final Param<OffsetDateTime> NOT_AFTER = parameter(CERTIFICATES.NOT_AFTER);
  private static final Param<OffsetDateTime> RECORDED_AT = parameter(CERTIFICATES.RECORDED_AT);
  private static final Param<OffsetDateTime> COMPLETED_AT = parameter(CERTIFICATES.COMPLETED_AT);
  private static final Param<Integer> CRL_SHARD = parameter(CERTIFICATES.CRL_SHARD);
  private static final Param<byte[]> TBS = parameter(CERTIFICATES.TBS);
  private static final Param<String> SCHEME = parameter(CERTIFICATES.SIGNATURE_SCHEME);
  private static final Param<byte[]> SIGNATURE = parameter(CERTIFICATES.SIGNATURE);

  private static final PreparedQuery<Record> RECORD = recording(RECORDED_AT);
  // No question more: each issuance comes by here.
  private static final PreparedQuery<Record> RECORD_NOW = recording(DSL.currentOffsetDateTime());
  private static final PreparedQuery<Record> MARK_ISSUED =
      PreparedQuery.of(
          update(CERTIFICATES)
              .set(CERTIFICATES.STATE, CertificateState.of(State.ISSUED))
              .set(CERTIFICATES.SIGNATURE, SIGNATURE)
              .set(CERTIFICATES.COMPLETED_AT, COMPLETED_AT)
              .where(CERTIFICATES.ISSUER.eq(ISSUER))
              .and(CERTIFICATES.SERIAL.eq(SERIAL))
              .and(CERTIFICATES.STATE.eq(CertificateState.of(State.RECORDED))));
  private static final PreparedQuery<Record> FIND =
      PreparedQuery.of(
          records().where(CERTIFICATES.ISSUER.eq(ISSUER)).and(CERTIFICATES.SERIAL.eq(SERIAL)));

  private final Database database;
  private final Clock clock;
  private final PreparedQuery<Record> insert;

  /** A ledger that says by this clock when certificates were recorded. */
  public JooqIssuanceLedger(Database database, Clock clock) {
    this(database, clock, RECORD);
  }

  private JooqIssuanceLedger(Database database, Clock clock, PreparedQuery<Record> insert) {
    this.database = database;
    this.clock = clock;
    this.insert = insert;
  }

  /**
   * A ledger that says by the database's clock when certificates were recorded: for nodes, of which
   * one compares it with what another one has done (docs/root-rotation.md).
   *
   * @param clock for everything else
   */
  public static JooqIssuanceLedger inCommonTime(Database database, Clock clock) {
    return new JooqIssuanceLedger(database, clock, RECORD_NOW);
  }

  private static PreparedQuery<Record> recording(Field<OffsetDateTime> at) {
    return PreparedQuery.of(
        insertInto(CERTIFICATES)
            .set(CERTIFICATES.ISSUER, ISSUER)
            .set(CERTIFICATES.SERIAL, SERIAL)
            .set(CERTIFICATES.STATE, CertificateState.of(State.RECORDED))
            .set(CERTIFICATES.PROFILE, PROFILE)
            .set(CERTIFICATES.REQUEST_ID, REQUEST_ID)
            .set(CERTIFICATES.ACCOUNT_ID, ACCOUNT_ID)
            .set(CERTIFICATES.PUBLIC_KEY_SHA256, KEY_SHA256)
            .set(CERTIFICATES.NOT_BEFORE, NOT_BEFORE)
            .set(CERTIFICATES.NOT_AFTER, NOT_AFTER)
            .set(CERTIFICATES.RECORDED_AT, at)
            .set(CERTIFICATES.CRL_SHARD, CRL_SHARD)
            .set(CERTIFICATES.TBS, TBS)
            .set(CERTIFICATES.SIGNATURE_SCHEME, SCHEME));
  }

  @Override
  protected void commit(PreparedCertificate prepared) {
    Instant now = clock.instant();
    database.inTransaction(sql -> insert(sql, prepared, now));
    // A signature may leave the token as soon as this returns, so the row must outlive a power cut.
    database.syncToDisk();
  }

  private int insert(DSLContext sql, PreparedCertificate prepared, Instant now) {
    ToBeSigned toBeSigned = prepared.toBeSigned();
    return insert
        .with(ISSUER, prepared.issuer().value())
        .with(SERIAL, prepared.serial().octets())
        .with(PROFILE, prepared.profile().value())
        .with(REQUEST_ID, prepared.approval().request().value())
        .with(ACCOUNT_ID, account(prepared.approval()))
        .with(KEY_SHA256, prepared.publicKey().encoded().sha256())
        .with(NOT_BEFORE, Timestamps.of(prepared.notBefore()))
        .with(NOT_AFTER, Timestamps.of(prepared.notAfter()))
        .with(RECORDED_AT, Timestamps.of(now))
        .with(CRL_SHARD, prepared.crlShard())
        .with(TBS, toBeSigned.bytes().bytes())
        .with(SCHEME, toBeSigned.scheme().name())
        .execute(sql);
  }

  @Override
  public boolean takeIn(PreparedCertificate prepared, SignatureValue signature) {
    Instant now = clock.instant();
    boolean taken =
        database.inTransaction(sql -> {
          byte[] known =
              sql.select(CERTIFICATES.TBS)
                  .from(CERTIFICATES)
                  .where(CERTIFICATES.ISSUER.eq(prepared.issuer().value()))
                  .and(CERTIFICATES.SERIAL.eq(prepared.serial().octets()))
                  .fetchOne(CERTIFICATES.TBS);
          if (known == null) {
            insert(sql, prepared, now);
          } else if (!Arrays.equals(known, prepared.toBeSigned().bytes().bytes())) {
            throw new IllegalStateException(
                "serial number " + prepared.serial() + " is that of another certificate");
          }
          return complete(sql, prepared, signature, now);
        });
    database.syncToDisk();
    return taken;
  }

  private static @Nullable UUID account(Approval approval) {
    return switch (approval) {
      case Approval.ValidatedOrder order -> order.account().value();
      case Approval.TrustedRequester requester -> null;
      case Approval.Infrastructure infrastructure -> null;
    };
  }

  // Not synced: a completion that a power cut takes back leaves a recorded row, which recovery
  // revokes, and never a certificate that the database does not know.
  @Override
  protected boolean markIssued(PreparedCertificate prepared, SignatureValue signature) {
    Instant now = clock.instant();
    return database.inTransaction(sql -> complete(sql, prepared, signature, now));
  }

  private static boolean complete(
      DSLContext sql, PreparedCertificate prepared, SignatureValue signature, Instant now) {
    int moved =
        MARK_ISSUED
            .with(SIGNATURE, signature.octets())
            .with(COMPLETED_AT, Timestamps.of(now))
            .with(ISSUER, prepared.issuer().value())
            .with(SERIAL, prepared.serial().octets())
            .execute(sql);
    if (moved == 0) {
      return false;
    }
    AuditTrail.certificate(
        sql,
        now,
        "issue",
        prepared.issuer(),
        prepared.serial(),
        prepared.approval().by(),
        "profile " + prepared.profile() + ", request " + prepared.approval().request());
    return true;
  }

  @Override
  public Optional<CertificateRecord> find(IssuerId issuer, SerialNumber serial) {
    return FIND.with(ISSUER, issuer.value())
        .with(SERIAL, serial.octets())
        .fetchOptional(database.sql())
        .map(JooqIssuanceLedger::certificateRecord);
  }

  @Override
  public List<CertificateRecord> find(RequestId request) {
    return database
        .sql()
        .fetch(
            records()
                .where(CERTIFICATES.REQUEST_ID.eq(request.value()))
                .orderBy(CERTIFICATES.RECORDED_AT, CERTIFICATES.SERIAL))
        .map(JooqIssuanceLedger::certificateRecord);
  }

  @Override
  public List<CertificateRecord> recordedBefore(Instant instant, int limit) {
    return database
        .sql()
        .fetch(
            records()
                .where(CERTIFICATES.STATE.eq(CertificateState.of(State.RECORDED)))
                .and(CERTIFICATES.RECORDED_AT.lt(Timestamps.of(instant)))
                .orderBy(CERTIFICATES.RECORDED_AT, CERTIFICATES.SERIAL)
                .limit(limit))
        .map(JooqIssuanceLedger::certificateRecord);
  }

  private static SelectOnConditionStep<Record> records() {
    return select(CERTIFICATES.fields())
        .select(REVOCATIONS.REVOKED_AT, REVOCATIONS.REASON)
        .select(REVOCATIONS.INVALIDITY_DATE, REVOCATIONS.REQUESTED_BY)
        .from(CERTIFICATES)
        .leftJoin(REVOCATIONS)
        .on(REVOCATIONS.ISSUER.eq(CERTIFICATES.ISSUER))
        .and(REVOCATIONS.SERIAL.eq(CERTIFICATES.SERIAL));
  }

  private static CertificateRecord certificateRecord(Record row) {
    IssuerId issuer = new IssuerId(row.get(CERTIFICATES.ISSUER));
    SerialNumber serial = SerialNumber.of(row.get(CERTIFICATES.SERIAL));
    return new CertificateRecord(
        issuer,
        serial,
        new ProfileId(row.get(CERTIFICATES.PROFILE)),
        new RequestId(row.get(CERTIFICATES.REQUEST_ID)),
        Optional.ofNullable(row.get(CERTIFICATES.ACCOUNT_ID)).map(AccountId::new),
        row.get(CERTIFICATES.RECORDED_AT).toInstant(),
        row.get(CERTIFICATES.NOT_BEFORE).toInstant(),
        row.get(CERTIFICATES.NOT_AFTER).toInstant(),
        CertificateState.parse(row.get(CERTIFICATES.STATE)),
        row.get(CERTIFICATES.CRL_SHARD),
        Optional.ofNullable(row.get(CERTIFICATES.SIGNATURE))
            .map(signature -> toBeSigned(row).with(SignatureValue.of(signature))),
        Optional.ofNullable(row.get(REVOCATIONS.REVOKED_AT))
            .map(at -> revocation(issuer, serial, at.toInstant(), row)));
  }

  private static ToBeSigned toBeSigned(Record row) {
    return new ToBeSigned(
        Der.of(row.get(CERTIFICATES.TBS)),
        SigningScheme.valueOf(row.get(CERTIFICATES.SIGNATURE_SCHEME)));
  }

  private static Revocation revocation(
      IssuerId issuer, SerialNumber serial, Instant at, Record row) {
    return new Revocation(
        issuer,
        serial,
        RevocationReason.of(row.get(REVOCATIONS.REASON)).orElseThrow(),
        at,
        Optional.ofNullable(row.get(REVOCATIONS.INVALIDITY_DATE)).map(OffsetDateTime::toInstant),
        row.get(REVOCATIONS.REQUESTED_BY));
  }
}
