package dev.chancery.server;

import dev.chancery.acme.BindingCipher;
import dev.chancery.acme.BindingKeys;
import dev.chancery.store.Database;
import java.nio.file.Path;
import java.security.SecureRandom;

/** The file with the secret under which binding keys are encrypted in the database. */
final class BindingKeyFile {
  private BindingKeyFile() {}

  /**
   * As {@link SharedSecretFile#open}.
   *
   * @throws ConfigurationInvalid when this node would not be able to use the binding keys of the
   *     others
   */
  static BindingCipher open(Path file, Database database, SecureRandom random)
      throws ConfigurationInvalid {
    return SharedSecretFile.open(
        file,
        "binding keys",
        BindingCipher::new,
        new SharedSecretFile.Claim<BindingCipher>() {
          @Override
          public boolean isMade() {
            return BindingKeys.isClaimed(database);
          }

          @Override
          public boolean make(BindingCipher cipher) {
            return BindingKeys.claim(database, cipher);
          }
        },
        random);
  }
}
