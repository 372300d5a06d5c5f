package dev.chancery.store;

import static dev.chancery.store.schema.Tables.CRLS;
import static dev.chancery.store.schema.Tables.CRL_LOCATIONS;
import static dev.chancery.store.schema.Tables.ISSUERS;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.Digest;
import dev.chancery.core.IssuerId;
import dev.chancery.core.PreparedCrl;
import dev.chancery.core.PublishedCrl;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.store.schema.tables.Crls;
import dev.chancery.store.schema.tables.records.CrlsRecord;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.net.URI;
import java.time.Clock;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.exception.IntegrityConstraintViolationException;
import org.jooq.impl.DSL;

/** The CRL ledger in SQL. */
public final class JooqCrlLedger extends CrlLedger {
  /** Its octets are being written. */
  private static final String BUILDING = "building";

  private static final String RECORDED = "recorded";
  private static final String PUBLISHED = "published";

  private final Database database;
  private final CrlPieces pieces;
  private final Clock clock;

  public JooqCrlLedger(Database database, Clock clock) {
    this.database = database;
    this.pieces = new CrlPieces(database);
    this.clock = clock;
  }

  @Override
  public BigInteger nextNumber(IssuerId issuer) {
    return database.inTransaction(sql -> nextNumber(sql, issuer));
  }

  private BigInteger nextNumber(DSLContext sql, IssuerId issuer) {
    BigInteger least = BigInteger.valueOf(clock.millis());
    return sql.update(ISSUERS)
        .set(ISSUERS.LAST_CRL_NUMBER, DSL.greatest(ISSUERS.LAST_CRL_NUMBER.plus(1), DSL.val(least)))
        .where(ISSUERS.NAME.eq(issuer.value()))
        .returningResult(ISSUERS.LAST_CRL_NUMBER)
        .fetchOptional(ISSUERS.LAST_CRL_NUMBER)
        .orElseThrow(
            () -> new IllegalArgumentException("the issuer " + issuer + " was never registered"));
  }

  /**
   * In several transactions, so that none is long: a row that says "building", the pieces, and only
   * then "recorded". What a crash leaves in between is no CRL to anyone, and is dropped with those
   * before the next one that is published.
   */
  @Override
  protected Optional<Digest> commit(PreparedCrl prepared) throws IOException {
    database.inTransaction(sql -> insert(sql, prepared, BUILDING, Optional.empty()));
    Digest digest;
    try {
      digest = pieces.write(prepared);
    } catch (IntegrityConstraintViolationException e) {
      if (database.sql().fetchExists(CRLS, isRow(prepared))) {
        throw e;
      }
      // Whoever published a newer one has deleted the row, and no piece can be without it.
      return Optional.empty();
    }
    int moved =
        database.inTransaction(sql ->
            sql.update(CRLS)
                .set(CRLS.STATE, RECORDED)
                .where(isRow(prepared))
                .and(CRLS.STATE.eq(BUILDING))
                .execute());
    if (moved == 0) {
      return Optional.empty();
    }
    // All of it was committed before, so it is on the disk after this.
    database.syncToDisk();
    return Optional.of(digest);
  }

  private static int insert(
      DSLContext sql, PreparedCrl prepared, String state, Optional<SignatureValue> signature) {
    return sql.insertInto(CRLS)
        .set(CRLS.ISSUER, prepared.scope().issuer().value())
        .set(CRLS.SHARD, prepared.scope().shard())
        .set(CRLS.NUMBER, prepared.number())
        .set(CRLS.DELTA, prepared.base().isPresent())
        .set(CRLS.BASE_NUMBER, prepared.base().orElse(null))
        .set(CRLS.STATE, state)
        .set(CRLS.THIS_UPDATE, Timestamps.of(prepared.thisUpdate()))
        .set(CRLS.NEXT_UPDATE, Timestamps.of(prepared.nextUpdate()))
        .set(CRLS.TBS_LENGTH, prepared.toBeSigned().length())
        .set(CRLS.SIGNATURE_SCHEME, prepared.scheme().name())
        .set(CRLS.SIGNATURE, signature.map(SignatureValue::octets).orElse(null))
        .execute();
  }

  private static Condition isRow(PreparedCrl prepared) {
    return isRow(prepared.scope().issuer(), prepared.number(), prepared.base().isPresent());
  }

  private static Condition isRow(IssuerId issuer, BigInteger number, boolean delta) {
    return CRLS.ISSUER.eq(issuer.value()).and(CRLS.NUMBER.eq(number)).and(CRLS.DELTA.eq(delta));
  }

  /**
   * Publishes a complete CRL that was signed elsewhere and keeps its number; one from here gets its
   * number from here. In one transaction: wherever it ends before its end, there is nothing of it,
   * and what an earlier attempt under its number has left is dropped. For CRLs that are short.
   *
   * @param over the number of the published one that it was held against, which is lower; empty
   *     when there was none
   * @return false when that is not the published one any more; then nothing was changed
   * @throws IOException when its octets cannot be read; then too
   */
  public boolean takeIn(PreparedCrl prepared, SignatureValue signature, Optional<BigInteger> over)
      throws IOException {
    if (over.isPresent() && over.get().compareTo(prepared.number()) >= 0) {
      throw new IllegalArgumentException(
          "CRL " + prepared.number() + " is not after " + over.get());
    }
    Instant now = clock.instant();
    CrlScope scope = prepared.scope();
    boolean taken;
    try {
      taken =
          database.inTransaction(sql -> {
            takeTurn(sql, scope.issuer());
            if (!currentNumber(sql, CrlName.complete(scope)).equals(over)) {
              return false;
            }
            sql.deleteFrom(CRLS).where(isRow(prepared)).and(CRLS.STATE.ne(PUBLISHED)).execute();
            insert(sql, prepared, PUBLISHED, Optional.of(signature));
            write(sql, prepared);
            dropOlder(sql, prepared, DSL.falseCondition());
            AuditTrail.published(sql, now, scope, prepared.number());
            return true;
          });
    } catch (UncheckedIOException e) {
      throw new IOException(e.getCause());
    }
    database.syncToDisk();
    return taken;
  }

  private static void write(DSLContext sql, PreparedCrl prepared) {
    try {
      Digest _ = CrlPieces.write(sql, prepared);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void takeTurn(DSLContext sql, IssuerId issuer) {
    // Changes nothing: H2 has no lock that foreign keys pass but an UPDATE's.
    sql.update(ISSUERS)
        .set(ISSUERS.LAST_CRL_NUMBER, ISSUERS.LAST_CRL_NUMBER)
        .where(ISSUERS.NAME.eq(issuer.value()))
        .execute();
  }

  private static void dropOlder(DSLContext sql, PreparedCrl prepared, Condition kept) {
    sql.deleteFrom(CRLS)
        .where(isOf(prepared.scope()))
        .and(CRLS.NUMBER.lt(prepared.number()))
        .andNot(kept)
        .execute();
  }

  /**
   * Has a number count as used, and every lower one: that of a list which is signed, or may be, and
   * is not published. For lists that were signed elsewhere; one from here has its number from here.
   */
  public void useNumber(IssuerId issuer, BigInteger number) {
    int _ =
        database.inTransaction(sql ->
            sql.update(ISSUERS)
                .set(
                    ISSUERS.LAST_CRL_NUMBER, DSL.greatest(ISSUERS.LAST_CRL_NUMBER, DSL.val(number)))
                .where(ISSUERS.NAME.eq(issuer.value()))
                .execute());
    database.syncToDisk();
  }

  /** The highest number of a complete CRL that is published, or counts as used. */
  public BigInteger usedNumber(IssuerId issuer) {
    return database
        .sql()
        .select(
            ISSUERS.LAST_CRL_NUMBER,
            DSL.field(
                DSL.select(DSL.max(CRLS.NUMBER))
                    .from(CRLS)
                    .where(CRLS.ISSUER.eq(issuer.value()))
                    .and(CRLS.STATE.eq(PUBLISHED))))
        .from(ISSUERS)
        .where(ISSUERS.NAME.eq(issuer.value()))
        .fetchSingle(row ->
            Stream.of(row.value1(), row.value2())
                .filter(Objects::nonNull)
                .max(Comparator.naturalOrder())
                .orElseThrow());
  }

  private static Condition isOf(CrlScope scope) {
    return CRLS.ISSUER.eq(scope.issuer().value()).and(CRLS.SHARD.eq(scope.shard()));
  }

  /**
   * Publications of one issuer take turns by its row, so that each sees what the last one did and
   * none waits crosswise for the rows of another; recording certificates does not wait for them.
   */
  @Override
  protected boolean markPublished(
      Signed complete, Optional<Signed> delta, Optional<BigInteger> base) {
    PreparedCrl prepared = complete.recorded().prepared();
    CrlScope scope = prepared.scope();
    Instant now = clock.instant();
    return database.inTransaction(sql -> {
      takeTurn(sql, scope.issuer());
      if (!publish(sql, complete)) {
        return false;
      }
      if (delta.isPresent() && !publish(sql, delta.get())) {
        throw new IllegalStateException("the delta CRL " + prepared.number() + " is not recorded");
      }
      Condition kept =
          base.<Condition>map(number -> CRLS.NUMBER.eq(number).and(CRLS.DELTA.isFalse()))
              .orElse(DSL.falseCondition());
      dropOlder(sql, prepared, kept);
      // The trail knows of every published CRL after its row is gone.
      AuditTrail.published(sql, now, scope, prepared.number());
      return true;
    });
  }

  private static boolean publish(DSLContext sql, Signed signed) {
    PreparedCrl prepared = signed.recorded().prepared();
    Crls newer = CRLS.as("newer");
    int moved =
        sql.update(CRLS)
            .set(CRLS.STATE, PUBLISHED)
            .set(CRLS.SIGNATURE, signed.signature().octets())
            .where(isRow(prepared))
            .and(CRLS.STATE.eq(RECORDED))
            .andNotExists(
                DSL.selectOne()
                    .from(newer)
                    .where(newer.ISSUER.eq(prepared.scope().issuer().value()))
                    .and(newer.SHARD.eq(prepared.scope().shard()))
                    .and(newer.NUMBER.gt(prepared.number()))
                    .and(newer.STATE.eq(PUBLISHED)))
            .execute();
    return moved > 0;
  }

  @Override
  public Optional<PublishedCrl> current(CrlName name) {
    return database
        .sql()
        .selectFrom(CRLS)
        .where(isPublished(name))
        .orderBy(CRLS.NUMBER.desc())
        .limit(1)
        .fetchOptional(this::published);
  }

  private static Condition isPublished(CrlName name) {
    return isOf(name.scope()).and(CRLS.DELTA.eq(name.delta())).and(CRLS.STATE.eq(PUBLISHED));
  }

  private PublishedCrl published(CrlsRecord row) {
    return new PublishedCrl(
        new CrlScope(new IssuerId(row.getIssuer()), row.getShard()),
        row.getNumber(),
        Optional.ofNullable(row.getBaseNumber()),
        row.getThisUpdate().toInstant(),
        row.getNextUpdate().toInstant(),
        PreparedCrl.signed(
            pieces.toBeSigned(row),
            SigningScheme.valueOf(row.getSignatureScheme()),
            SignatureValue.of(row.getSignature())));
  }

  /** Reads no octets: every node asks this every second. */
  @Override
  public Optional<BigInteger> currentNumber(CrlName name) {
    return currentNumber(database.sql(), name);
  }

  private static Optional<BigInteger> currentNumber(DSLContext sql, CrlName name) {
    return sql.select(CRLS.NUMBER)
        .from(CRLS)
        .where(isPublished(name))
        .orderBy(CRLS.NUMBER.desc())
        .limit(1)
        .fetchOptional(CRLS.NUMBER);
  }

  @Override
  public Map<CrlName, BigInteger> currentNumbers() {
    return database
        .sql()
        .select(CRLS.ISSUER, CRLS.SHARD, CRLS.DELTA, DSL.max(CRLS.NUMBER))
        .from(CRLS)
        .where(CRLS.STATE.eq(PUBLISHED))
        .groupBy(CRLS.ISSUER, CRLS.SHARD, CRLS.DELTA)
        .fetchMap(
            row ->
                new CrlName(new CrlScope(new IssuerId(row.value1()), row.value2()), row.value3()),
            row -> row.value4());
  }

  @Override
  public Optional<PublishedCrl> base(CrlScope scope) {
    return database
        .sql()
        .selectFrom(CRLS)
        .where(isPublished(CrlName.complete(scope)))
        .orderBy(CRLS.NUMBER)
        .limit(1)
        .fetchOptional(this::published);
  }

  /**
   * The location takes a CRL number in the transaction that adds it, and the issuer's row stays
   * locked until the commit: who takes a higher number sees the location.
   */
  @Override
  public void addLocation(CrlScope scope, URI location) {
    database.inTransaction(sql -> {
      if (locations(sql, scope).reversed().stream().findFirst().equals(Optional.of(location))) {
        return 0;
      }
      BigInteger number = nextNumber(sql, scope.issuer());
      return sql.insertInto(CRL_LOCATIONS)
          .set(CRL_LOCATIONS.ISSUER, scope.issuer().value())
          .set(CRL_LOCATIONS.SHARD, scope.shard())
          .set(CRL_LOCATIONS.URL, location.toString())
          .set(CRL_LOCATIONS.ADDED_AT, Timestamps.of(clock.instant()))
          .set(CRL_LOCATIONS.NUMBER, number)
          .onConflict(CRL_LOCATIONS.ISSUER, CRL_LOCATIONS.SHARD, CRL_LOCATIONS.URL)
          .doUpdate()
          .set(CRL_LOCATIONS.NUMBER, number)
          .execute();
    });
  }

  private static Condition isLocationOf(CrlScope scope) {
    return CRL_LOCATIONS
        .ISSUER
        .eq(scope.issuer().value())
        .and(CRL_LOCATIONS.SHARD.eq(scope.shard()));
  }

  @Override
  public List<URI> locations(CrlScope scope) {
    return locations(database.sql(), scope);
  }

  private static List<URI> locations(DSLContext sql, CrlScope scope) {
    return sql.select(CRL_LOCATIONS.URL)
        .from(CRL_LOCATIONS)
        .where(isLocationOf(scope))
        .orderBy(CRL_LOCATIONS.NUMBER, CRL_LOCATIONS.ADDED_AT, CRL_LOCATIONS.URL)
        .fetch(row -> URI.create(row.value1()));
  }

  /** A CRL of one scope names itself from when there is another scope, so that counts too. */
  @Override
  public BigInteger locationsSince(CrlScope scope) {
    Condition ofIssuer = CRL_LOCATIONS.ISSUER.eq(scope.issuer().value());
    return database
        .sql()
        .select(
            DSL.field(
                DSL.select(DSL.max(CRL_LOCATIONS.NUMBER))
                    .from(CRL_LOCATIONS)
                    .where(isLocationOf(scope))),
            DSL.field(
                DSL.select(DSL.min(CRL_LOCATIONS.NUMBER))
                    .from(CRL_LOCATIONS)
                    .where(ofIssuer)
                    .and(CRL_LOCATIONS.SHARD.ne(CrlScope.UNSHARDED))))
        .fetchSingle(row ->
            Stream.of(row.value1(), row.value2())
                .filter(Objects::nonNull)
                .max(Comparator.naturalOrder())
                .orElse(BigInteger.ZERO));
  }

  @Override
  public List<CrlScope> scopes(IssuerId issuer) {
    List<CrlScope> shards =
        database
            .sql()
            .selectDistinct(CRL_LOCATIONS.SHARD)
            .from(CRL_LOCATIONS)
            .where(CRL_LOCATIONS.ISSUER.eq(issuer.value()))
            .and(CRL_LOCATIONS.SHARD.ne(CrlScope.UNSHARDED))
            .orderBy(CRL_LOCATIONS.SHARD)
            .fetch(row -> new CrlScope(issuer, row.value1()));
    return Stream.concat(Stream.of(CrlScope.unsharded(issuer)), shards.stream()).toList();
  }
}
