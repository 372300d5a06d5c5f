package dev.chancery.acme;

import static dev.chancery.store.PreparedQuery.parameter;
import static dev.chancery.store.schema.Tables.ACME_ACCOUNTS;
import static dev.chancery.store.schema.Tables.ACME_FORMER_KEYS;
import static org.jooq.impl.DSL.select;
import static org.jooq.impl.DSL.selectFrom;

import dev.chancery.core.AccountId;
import dev.chancery.core.Refused;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.store.CompromisedKeys;
import dev.chancery.store.Database;
import dev.chancery.store.PreparedQuery;
import dev.chancery.store.schema.tables.records.AcmeAccountsRecord;
import java.net.URI;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Param;
import org.jooq.Record;
import org.jooq.exception.IntegrityConstraintViolationException;
import org.jspecify.annotations.Nullable;

/** The accounts of all endpoints; each belongs to one, under one key. */
final class Accounts {
  private static final String VALID = "valid";
  private static final String DEACTIVATED = "deactivated";
  private static final int MOST_FORMER_KEYS = 50;

  private static final Param<UUID> ID = parameter(ACME_ACCOUNTS.ID);
  private static final Param<String> ENDPOINT = parameter(ACME_ACCOUNTS.ENDPOINT);
  private static final Param<byte[]> PUBLIC_KEY = parameter(ACME_ACCOUNTS.PUBLIC_KEY);
  private static final Param<String> CONTACTS = parameter(ACME_ACCOUNTS.CONTACTS);
  private static final Param<String> TERMS_AGREED = parameter(ACME_ACCOUNTS.TERMS_AGREED);

  private static final Param<byte[]> KEY_SHA256 =
      parameter("key_sha256", ACME_ACCOUNTS.KEY_THUMBPRINT);

  /** That an account is valid, is what it was when it was read, and its key is not compromised. */
  static final Condition UNCHANGED =
      ACME_ACCOUNTS
          .ID
          .eq(ID)
          .and(ACME_ACCOUNTS.ENDPOINT.eq(ENDPOINT))
          .and(ACME_ACCOUNTS.STATUS.eq(VALID))
          // These three are all that can change in a valid account.
          .and(ACME_ACCOUNTS.PUBLIC_KEY.eq(PUBLIC_KEY))
          .and(ACME_ACCOUNTS.CONTACTS.eq(CONTACTS))
          .and(ACME_ACCOUNTS.TERMS_AGREED.isNotDistinctFrom(TERMS_AGREED))
          .andNot(CompromisedKeys.contain(KEY_SHA256));

  private static final PreparedQuery<AcmeAccountsRecord> FIND =
      PreparedQuery.of(
          ACME_ACCOUNTS,
          selectFrom(ACME_ACCOUNTS)
              .where(ACME_ACCOUNTS.ID.eq(ID))
              .and(ACME_ACCOUNTS.ENDPOINT.eq(ENDPOINT)));

  private final Database database;
  private final TimeOrderedIds ids;
  private final Clock clock;

  Accounts(Database database, TimeOrderedIds ids, Clock clock) {
    this.database = database;
    this.ids = ids;
    this.clock = clock;
  }

  /** What came of making an account. */
  sealed interface Creation {
    record Made(Account account) implements Creation {}

    /** The key has an account: of two requests at once, one makes it. */
    record KeyTaken() implements Creation {}

    /** The binding key has no use left, or is over. */
    record NotBound(BindingKeyId key, Instant at) implements Creation {}
  }

  /** Makes an account and, when it is bound, counts the use of its binding key: both or none. */
  Creation create(
      AcmeEndpoint endpoint,
      AccountKey key,
      List<String> contacts,
      Optional<URI> terms,
      Optional<ExternalAccountBinding.Verified> binding) {
    Instant now = Times.now(clock);
    Account account = new Account(new AccountId(ids.next()), key, contacts, terms, binding);
    if (binding.isEmpty()) {
      return insert(database.sql(), endpoint, account, now)
          ? new Creation.Made(account)
          : new Creation.KeyTaken();
    }
    BindingKeyId used = binding.get().key();
    try {
      return database.inTransaction(sql -> {
        if (!BindingKeys.use(sql, used, account.id(), now)) {
          return new Creation.NotBound(used, now);
        }
        if (!insert(sql, endpoint, account, now)) {
          throw new UseNotNeeded();
        }
        return new Creation.Made(account);
      });
    } catch (UseNotNeeded e) {
      return new Creation.KeyTaken();
    }
  }

  /** Rolls back a use that was counted for an account that was there already. */
  private static final class UseNotNeeded extends RuntimeException {
    private static final long serialVersionUID = 1L;

    UseNotNeeded() {
      super("the account key has an account", null, false, false);
    }
  }

  private static boolean insert(
      DSLContext sql, AcmeEndpoint endpoint, Account account, Instant now) {
    Optional<ExternalAccountBinding.Verified> binding = account.binding();
    return UniqueRow.insert(
        sql.insertInto(ACME_ACCOUNTS)
            .set(ACME_ACCOUNTS.ID, account.id().value())
            .set(ACME_ACCOUNTS.ENDPOINT, endpoint.name())
            .set(ACME_ACCOUNTS.PUBLIC_KEY, account.key().encoded().bytes())
            .set(ACME_ACCOUNTS.KEY_THUMBPRINT, account.key().thumbprint())
            .set(ACME_ACCOUNTS.STATUS, VALID)
            .set(ACME_ACCOUNTS.CONTACTS, stored(account.contacts()))
            .set(ACME_ACCOUNTS.TERMS_AGREED, stored(account.terms()))
            .set(
                ACME_ACCOUNTS.TERMS_AGREED_AT,
                account.terms().map(_ -> Times.stored(now)).orElse(null))
            .set(ACME_ACCOUNTS.CREATED_AT, Times.stored(now))
            .set(ACME_ACCOUNTS.BINDING_KEY_ID, binding.map(made -> made.key().value()).orElse(null))
            .set(
                ACME_ACCOUNTS.EXTERNAL_ACCOUNT_BINDING,
                binding.map(ExternalAccountBinding.Verified::json).orElse(null))
            .onConflictDoNothing());
  }

  /**
   * The account that has this key.
   *
   * @throws AcmeProblem when it is deactivated, or its key is no longer taken
   */
  Optional<Account> find(AcmeEndpoint endpoint, AccountKey key) throws AcmeProblem {
    return valid(
        database
            .sql()
            .selectFrom(ACME_ACCOUNTS)
            .where(ACME_ACCOUNTS.KEY_THUMBPRINT.eq(key.thumbprint()))
            .and(ACME_ACCOUNTS.ENDPOINT.eq(endpoint.name()))
            .fetchOne());
  }

  /**
   * The account with this id.
   *
   * @throws AcmeProblem when it is deactivated, or its key is no longer taken
   */
  Optional<Account> find(AcmeEndpoint endpoint, AccountId id) throws AcmeProblem {
    return valid(
        FIND.with(ID, id.value())
            .with(ENDPOINT, endpoint.name())
            .fetchOptional(database.sql())
            .orElse(null));
  }

  /** Whether the endpoint has, or had, this account: also one that is deactivated. */
  boolean isOf(AcmeEndpoint endpoint, AccountId id) {
    return FIND.with(ID, id.value())
        .with(ENDPOINT, endpoint.name())
        .fetchOptional(database.sql())
        .isPresent();
  }

  /** Gives {@link #UNCHANGED} its values. */
  static PreparedQuery<Record>.Call unchanged(
      PreparedQuery<Record>.Call call, AcmeEndpoint endpoint, Account account) {
    return call.with(ID, account.id().value())
        .with(ENDPOINT, endpoint.name())
        .with(PUBLIC_KEY, account.key().encoded().bytes())
        .with(CONTACTS, stored(account.contacts()))
        .with(TERMS_AGREED, stored(account.terms()))
        .with(KEY_SHA256, account.key().encoded().sha256());
  }

  private static String stored(List<String> contacts) {
    return String.join("\n", contacts);
  }

  private static @Nullable String stored(Optional<URI> terms) {
    return terms.map(URI::toString).orElse(null);
  }

  private static Optional<Account> valid(@Nullable AcmeAccountsRecord row) throws AcmeProblem {
    if (row == null) {
      return Optional.empty();
    }
    if (!row.getStatus().equals(VALID)) {
      throw new AcmeProblem(AcmeError.ACCOUNT_DEACTIVATED, "the account is deactivated");
    }
    AccountKey key;
    try {
      key = AccountKey.stored(row.getPublicKey());
    } catch (Refused e) {
      throw Account.keyNotTaken(e);
    }
    return Optional.of(
        new Account(
            new AccountId(row.getId()),
            key,
            row.getContacts().isEmpty() ? List.of() : List.of(row.getContacts().split("\n", -1)),
            Optional.ofNullable(row.getTermsAgreed()).map(URI::create),
            Optional.ofNullable(row.getBindingKeyId())
                .map(bound ->
                    new ExternalAccountBinding.Verified(
                        new BindingKeyId(bound), row.getExternalAccountBinding()))));
  }

  boolean setContacts(AccountId id, List<String> contacts) {
    return database
            .sql()
            .update(ACME_ACCOUNTS)
            .set(ACME_ACCOUNTS.CONTACTS, stored(contacts))
            .where(ACME_ACCOUNTS.ID.eq(id.value()))
            .and(ACME_ACCOUNTS.STATUS.eq(VALID))
            .execute()
        == 1;
  }

  /** Keeps which terms of service the account has agreed to, and when. */
  boolean agree(AccountId id, URI terms) {
    return database
            .sql()
            .update(ACME_ACCOUNTS)
            .set(ACME_ACCOUNTS.TERMS_AGREED, terms.toString())
            .set(ACME_ACCOUNTS.TERMS_AGREED_AT, Times.stored(Times.now(clock)))
            .where(ACME_ACCOUNTS.ID.eq(id.value()))
            .and(ACME_ACCOUNTS.STATUS.eq(VALID))
            .execute()
        == 1;
  }

  boolean deactivate(AccountId id) {
    return database
            .sql()
            .update(ACME_ACCOUNTS)
            .set(ACME_ACCOUNTS.STATUS, DEACTIVATED)
            .where(ACME_ACCOUNTS.ID.eq(id.value()))
            .and(ACME_ACCOUNTS.STATUS.eq(VALID))
            .execute()
        == 1;
  }

  /** What came of a key change. */
  enum KeyChange {
    CHANGED,
    /** The account no longer has the old key, or is deactivated. */
    LOST,
    /** Another account of the endpoint has the new key. */
    IN_USE,
  }

  KeyChange changeKey(AccountId id, AccountKey from, AccountKey to) {
    try {
      return database.inTransaction(sql -> {
        int moved =
            sql.update(ACME_ACCOUNTS)
                .set(ACME_ACCOUNTS.PUBLIC_KEY, to.encoded().bytes())
                .set(ACME_ACCOUNTS.KEY_THUMBPRINT, to.thumbprint())
                .where(ACME_ACCOUNTS.ID.eq(id.value()))
                .and(ACME_ACCOUNTS.KEY_THUMBPRINT.eq(from.thumbprint()))
                .and(ACME_ACCOUNTS.STATUS.eq(VALID))
                .execute();
        if (moved == 0) {
          return KeyChange.LOST;
        }
        keepFormer(sql, id, from);
        return KeyChange.CHANGED;
      });
    } catch (IntegrityConstraintViolationException e) {
      return KeyChange.IN_USE;
    }
  }

  /** In the transaction that has moved the account: nobody else keeps this key of it at once. */
  private void keepFormer(DSLContext sql, AccountId id, AccountKey key) {
    sql.insertInto(ACME_FORMER_KEYS)
        .set(ACME_FORMER_KEYS.ACCOUNT_ID, id.value())
        .set(ACME_FORMER_KEYS.KEY_THUMBPRINT, key.thumbprint())
        .set(ACME_FORMER_KEYS.REPLACED_AT, Times.stored(Times.now(clock)))
        .onConflictDoNothing()
        .execute();
    // Nobody has renewed a record for so many keys; and each costs every look at one.
    sql.deleteFrom(ACME_FORMER_KEYS)
        .where(ACME_FORMER_KEYS.ACCOUNT_ID.eq(id.value()))
        .and(
            ACME_FORMER_KEYS.KEY_THUMBPRINT.notIn(
                select(ACME_FORMER_KEYS.KEY_THUMBPRINT)
                    .from(ACME_FORMER_KEYS)
                    .where(ACME_FORMER_KEYS.ACCOUNT_ID.eq(id.value()))
                    .orderBy(ACME_FORMER_KEYS.REPLACED_AT.desc())
                    .limit(MOST_FORMER_KEYS)))
        .execute();
  }

  /**
   * The thumbprints of the keys that an account has had, the present one first and then the latest
   * ones, of which a limited number is kept, in base64url; none when it is not valid.
   */
  List<String> thumbprints(AccountId id) {
    List<String> thumbprints = new ArrayList<>();
    database
        .sql()
        .selectFrom(ACME_ACCOUNTS)
        .where(ACME_ACCOUNTS.ID.eq(id.value()))
        .and(ACME_ACCOUNTS.STATUS.eq(VALID))
        .fetch()
        .forEach(account -> thumbprints.add(Base64Url.encode(account.getKeyThumbprint())));
    if (!thumbprints.isEmpty()) {
      database
          .sql()
          .selectFrom(ACME_FORMER_KEYS)
          .where(ACME_FORMER_KEYS.ACCOUNT_ID.eq(id.value()))
          .orderBy(ACME_FORMER_KEYS.REPLACED_AT.desc())
          .fetch()
          .forEach(former -> thumbprints.add(Base64Url.encode(former.getKeyThumbprint())));
    }
    return thumbprints;
  }
}
