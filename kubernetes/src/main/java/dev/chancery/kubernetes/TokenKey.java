package dev.chancery.kubernetes;

import static dev.chancery.store.schema.Tables.VAULT_SHARED_KEYS;

import dev.chancery.core.SharedSecret;
import dev.chancery.store.Database;
import java.security.Key;
import java.security.MessageDigest;
import java.util.Optional;
import javax.crypto.spec.SecretKeySpec;
import org.jooq.exception.IntegrityConstraintViolationException;

/**
 * The key that tokens are signed with, the same on every node. It is not in the database: whoever
 * reads that, or a backup of it, must not be able to make tokens.
 */
public final class TokenKey {
  /** How long the secret is that everything here is derived from. */
  public static final int SECRET_OCTETS = SharedSecret.OCTETS;

  private static final int FINGERPRINT_OCTETS = 16;
  private static final String FINGERPRINT_NAME = "token-fingerprint";

  private final SecretKeySpec key;
  private final byte[] fingerprint;

  /** From a secret of {@value #SECRET_OCTETS} random octets. */
  public TokenKey(byte[] secret) {
    SharedSecret shared = new SharedSecret(secret);
    this.key = new SecretKeySpec(shared.derived("token signing", 32), "HmacSHA256");
    this.fingerprint = shared.derived("token fingerprint", FINGERPRINT_OCTETS);
  }

  Key key() {
    return key;
  }

  /** Whether some node has claimed the database for its key. */
  public static boolean isClaimed(Database database) {
    return claimed(database).isPresent();
  }

  /**
   * Claims the database for this key: what one node signs the others must take.
   *
   * @return false when another key was first
   */
  public boolean claim(Database database) {
    try {
      database
          .sql()
          .insertInto(VAULT_SHARED_KEYS, VAULT_SHARED_KEYS.NAME, VAULT_SHARED_KEYS.OCTETS)
          .values(FINGERPRINT_NAME, fingerprint)
          .onConflictDoNothing()
          .execute();
    } catch (IntegrityConstraintViolationException e) {
      // For H2 jOOQ writes a merge, which loses a race by an exception instead of by zero rows.
    }
    return claimed(database).filter(first -> MessageDigest.isEqual(first, fingerprint)).isPresent();
  }

  private static Optional<byte[]> claimed(Database database) {
    return database
        .sql()
        .selectFrom(VAULT_SHARED_KEYS)
        .where(VAULT_SHARED_KEYS.NAME.eq(FINGERPRINT_NAME))
        .fetchOptional(VAULT_SHARED_KEYS.OCTETS);
  }
}
