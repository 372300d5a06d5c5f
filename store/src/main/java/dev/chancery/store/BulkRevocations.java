package dev.chancery.store;

import static dev.chancery.store.schema.Tables.BULK_REVOCATIONS;
import static dev.chancery.store.schema.Tables.CERTIFICATES;

import dev.chancery.core.AccountId;
import dev.chancery.core.BulkRevocation;
import dev.chancery.core.BulkRevocation.Filter;
import dev.chancery.core.BulkRevocation.Order;
import dev.chancery.core.CertificateRecord.State;
import dev.chancery.core.CrlScope;
import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Name;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Refused;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.store.schema.tables.records.BulkRevocationsRecord;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.TBSCertificate;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Record;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/**
 * Revocations of many certificates at once. What is asked for is a row; it is carried out in small
 * transactions, each of which moves the row's place in the order of the certificates forward with
 * what it revokes. So any node goes on where another stopped, and nothing is done twice.
 */
public final class BulkRevocations {
  /** Certificates that one transaction revokes, and so holds up other revocations for. */
  static final int MOST_REVOKED = 200;

  /** Certificates that one transaction looks at, when only their bytes tell whose they are. */
  static final int MOST_READ = 2000;

  private static final List<String> NOT_REVOKED =
      List.of(CertificateState.of(State.RECORDED), CertificateState.of(State.ISSUED));

  private final Database database;
  private final Clock clock;

  public BulkRevocations(Database database, Clock clock) {
    this.database = database;
    this.clock = clock;
  }

  /** A certificate that is meant, by where it stands in the order. */
  private record Candidate(
      IssuerId issuer, SerialNumber serial, CrlScope crlScope, Der toBeSigned) {}

  /**
   * What came of a step.
   *
   * @param scopes those whose CRLs are to be made anew
   */
  public record Step(Set<CrlScope> scopes, boolean more) {
    public Step {
      scopes = Set.copyOf(scopes);
    }
  }

  /** How many certificates a filter means now. */
  public long count(Filter filter) {
    Instant now = clock.instant();
    return database.inTransaction(sql -> count(sql, filter, now));
  }

  /**
   * Writes down that certificates are to be revoked, if they are as many as was said.
   *
   * @param expected what {@link #count} has told
   * @return what is to be done; empty when it would be another number, and nothing was written
   */
  public Optional<BulkRevocation> begin(UUID id, Order order, long expected) {
    Instant now = clock.instant();
    Optional<BulkRevocation> begun =
        database.inTransaction(sql -> {
          long counted = count(sql, order.filter(), now);
          if (counted != expected) {
            return Optional.empty();
          }
          BulkRevocation revocation =
              new BulkRevocation(id, order, now, counted, 0, Optional.empty());
          insert(sql, revocation);
          AuditTrail.operation(
              sql,
              now,
              "revoke-many",
              order.by(),
              id + ": " + counted + " certificates, reason " + order.reason());
          return Optional.of(revocation);
        });
    database.syncToDisk();
    return begun;
  }

  private static void insert(DSLContext sql, BulkRevocation revocation) {
    Order order = revocation.order();
    Filter filter = order.filter();
    sql.insertInto(BULK_REVOCATIONS)
        .set(BULK_REVOCATIONS.ID, revocation.id())
        .set(BULK_REVOCATIONS.ISSUER, value(filter.issuer(), IssuerId::value))
        .set(BULK_REVOCATIONS.PROFILE, value(filter.profile(), ProfileId::value))
        .set(BULK_REVOCATIONS.ACCOUNT_ID, value(filter.account(), AccountId::value))
        .set(BULK_REVOCATIONS.PUBLIC_KEY_SHA256, value(filter.key(), Der::bytes))
        .set(BULK_REVOCATIONS.NAME, value(filter.name(), Function.identity()))
        .set(BULK_REVOCATIONS.RECORDED_FROM, value(filter.recordedFrom(), Timestamps::of))
        .set(BULK_REVOCATIONS.RECORDED_UNTIL, value(filter.recordedUntil(), Timestamps::of))
        .set(BULK_REVOCATIONS.REASON, (short) order.reason().code())
        .set(BULK_REVOCATIONS.REVOKED_AT, Timestamps.of(order.at()))
        .set(BULK_REVOCATIONS.INVALIDITY_DATE, value(order.invalidityDate(), Timestamps::of))
        .set(BULK_REVOCATIONS.REQUESTED_BY, AuditTrail.requester(order.by()))
        .set(BULK_REVOCATIONS.MADE_AT, Timestamps.of(revocation.madeAt()))
        .set(BULK_REVOCATIONS.COUNTED, revocation.counted())
        .set(BULK_REVOCATIONS.REVOKED, 0L)
        .execute();
  }

  private static <T, V> @Nullable V value(Optional<T> part, Function<T, V> column) {
    return part.map(column).orElse(null);
  }

  public Optional<BulkRevocation> find(UUID id) {
    return database
        .sql()
        .selectFrom(BULK_REVOCATIONS)
        .where(BULK_REVOCATIONS.ID.eq(id))
        .fetchOptional(BulkRevocations::read);
  }

  /** The newest first. */
  public List<BulkRevocation> newest(int most) {
    return database
        .sql()
        .selectFrom(BULK_REVOCATIONS)
        .orderBy(BULK_REVOCATIONS.MADE_AT.desc(), BULK_REVOCATIONS.ID)
        .limit(most)
        .fetch(BulkRevocations::read);
  }

  /** Those that are not carried out yet, the oldest first. */
  public List<UUID> unfinished() {
    return database
        .sql()
        .select(BULK_REVOCATIONS.ID)
        .from(BULK_REVOCATIONS)
        .where(BULK_REVOCATIONS.ENDED_AT.isNull())
        .orderBy(BULK_REVOCATIONS.MADE_AT, BULK_REVOCATIONS.ID)
        .fetch(BULK_REVOCATIONS.ID);
  }

  /** Revokes the next certificates; whoever calls this beside another waits for the other. */
  public Step step(UUID id) {
    Instant now = clock.instant();
    Step step = database.inTransaction(sql -> step(sql, id, now));
    database.syncToDisk();
    return step;
  }

  private static Step step(DSLContext sql, UUID id, Instant now) {
    BulkRevocationsRecord row =
        sql.selectFrom(BULK_REVOCATIONS)
            .where(BULK_REVOCATIONS.ID.eq(id))
            .and(BULK_REVOCATIONS.ENDED_AT.isNull())
            .forUpdate()
            .fetchOne();
    if (row == null) {
      return new Step(Set.of(), false);
    }
    BulkRevocation revocation = read(row);
    Order order = revocation.order();
    boolean byName = order.filter().name().isPresent();
    int most = byName ? MOST_READ : MOST_REVOKED;
    List<Candidate> candidates = new ArrayList<>();
    sql.select(CERTIFICATES.ISSUER, CERTIFICATES.SERIAL, CERTIFICATES.CRL_SHARD)
        .select(byName ? CERTIFICATES.TBS : DSL.inline(new byte[0]).as(CERTIFICATES.TBS))
        .from(CERTIFICATES)
        .where(meant(order.filter(), revocation.madeAt(), now))
        .and(
            row.getAfterSerial() == null
                ? DSL.noCondition()
                : DSL.row(CERTIFICATES.SERIAL, CERTIFICATES.ISSUER)
                    .gt(DSL.row(row.getAfterSerial(), row.getAfterIssuer())))
        .orderBy(CERTIFICATES.SERIAL, CERTIFICATES.ISSUER)
        .limit(most)
        .forEach(found -> candidates.add(candidate(found)));
    List<Revocation> revocations = new ArrayList<>();
    Set<CrlScope> scopes = new HashSet<>();
    int read = 0;
    while (read < candidates.size() && revocations.size() < MOST_REVOKED) {
      Candidate candidate = candidates.get(read++);
      if (!byName || hasName(candidate.toBeSigned(), order.filter().name().get())) {
        revocations.add(revocation(order, candidate));
        scopes.add(candidate.crlScope());
      }
    }
    boolean more = candidates.size() == most || read < candidates.size();
    int revoked = JooqRevocationLedger.revokeAll(sql, revocations, now);
    row.setRevoked(row.getRevoked() + revoked);
    if (read > 0) {
      Candidate last = candidates.get(read - 1);
      row.setAfterSerial(last.serial().octets());
      row.setAfterIssuer(last.issuer().value());
    }
    if (!more) {
      row.setEndedAt(Timestamps.of(now));
      AuditTrail.operation(
          sql, now, "revoked-many", order.by(), id + ": " + row.getRevoked() + " certificates");
    }
    row.update();
    return new Step(scopes, more);
  }

  private static Candidate candidate(Record row) {
    IssuerId issuer = new IssuerId(row.get(CERTIFICATES.ISSUER));
    return new Candidate(
        issuer,
        SerialNumber.of(row.get(CERTIFICATES.SERIAL)),
        new CrlScope(issuer, row.get(CERTIFICATES.CRL_SHARD)),
        Der.of(row.get(CERTIFICATES.TBS)));
  }

  private static Revocation revocation(Order order, Candidate candidate) {
    return new Revocation(
        candidate.issuer(),
        candidate.serial(),
        order.reason(),
        order.at(),
        order.invalidityDate(),
        order.by());
  }

  private static long count(DSLContext sql, Filter filter, Instant now) {
    Condition meant = meant(filter, now, now);
    if (filter.name().isEmpty()) {
      return sql.selectCount().from(CERTIFICATES).where(meant).fetchSingle().value1();
    }
    long count = 0;
    // In a transaction PostgreSQL's driver reads with a cursor, and without one all at once.
    try (var rows =
        sql.select(CERTIFICATES.TBS)
            .from(CERTIFICATES)
            .where(meant)
            .fetchSize(MOST_READ)
            .fetchLazy()) {
      for (var row : rows) {
        if (hasName(Der.of(row.value1()), filter.name().get())) {
          count++;
        }
      }
    }
    return count;
  }

  private static Condition meant(Filter filter, Instant recordedBefore, Instant now) {
    return DSL.and(
        CERTIFICATES.STATE.in(NOT_REVOKED),
        CERTIFICATES.NOT_AFTER.gt(Timestamps.of(now)),
        CERTIFICATES.RECORDED_AT.lt(Timestamps.of(recordedBefore)),
        condition(filter.issuer(), issuer -> CERTIFICATES.ISSUER.eq(issuer.value())),
        condition(filter.profile(), profile -> CERTIFICATES.PROFILE.eq(profile.value())),
        condition(filter.account(), account -> CERTIFICATES.ACCOUNT_ID.eq(account.value())),
        condition(filter.key(), key -> CERTIFICATES.PUBLIC_KEY_SHA256.eq(key.bytes())),
        condition(filter.recordedFrom(), from -> CERTIFICATES.RECORDED_AT.ge(Timestamps.of(from))),
        condition(
            filter.recordedUntil(), until -> CERTIFICATES.RECORDED_AT.lt(Timestamps.of(until))));
  }

  private static <T> Condition condition(Optional<T> part, Function<T, Condition> condition) {
    return part.map(condition).orElseGet(DSL::noCondition);
  }

  private static boolean hasName(Der toBeSigned, String name) {
    TBSCertificate certificate = TBSCertificate.getInstance(toBeSigned.bytes());
    GeneralNames names =
        GeneralNames.fromExtensions(certificate.getExtensions(), Extension.subjectAlternativeName);
    if (names == null) {
      return false;
    }
    for (GeneralName each : names.getNames()) {
      try {
        if (Name.of(each).value().equals(name)) {
          return true;
        }
      } catch (Refused e) {
        // A name of a kind that is not certified here, in a certificate from elsewhere: not this.
      }
    }
    return false;
  }

  private static BulkRevocation read(BulkRevocationsRecord row) {
    return new BulkRevocation(
        row.getId(),
        new Order(
            new Filter(
                Optional.ofNullable(row.getIssuer()).map(IssuerId::new),
                Optional.ofNullable(row.getProfile()).map(ProfileId::new),
                Optional.ofNullable(row.getAccountId()).map(AccountId::new),
                Optional.ofNullable(row.getPublicKeySha256()).map(Der::of),
                Optional.ofNullable(row.getName()),
                Timestamps.instant(row.getRecordedFrom()),
                Timestamps.instant(row.getRecordedUntil())),
            RevocationReason.of(row.getReason()).orElseThrow(),
            row.getRevokedAt().toInstant(),
            Timestamps.instant(row.getInvalidityDate()),
            row.getRequestedBy()),
        row.getMadeAt().toInstant(),
        row.getCounted(),
        row.getRevoked(),
        Timestamps.instant(row.getEndedAt()));
  }
}
