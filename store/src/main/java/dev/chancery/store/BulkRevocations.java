package dev.chancery.store;

import static dev.chancery.store.schema.Tables.BULK_REVOCATIONS;
import static dev.chancery.store.schema.Tables.CERTIFICATES;
import static dev.chancery.store.schema.Tables.REVOCATIONS;

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
import dev.chancery.core.RevocationLedger;
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
import org.jooq.Cursor;
import org.jooq.DSLContext;
import org.jooq.Record;
import org.jooq.Row2;
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

  /**
   * Certificates that one statement walks over, whether they are meant or not: so few that it ends
   * long before a connection is given up, however many others there are.
   */
  static final int MOST_WALKED = 20_000;

  /** As {@link #MOST_WALKED}, when only their bytes tell whether they are meant. */
  static final int MOST_READ = 2000;

  private final Database database;
  private final Clock clock;
  private final int mostWalked;

  public BulkRevocations(Database database, Clock clock) {
    this(database, clock, MOST_WALKED);
  }

  BulkRevocations(Database database, Clock clock, int mostWalked) {
    this.database = database;
    this.clock = clock;
    this.mostWalked = mostWalked;
  }

  /** Where a certificate stands in the order of all, which is that of their primary key. */
  private record Place(SerialNumber serial, IssuerId issuer) {
    // H2 finds no place in an index by two columns at once, so the first one is said alone as well.
    static Condition after(Optional<Place> place) {
      return place
          .map(last -> CERTIFICATES.SERIAL.ge(last.serial().octets()).and(KEY.gt(last.row())))
          .orElseGet(DSL::noCondition);
    }

    static Condition until(Optional<Place> place) {
      return place
          .map(last -> CERTIFICATES.SERIAL.le(last.serial().octets()).and(KEY.le(last.row())))
          .orElseGet(DSL::noCondition);
    }

    private Row2<byte[], String> row() {
      return DSL.row(serial.octets(), issuer.value());
    }
  }

  private static final Row2<byte[], String> KEY = DSL.row(CERTIFICATES.SERIAL, CERTIFICATES.ISSUER);

  /** A certificate that is meant. */
  private record Candidate(
      IssuerId issuer, SerialNumber serial, CrlScope crlScope, Der toBeSigned) {
    Place place() {
      return new Place(serial, issuer);
    }
  }

  /**
   * The next certificates in the order.
   *
   * @param end the last one that was walked over; empty when no more come
   */
  private record Walk(List<Candidate> candidates, Optional<Place> end) {}

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

  /** How many certificates a filter means now, for a revocation with a reason. */
  public long count(Filter filter, RevocationReason reason) {
    Instant now = clock.instant();
    return count(database.sql(), filter, reason, now);
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
          long counted = count(sql, order.filter(), order.reason(), now);
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

  private Step step(DSLContext sql, UUID id, Instant now) {
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
    Optional<Place> before =
        row.getAfterSerial() == null
            ? Optional.empty()
            : Optional.of(place(row.getAfterSerial(), row.getAfterIssuer()));
    Walk walk =
        walk(
            sql,
            order.filter(),
            meant(order.filter(), order.reason(), revocation.madeAt(), now),
            before,
            MOST_REVOKED);
    List<Revocation> revocations = new ArrayList<>();
    Set<CrlScope> scopes = new HashSet<>();
    for (Candidate candidate : walk.candidates()) {
      revocations.add(revocation(order, candidate));
      scopes.add(candidate.crlScope());
    }
    boolean more = walk.end().isPresent();
    int revoked = JooqRevocationLedger.revokeAll(sql, revocations, now);
    row.setRevoked(row.getRevoked() + revoked);
    if (more) {
      row.setAfterSerial(walk.end().get().serial().octets());
      row.setAfterIssuer(walk.end().get().issuer().value());
    }
    if (!more) {
      row.setEndedAt(Timestamps.of(now));
      AuditTrail.operation(
          sql, now, "revoked-many", order.by(), id + ": " + row.getRevoked() + " certificates");
    }
    row.update();
    return new Step(scopes, more);
  }

  /**
   * Those that are meant among the next certificates. The others are passed by in the same
   * statement, so that its length does not depend on how few are meant.
   *
   * @param most after so many that are meant it ends
   */
  private Walk walk(
      DSLContext sql, Filter filter, Condition meant, Optional<Place> after, int most) {
    boolean byName = filter.name().isPresent();
    Optional<Place> last =
        sql.select(CERTIFICATES.SERIAL, CERTIFICATES.ISSUER)
            .from(CERTIFICATES)
            .where(Place.after(after))
            .orderBy(CERTIFICATES.SERIAL, CERTIFICATES.ISSUER)
            .limit((byName ? Math.min(MOST_READ, mostWalked) : mostWalked) - 1, 1)
            .fetchOptional(row -> place(row.value1(), row.value2()));
    List<Candidate> candidates = new ArrayList<>();
    try (Cursor<? extends Record> found =
        sql.select(CERTIFICATES.ISSUER, CERTIFICATES.SERIAL, CERTIFICATES.CRL_SHARD)
            .select(byName ? CERTIFICATES.TBS : DSL.inline(new byte[0]).as(CERTIFICATES.TBS))
            .from(CERTIFICATES)
            .where(meant)
            .and(Place.after(after))
            .and(Place.until(last))
            .orderBy(CERTIFICATES.SERIAL, CERTIFICATES.ISSUER)
            .limit(byName ? MOST_READ : most)
            .fetchSize(most)
            .fetchLazy()) {
      for (Record row : found) {
        Candidate candidate = candidate(row);
        if (!byName || hasName(candidate.toBeSigned(), filter.name().get())) {
          candidates.add(candidate);
          if (candidates.size() == most) {
            return new Walk(candidates, Optional.of(candidate.place()));
          }
        }
      }
    }
    return new Walk(candidates, last);
  }

  private static Place place(byte[] serial, String issuer) {
    return new Place(SerialNumber.of(serial), new IssuerId(issuer));
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

  private long count(DSLContext sql, Filter filter, RevocationReason reason, Instant now) {
    Condition meant = meant(filter, reason, now, now);
    long count = 0;
    Optional<Place> place = Optional.empty();
    do {
      Walk walk = walk(sql, filter, meant, place, MOST_WALKED);
      count += walk.candidates().size();
      place = walk.end();
    } while (place.isPresent());
    return count;
  }

  private static Condition meant(
      Filter filter, RevocationReason reason, Instant recordedBefore, Instant now) {
    return DSL.and(
        isRevocable(reason),
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

  /** What {@link RevocationLedger#revoke} would revoke: for good, also what is on hold. */
  private static Condition isRevocable(RevocationReason reason) {
    Condition issued = CERTIFICATES.STATE.eq(CertificateState.of(State.ISSUED));
    if (reason == RevocationReason.CERTIFICATE_HOLD) {
      return issued;
    }
    return issued
        .or(CERTIFICATES.STATE.eq(CertificateState.of(State.RECORDED)))
        .orExists(
            DSL.selectOne()
                .from(REVOCATIONS)
                .where(REVOCATIONS.ISSUER.eq(CERTIFICATES.ISSUER))
                .and(REVOCATIONS.SERIAL.eq(CERTIFICATES.SERIAL))
                .and(REVOCATIONS.REASON.eq((short) RevocationReason.CERTIFICATE_HOLD.code())));
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
