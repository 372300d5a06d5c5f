package dev.chancery.store;

import static dev.chancery.store.schema.Tables.CRLS;
import static dev.chancery.store.schema.Tables.ISSUERS;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.PreparedCrl;
import dev.chancery.core.PublishedCrl;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.ToBeSigned;
import dev.chancery.store.schema.tables.Crls;
import java.math.BigInteger;
import java.time.Clock;
import java.time.Instant;
import java.util.Optional;
import org.jooq.impl.DSL;

/** The CRL ledger in SQL. */
public final class JooqCrlLedger extends CrlLedger {
  private static final String RECORDED = "recorded";
  private static final String PUBLISHED = "published";

  private final Database database;
  private final Clock clock;

  public JooqCrlLedger(Database database, Clock clock) {
    this.database = database;
    this.clock = clock;
  }

  @Override
  public BigInteger nextNumber(IssuerId issuer) {
    Optional<BigInteger> number =
        database.inTransaction(sql ->
            sql.update(ISSUERS)
                .set(ISSUERS.LAST_CRL_NUMBER, ISSUERS.LAST_CRL_NUMBER.plus(1))
                .where(ISSUERS.NAME.eq(issuer.value()))
                .returningResult(ISSUERS.LAST_CRL_NUMBER)
                .fetchOptional(ISSUERS.LAST_CRL_NUMBER));
    return number.orElseThrow(
        () -> new IllegalArgumentException("the issuer " + issuer + " was never registered"));
  }

  @Override
  protected void commit(PreparedCrl prepared) {
    database.inTransaction(sql ->
        sql.insertInto(CRLS)
            .set(CRLS.ISSUER, prepared.issuer().value())
            .set(CRLS.NUMBER, prepared.number())
            .set(CRLS.STATE, RECORDED)
            .set(CRLS.THIS_UPDATE, Timestamps.of(prepared.thisUpdate()))
            .set(CRLS.NEXT_UPDATE, Timestamps.of(prepared.nextUpdate()))
            .set(CRLS.TBS, prepared.toBeSigned().bytes().bytes())
            .set(CRLS.SIGNATURE_SCHEME, prepared.toBeSigned().scheme().name())
            .execute());
    // The counter was committed before, so its rise is on the disk with this row.
    database.syncToDisk();
  }

  /**
   * Publications of one issuer take turns by its row, so that each sees what the last one did and
   * none waits crosswise for the rows of another; recording certificates does not wait for them.
   */
  @Override
  protected boolean markPublished(PreparedCrl prepared, SignatureValue signature) {
    String issuer = prepared.issuer().value();
    Crls newer = CRLS.as("newer");
    Instant now = clock.instant();
    return database.inTransaction(sql -> {
      // Changes nothing: H2 has no lock that foreign keys pass but an UPDATE's.
      sql.update(ISSUERS)
          .set(ISSUERS.LAST_CRL_NUMBER, ISSUERS.LAST_CRL_NUMBER)
          .where(ISSUERS.NAME.eq(issuer))
          .execute();
      int moved =
          sql.update(CRLS)
              .set(CRLS.STATE, PUBLISHED)
              .set(CRLS.SIGNATURE, signature.octets())
              .where(CRLS.ISSUER.eq(issuer))
              .and(CRLS.NUMBER.eq(prepared.number()))
              .and(CRLS.STATE.eq(RECORDED))
              .andNotExists(
                  DSL.selectOne()
                      .from(newer)
                      .where(newer.ISSUER.eq(issuer))
                      .and(newer.NUMBER.gt(prepared.number()))
                      .and(newer.STATE.eq(PUBLISHED)))
              .execute();
      if (moved == 0) {
        return false;
      }
      sql.deleteFrom(CRLS)
          .where(CRLS.ISSUER.eq(issuer))
          .and(CRLS.NUMBER.lt(prepared.number()))
          .execute();
      // The trail knows of every published CRL after its row is gone.
      AuditTrail.published(sql, now, prepared.issuer(), prepared.number());
      return true;
    });
  }

  @Override
  public Optional<PublishedCrl> current(IssuerId issuer) {
    return database
        .sql()
        .selectFrom(CRLS)
        .where(CRLS.ISSUER.eq(issuer.value()))
        .and(CRLS.STATE.eq(PUBLISHED))
        .orderBy(CRLS.NUMBER.desc())
        .limit(1)
        .fetchOptional(row ->
            new PublishedCrl(
                issuer,
                row.getNumber(),
                row.getThisUpdate().toInstant(),
                row.getNextUpdate().toInstant(),
                new ToBeSigned(
                        Der.of(row.getTbs()), SigningScheme.valueOf(row.getSignatureScheme()))
                    .with(SignatureValue.of(row.getSignature()))));
  }

  /** Reads no CRL: those can be large, and every node asks this every second. */
  @Override
  public Optional<BigInteger> currentNumber(IssuerId issuer) {
    return database
        .sql()
        .select(CRLS.NUMBER)
        .from(CRLS)
        .where(CRLS.ISSUER.eq(issuer.value()))
        .and(CRLS.STATE.eq(PUBLISHED))
        .orderBy(CRLS.NUMBER.desc())
        .limit(1)
        .fetchOptional(CRLS.NUMBER);
  }
}
