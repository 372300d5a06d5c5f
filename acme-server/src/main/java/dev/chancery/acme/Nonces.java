package dev.chancery.acme;

import static dev.chancery.store.PreparedQuery.parameter;
import static dev.chancery.store.schema.Tables.ACME_ACCOUNTS;
import static dev.chancery.store.schema.Tables.ACME_SHARED_KEYS;
import static dev.chancery.store.schema.Tables.ACME_SPENT_NONCES;
import static org.jooq.impl.DSL.insertInto;
import static org.jooq.impl.DSL.row;
import static org.jooq.impl.DSL.select;

import dev.chancery.store.Database;
import dev.chancery.store.PreparedQuery;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.Optional;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jooq.Param;
import org.jooq.Record;

/**
 * Replay nonces (RFC 8555 section 6.5). Making one writes nothing: it carries its expiry and a MAC
 * under a key that every node reads from the database. Spending one inserts it where it is the
 * primary key, so it works once, whichever nodes are asked and however often they restart.
 */
final class Nonces {
  private static final Duration LIFETIME = Duration.ofHours(1);
  // A node whose clock is behind must not find a nonce both unexpired and forgotten.
  private static final Duration KEPT_LONGER = Duration.ofHours(1);
  private static final String KEY_NAME = "nonce-mac";
  private static final String MAC = "HmacSHA256";
  private static final int KEY_OCTETS = 32;
  private static final int RANDOM_OCTETS = 16;
  private static final int BODY_OCTETS = Long.BYTES + RANDOM_OCTETS;
  private static final int MAC_OCTETS = 16;

  private static final Param<OffsetDateTime> EXPIRES_AT = parameter(ACME_SPENT_NONCES.EXPIRES_AT);
  private static final Param<byte[]> OCTETS = parameter(ACME_SPENT_NONCES.OCTETS);
  private static final PreparedQuery<Record> SPEND =
      PreparedQuery.of(
          insertInto(ACME_SPENT_NONCES, ACME_SPENT_NONCES.EXPIRES_AT, ACME_SPENT_NONCES.OCTETS)
              .values(EXPIRES_AT, OCTETS)
              .onConflictDoNothing());
  private static final PreparedQuery<Record> SPEND_BY =
      PreparedQuery.of(
          insertInto(ACME_SPENT_NONCES, ACME_SPENT_NONCES.EXPIRES_AT, ACME_SPENT_NONCES.OCTETS)
              .select(select(EXPIRES_AT, OCTETS).from(ACME_ACCOUNTS).where(Accounts.UNCHANGED))
              .onConflictDoNothing());

  private final Database database;
  private final Clock clock;
  private final SecureRandom random;
  private final SecretKeySpec key;

  Nonces(Database database, Clock clock, SecureRandom random) {
    this.database = database;
    this.clock = clock;
    this.random = random;
    this.key = new SecretKeySpec(sharedKey(), MAC);
  }

  private byte[] sharedKey() {
    byte[] candidate = new byte[KEY_OCTETS];
    random.nextBytes(candidate);
    // The first node to come wins; all read what stands there then.
    UniqueRow.insert(
        database
            .sql()
            .insertInto(ACME_SHARED_KEYS, ACME_SHARED_KEYS.NAME, ACME_SHARED_KEYS.OCTETS)
            .values(KEY_NAME, candidate)
            .onConflictDoNothing());
    return database
        .sql()
        .selectFrom(ACME_SHARED_KEYS)
        .where(ACME_SHARED_KEYS.NAME.eq(KEY_NAME))
        .fetchSingle()
        .getOctets();
  }

  String fresh() {
    byte[] octets = new byte[RANDOM_OCTETS];
    random.nextBytes(octets);
    byte[] body =
        ByteBuffer.allocate(BODY_OCTETS)
            .putLong(Times.now(clock).plus(LIFETIME).toEpochMilli())
            .put(octets)
            .array();
    return Base64Url.encode(
        ByteBuffer.allocate(BODY_OCTETS + MAC_OCTETS).put(body).put(mac(body)).array());
  }

  /**
   * Checks, without spending it, that a nonce was made here and has not expired.
   *
   * @throws AcmeProblem badNonce
   */
  Genuine genuine(Optional<String> text) throws AcmeProblem {
    byte[] octets = text.isEmpty() ? new byte[0] : decoded(text.get());
    if (octets.length != BODY_OCTETS + MAC_OCTETS) {
      throw bad("the nonce is missing or not one of this server's");
    }
    byte[] body = Arrays.copyOf(octets, BODY_OCTETS);
    if (!MessageDigest.isEqual(mac(body), Arrays.copyOfRange(octets, BODY_OCTETS, octets.length))) {
      throw bad("the nonce is not one of this server's");
    }
    Instant expiresAt = Instant.ofEpochMilli(ByteBuffer.wrap(body).getLong());
    if (!clock.instant().isBefore(expiresAt)) {
      throw bad("the nonce has expired");
    }
    return new Genuine(expiresAt, Arrays.copyOfRange(body, Long.BYTES, BODY_OCTETS));
  }

  private static byte[] decoded(String text) throws AcmeProblem {
    try {
      return Base64Url.decode(text, "the nonce");
    } catch (AcmeProblem e) {
      // RFC 8555 section 6.5.2 has badNonce for a nonce that is unacceptable in any way.
      throw bad("the nonce is not unpadded base64url");
    }
  }

  /** A nonce of this server's that can be spent, unless it was. */
  final class Genuine {
    private final Instant expiresAt;
    private final byte[] value;

    private Genuine(Instant expiresAt, byte[] value) {
      this.expiresAt = expiresAt;
      this.value = value;
    }

    /**
     * Spends it.
     *
     * @throws AcmeProblem badNonce, when it was spent before
     */
    void spend() throws AcmeProblem {
      if (!UniqueRow.insert(database.sql(), given(SPEND))) {
        throw bad("the nonce was used before");
      }
    }

    /**
     * Spends it for an account that was read before, if that is still what it was: the same
     * statement asks, so a deactivation, a change of key or a report of its compromise on any node
     * is met at once.
     *
     * @return false when the account has changed, its key was compromised, or the nonce was spent
     *     before; nothing was spent then
     */
    boolean spendBy(AcmeEndpoint endpoint, Account account) {
      return UniqueRow.insert(
          database.sql(), Accounts.unchanged(given(SPEND_BY), endpoint, account));
    }

    private PreparedQuery<Record>.Call given(PreparedQuery<Record> query) {
      return query.with(EXPIRES_AT, Times.stored(expiresAt)).with(OCTETS, value);
    }
  }

  /** Forgets at most this many nonces that expired long enough ago; returns how many. */
  int prune(int limit) {
    // In a transaction, which is run again when it meets another node that prunes.
    return database.inTransaction(sql ->
        sql.deleteFrom(ACME_SPENT_NONCES)
            .where(
                row(ACME_SPENT_NONCES.EXPIRES_AT, ACME_SPENT_NONCES.OCTETS)
                    .in(
                        select(ACME_SPENT_NONCES.EXPIRES_AT, ACME_SPENT_NONCES.OCTETS)
                            .from(ACME_SPENT_NONCES)
                            .where(
                                ACME_SPENT_NONCES.EXPIRES_AT.lt(
                                    Times.stored(clock.instant().minus(KEPT_LONGER))))
                            .orderBy(ACME_SPENT_NONCES.EXPIRES_AT)
                            .limit(limit)))
            .execute());
  }

  private byte[] mac(byte[] body) {
    try {
      Mac mac = Mac.getInstance(MAC);
      mac.init(key);
      return Arrays.copyOf(mac.doFinal(body), MAC_OCTETS);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has " + MAC, e);
    }
  }

  private static AcmeProblem bad(String detail) {
    return new AcmeProblem(AcmeError.BAD_NONCE, detail);
  }
}
