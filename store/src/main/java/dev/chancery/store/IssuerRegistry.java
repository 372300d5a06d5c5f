package dev.chancery.store;

import static dev.chancery.store.schema.Tables.ISSUERS;

import dev.chancery.core.IssuerId;
import dev.chancery.core.SubjectPublicKey;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jooq.DSLContext;
import org.jooq.exception.IntegrityConstraintViolationException;

/** The issuers that the ledgers keep certificates of, each known by its name and key. */
public final class IssuerRegistry {
  private final Database database;

  public IssuerRegistry(Database database) {
    this.database = database;
  }

  /**
   * Makes an issuer known; nothing changes when it is already.
   *
   * @throws IssuerKeyDiffers when the name is taken by another key
   */
  public void register(IssuerId issuer, SubjectPublicKey key) throws IssuerKeyDiffers {
    byte[] wanted = key.encoded().bytes();
    insert(issuer, wanted);
    byte[] known =
        database
            .sql()
            .select(ISSUERS.PUBLIC_KEY)
            .from(ISSUERS)
            .where(ISSUERS.NAME.eq(issuer.value()))
            .fetchSingle()
            .value1();
    if (!Arrays.equals(known, wanted)) {
      throw new IssuerKeyDiffers(issuer);
    }
  }

  private void insert(IssuerId issuer, byte[] key) {
    try {
      database
          .sql()
          .insertInto(ISSUERS)
          .set(ISSUERS.NAME, issuer.value())
          .set(ISSUERS.PUBLIC_KEY, key)
          .onConflictDoNothing()
          .execute();
    } catch (IntegrityConstraintViolationException e) {
      // On H2 the conflict with an insert that runs beside this one is still an error. Either way
      // there is a row now, and the caller reads it.
    }
  }

  /** The issuer that has this key, if there is one. */
  public Optional<IssuerId> find(SubjectPublicKey key) {
    byte[] wanted = key.encoded().bytes();
    return database
        .sql()
        .select(ISSUERS.NAME, ISSUERS.PUBLIC_KEY)
        .from(ISSUERS)
        .orderBy(ISSUERS.NAME)
        .fetch()
        .stream()
        .filter(row -> Arrays.equals(row.value2(), wanted))
        .map(row -> new IssuerId(row.value1()))
        .findFirst();
  }

  /** Every issuer that was ever registered, by name. */
  public List<IssuerId> all() {
    return database
        .sql()
        .select(ISSUERS.NAME)
        .from(ISSUERS)
        .orderBy(ISSUERS.NAME)
        .fetch(row -> new IssuerId(row.value1()));
  }

  /**
   * Waits until no other transaction changes what becomes of issuers and roots, and keeps others
   * from it until this one ends. Recording certificates does not wait for it.
   */
  static void takeTurn(DSLContext transaction) {
    // Changes nothing: H2 has no lock that foreign keys pass but an UPDATE's.
    transaction.update(ISSUERS).set(ISSUERS.LAST_CRL_NUMBER, ISSUERS.LAST_CRL_NUMBER).execute();
  }
}
