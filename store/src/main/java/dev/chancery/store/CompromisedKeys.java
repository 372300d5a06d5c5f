package dev.chancery.store;

import static dev.chancery.store.PreparedQuery.parameter;
import static dev.chancery.store.schema.Tables.COMPROMISED_KEYS;
import static org.jooq.impl.DSL.exists;
import static org.jooq.impl.DSL.select;
import static org.jooq.impl.DSL.selectOne;

import dev.chancery.core.BlockedKeys;
import dev.chancery.core.SubjectPublicKey;
import java.util.Optional;
import org.jooq.Condition;
import org.jooq.Field;
import org.jooq.Param;
import org.jooq.Record;

/** The keys of certificates that were revoked here for keyCompromise, on whichever node. */
public final class CompromisedKeys implements BlockedKeys {
  private static final Param<byte[]> SHA256 = parameter(COMPROMISED_KEYS.PUBLIC_KEY_SHA256);
  private static final PreparedQuery<Record> FIND =
      PreparedQuery.of(
          select(COMPROMISED_KEYS.PUBLIC_KEY_SHA256)
              .from(COMPROMISED_KEYS)
              .where(COMPROMISED_KEYS.PUBLIC_KEY_SHA256.eq(SHA256)));

  private final Database database;

  public CompromisedKeys(Database database) {
    this.database = database;
  }

  /**
   * That a key is one of these, for a statement that is to do something only if it is not.
   *
   * @param sha256 the digest of the SubjectPublicKeyInfo
   */
  public static Condition contain(Field<byte[]> sha256) {
    return exists(
        selectOne().from(COMPROMISED_KEYS).where(COMPROMISED_KEYS.PUBLIC_KEY_SHA256.eq(sha256)));
  }

  @Override
  public Optional<String> reason(SubjectPublicKey key) {
    boolean compromised =
        !FIND.with(SHA256, key.encoded().sha256()).fetch(database.sql()).isEmpty();
    return compromised
        ? Optional.of("the key was compromised: a certificate for it was revoked for that")
        : Optional.empty();
  }
}
