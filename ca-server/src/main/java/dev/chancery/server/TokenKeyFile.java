package dev.chancery.server;

import dev.chancery.kubernetes.TokenKey;
import dev.chancery.store.Database;
import java.nio.file.Path;
import java.security.SecureRandom;

/** The file with the secret under which the tokens of the Vault-shaped API are signed. */
final class TokenKeyFile {
  private TokenKeyFile() {}

  /**
   * As {@link SharedSecretFile#open}.
   *
   * @throws ConfigurationInvalid when this node would not take the tokens of the others
   */
  static TokenKey open(Path file, Database database, SecureRandom random)
      throws ConfigurationInvalid {
    return SharedSecretFile.open(
        file,
        "tokens",
        TokenKey::new,
        new SharedSecretFile.Claim<TokenKey>() {
          @Override
          public boolean isMade() {
            return TokenKey.isClaimed(database);
          }

          @Override
          public boolean make(TokenKey key) {
            return key.claim(database);
          }
        },
        random);
  }
}
