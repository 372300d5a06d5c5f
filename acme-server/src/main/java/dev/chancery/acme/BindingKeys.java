package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.ACME_BINDING_KEYS;
import static dev.chancery.store.schema.Tables.ACME_SHARED_KEYS;
import static java.util.stream.Collectors.joining;

import dev.chancery.core.AccountId;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.store.BindingAudit;
import dev.chancery.store.Database;
import dev.chancery.store.schema.tables.records.AcmeBindingKeysRecord;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.jooq.DSLContext;
import org.jooq.impl.DSL;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The keys by which an operator says whose ACME accounts may be made and what they may order (RFC
 * 8555 section 7.3.4): made and revoked here, and used by {@link Accounts}.
 */
public final class BindingKeys {
  private static final Logger LOG = LoggerFactory.getLogger(BindingKeys.class);

  /** The most keys that {@link #list} answers with. */
  public static final int PAGE = 500;

  /**
   * RFC 7518 section 3.2 asks for as many octets as the hash has: so many do for HS512, and so for
   * the others.
   */
  private static final int MAC_KEY_OCTETS = 64;

  private static final String FINGERPRINT_NAME = "binding-fingerprint";

  private final Database database;
  private final Optional<BindingCipher> cipher;
  private final TimeOrderedIds ids;
  private final Clock clock;
  private final SecureRandom random;

  /**
   * @param cipher may be missing where no endpoint takes bindings
   */
  public BindingKeys(
      Database database, Optional<BindingCipher> cipher, Clock clock, SecureRandom random) {
    this.database = database;
    this.cipher = cipher;
    this.ids = new TimeOrderedIds(clock, random);
    this.clock = clock;
    this.random = random;
  }

  /** Whether some node has claimed the database for its cipher. */
  public static boolean isClaimed(Database database) {
    return fingerprint(database).isPresent();
  }

  /**
   * Claims the database for a cipher. All nodes have the same one: what one encrypts the others
   * must be able to use.
   *
   * @return false when another cipher was first
   */
  public static boolean claim(Database database, BindingCipher cipher) {
    UniqueRow.insert(
        database
            .sql()
            .insertInto(ACME_SHARED_KEYS, ACME_SHARED_KEYS.NAME, ACME_SHARED_KEYS.OCTETS)
            .values(FINGERPRINT_NAME, cipher.fingerprint())
            .onConflictDoNothing());
    return fingerprint(database)
        .filter(claimed -> MessageDigest.isEqual(claimed, cipher.fingerprint()))
        .isPresent();
  }

  private static Optional<byte[]> fingerprint(Database database) {
    return database
        .sql()
        .selectFrom(ACME_SHARED_KEYS)
        .where(ACME_SHARED_KEYS.NAME.eq(FINGERPRINT_NAME))
        .fetchOptional(ACME_SHARED_KEYS.OCTETS);
  }

  /**
   * A key that was made just now, the only time that its secret is told.
   *
   * @param macKey in base64url, as clients are given it
   */
  public record Made(BindingKey key, String macKey) {
    @Override
    public String toString() {
      return "Made[key=" + key + "]";
    }
  }

  /** Makes a key; it survives a power cut. */
  public Made create(String endpoint, String label, BindingPolicy policy, String requester) {
    BindingKeyId id = new BindingKeyId(ids.next());
    Instant now = Times.now(clock);
    BindingKey key = new BindingKey(id, endpoint, label, policy, 0, now, Optional.empty());
    byte[] macKey = newMacKey();
    byte[] encrypted = cipher().encrypt(id, macKey, random);
    database.inTransaction(sql -> {
      sql.insertInto(ACME_BINDING_KEYS)
          .set(ACME_BINDING_KEYS.ID, id.value())
          .set(ACME_BINDING_KEYS.ENDPOINT, endpoint)
          .set(ACME_BINDING_KEYS.LABEL, label)
          .set(ACME_BINDING_KEYS.MAC_KEY, encrypted)
          .set(ACME_BINDING_KEYS.PREAUTHORIZED, lines(policy.preauthorized()))
          .set(ACME_BINDING_KEYS.NAMES, lines(policy.names()))
          .set(ACME_BINDING_KEYS.PROFILES, lines(policy.profiles()))
          .set(ACME_BINDING_KEYS.MOST_USES, policy.mostUses().orElse(null))
          .set(ACME_BINDING_KEYS.USES, 0)
          .set(ACME_BINDING_KEYS.CREATED_AT, Times.stored(now))
          .set(ACME_BINDING_KEYS.EXPIRES_AT, policy.expires().map(Times::stored).orElse(null))
          .execute();
      BindingAudit.record(sql, now, "create-binding", requester, described(key));
      return id;
    });
    database.syncToDisk();
    return new Made(key, Base64Url.encode(macKey));
  }

  /** Command lines would take one whose text begins with a hyphen for an option. */
  private byte[] newMacKey() {
    byte[] macKey = new byte[MAC_KEY_OCTETS];
    do {
      random.nextBytes(macKey);
    } while (Base64Url.encode(macKey).startsWith("-"));
    return macKey;
  }

  private static String described(BindingKey key) {
    return "key "
        + key.id()
        + " of endpoint "
        + key.endpoint()
        + " (uses "
        + key.policy().mostUses().map(String::valueOf).orElse("unlimited")
        + ", until "
        + key.policy().expires().map(Instant::toString).orElse("revoked")
        + "), label: "
        + key.label();
  }

  public Optional<BindingKey> find(BindingKeyId id) {
    return row(id).map(BindingKeys::read);
  }

  /** Keys in the order of their making, after a given one. */
  public List<BindingKey> list(Optional<BindingKeyId> after) {
    return database
        .sql()
        .selectFrom(ACME_BINDING_KEYS)
        .where(after.map(id -> ACME_BINDING_KEYS.ID.gt(id.value())).orElseGet(DSL::noCondition))
        .orderBy(ACME_BINDING_KEYS.ID)
        .limit(PAGE)
        .fetch(BindingKeys::read);
  }

  /**
   * Revokes a key for good; it survives a power cut.
   *
   * @throws Refused when there is no such key or it is revoked already
   */
  public BindingKey revoke(BindingKeyId id, String requester) throws Refused {
    Instant now = Times.now(clock);
    boolean revoked =
        database.inTransaction(sql -> {
          int moved =
              sql.update(ACME_BINDING_KEYS)
                  .set(ACME_BINDING_KEYS.REVOKED_AT, Times.stored(now))
                  .where(ACME_BINDING_KEYS.ID.eq(id.value()))
                  .and(ACME_BINDING_KEYS.REVOKED_AT.isNull())
                  .execute();
          if (moved == 1) {
            BindingAudit.record(sql, now, "revoke-binding", requester, "key " + id);
          }
          return moved == 1;
        });
    database.syncToDisk();
    BindingKey key =
        find(id).orElseThrow(() -> new Refused(Reason.NOT_FOUND, "there is no such binding key"));
    if (!revoked) {
      throw new Refused(Reason.ALREADY_REVOKED, "the binding key is revoked already");
    }
    return key;
  }

  /** The secret of a key of an endpoint, whatever state the key is in. */
  Optional<byte[]> macKey(AcmeEndpoint endpoint, BindingKeyId id) {
    Optional<byte[]> encrypted =
        row(id)
            .filter(row -> row.getEndpoint().equals(endpoint.name()))
            .map(AcmeBindingKeysRecord::getMacKey);
    Optional<byte[]> macKey = encrypted.flatMap(octets -> cipher().decrypt(id, octets));
    if (encrypted.isPresent() && macKey.isEmpty()) {
      LOG.error("binding key {} was encrypted under another secret and cannot be used", id);
    }
    return macKey;
  }

  /**
   * Counts one use of a key, in the transaction that makes the account; false when the key has none
   * left or is over.
   */
  static boolean use(DSLContext sql, BindingKeyId id, AccountId account, Instant now) {
    Integer uses =
        sql.update(ACME_BINDING_KEYS)
            .set(ACME_BINDING_KEYS.USES, ACME_BINDING_KEYS.USES.plus(1))
            .where(ACME_BINDING_KEYS.ID.eq(id.value()))
            .and(ACME_BINDING_KEYS.REVOKED_AT.isNull())
            .and(
                ACME_BINDING_KEYS
                    .EXPIRES_AT
                    .isNull()
                    .or(ACME_BINDING_KEYS.EXPIRES_AT.gt(Times.stored(now))))
            .and(
                ACME_BINDING_KEYS
                    .MOST_USES
                    .isNull()
                    .or(ACME_BINDING_KEYS.USES.lt(ACME_BINDING_KEYS.MOST_USES)))
            .returningResult(ACME_BINDING_KEYS.USES)
            .fetchOne(ACME_BINDING_KEYS.USES);
    if (uses == null) {
      return false;
    }
    BindingAudit.record(
        sql, now, "use-binding", "acme account " + account, "key " + id + ", use " + uses);
    return true;
  }

  /**
   * Why a key that could not be used is of no use.
   *
   * @param now as {@link #use} was told
   */
  AcmeProblem whyNot(BindingKeyId id, Instant now) {
    BindingKey key = existing(id);
    return switch (key.state(now)) {
      case REVOKED, EXPIRED -> over(key, now);
      case SPENT, LIVE ->
          new AcmeProblem(
              AcmeError.UNAUTHORIZED, "the binding key has bound as many accounts as it may");
    };
  }

  /**
   * What an account may order now.
   *
   * @throws AcmeProblem unauthorized, when the key that it was bound by is revoked or expired
   */
  OrderAllowance allowance(Account account) throws AcmeProblem {
    if (account.binding().isEmpty()) {
      return OrderAllowance.UNBOUND;
    }
    BindingKey key = existing(account.binding().get().key());
    Instant now = clock.instant();
    return switch (key.state(now)) {
      case REVOKED, EXPIRED -> throw over(key, now);
      // What is spent is the right to make accounts.
      case SPENT, LIVE -> OrderAllowance.of(key.policy());
    };
  }

  /**
   * Refuses an account that was bound by a key that is revoked or expired.
   *
   * @throws AcmeProblem unauthorized
   */
  void requireInForce(Account account) throws AcmeProblem {
    allowance(account);
  }

  private static AcmeProblem over(BindingKey key, Instant now) {
    return new AcmeProblem(
        AcmeError.UNAUTHORIZED,
        "the binding key " + key.id() + " is " + key.state(now) + ", and all that rests on it");
  }

  private BindingKey existing(BindingKeyId id) {
    return find(id)
        .orElseThrow(() -> new IllegalStateException("a binding key that was used is gone"));
  }

  private Optional<AcmeBindingKeysRecord> row(BindingKeyId id) {
    return database
        .sql()
        .selectFrom(ACME_BINDING_KEYS)
        .where(ACME_BINDING_KEYS.ID.eq(id.value()))
        .fetchOptional();
  }

  private BindingCipher cipher() {
    return cipher.orElseThrow(
        () -> new IllegalStateException("no endpoint takes bindings, so there is no cipher"));
  }

  private static BindingKey read(AcmeBindingKeysRecord row) {
    return new BindingKey(
        new BindingKeyId(row.getId()),
        row.getEndpoint(),
        row.getLabel(),
        new BindingPolicy(
            values(row.getPreauthorized(), NamePattern::parse),
            values(row.getNames(), NamePattern::parse),
            values(row.getProfiles(), ProfileId::new),
            Optional.ofNullable(row.getMostUses()),
            Optional.ofNullable(row.getExpiresAt()).map(OffsetDateTime::toInstant)),
        row.getUses(),
        row.getCreatedAt().toInstant(),
        Optional.ofNullable(row.getRevokedAt()).map(OffsetDateTime::toInstant));
  }

  private static String lines(List<?> values) {
    return values.stream().map(Object::toString).collect(joining("\n"));
  }

  private static <T> List<T> values(String lines, Function<String, T> parser) {
    return lines.lines().map(parser).toList();
  }
}
