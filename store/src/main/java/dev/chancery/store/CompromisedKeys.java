package dev.chancery.store;

import static dev.chancery.store.schema.Tables.COMPROMISED_KEYS;

import dev.chancery.core.BlockedKeys;
import dev.chancery.core.SubjectPublicKey;
import java.util.Optional;

/** The keys of certificates that were revoked here for keyCompromise, on whichever node. */
public final class CompromisedKeys implements BlockedKeys {
  private final Database database;

  public CompromisedKeys(Database database) {
    this.database = database;
  }

  @Override
  public Optional<String> reason(SubjectPublicKey key) {
    boolean compromised =
        database
            .sql()
            .fetchExists(
                COMPROMISED_KEYS, COMPROMISED_KEYS.PUBLIC_KEY_SHA256.eq(key.encoded().sha256()));
    return compromised
        ? Optional.of("the key was compromised: a certificate for it was revoked for that")
        : Optional.empty();
  }
}
