package dev.chancery.server;

import dev.chancery.acme.BindingCipher;
import dev.chancery.acme.BindingKeys;
import dev.chancery.store.Database;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.HexFormat;

/**
 * The file with the secret under which binding keys are encrypted in the database: made when the
 * first node starts that needs it, and copied by hand to every other.
 */
final class BindingKeyFile {
  private BindingKeyFile() {}

  /**
   * Reads the file, or makes it when no node has done so.
   *
   * @throws ConfigurationInvalid when this node would not be able to use the binding keys of the
   *     others
   */
  static BindingCipher open(Path file, Database database, SecureRandom random)
      throws ConfigurationInvalid {
    boolean made = !Files.exists(file);
    if (made) {
      if (BindingKeys.isClaimed(database)) {
        throw new ConfigurationInvalid(
            file
                + ": is missing; copy it from a node of this database, whose binding keys need it");
      }
      byte[] secret = new byte[BindingCipher.SECRET_OCTETS];
      random.nextBytes(secret);
      // On the disk before the database is claimed: a crash between leaves what can be gone on
      // with.
      Home.writePrivate(file, HexFormat.of().formatHex(secret) + "\n");
    }
    BindingCipher cipher = read(file);
    if (!BindingKeys.claim(database, cipher)) {
      if (made) {
        delete(file);
      }
      throw new ConfigurationInvalid(
          file + ": is not the one that the binding keys of this database are encrypted with");
    }
    return cipher;
  }

  private static BindingCipher read(Path file) throws ConfigurationInvalid {
    try {
      return new BindingCipher(HexFormat.of().parseHex(Home.secret(file)));
    } catch (IllegalArgumentException e) {
      throw new ConfigurationInvalid(
          file + ": must hold " + 2 * BindingCipher.SECRET_OCTETS + " hexadecimal digits");
    }
  }

  /** Two nodes made one at the same time, and the other's counts. */
  private static void delete(Path file) throws ConfigurationInvalid {
    try {
      Files.delete(file);
    } catch (IOException e) {
      throw new ConfigurationInvalid(file + ": cannot be deleted: " + e.getMessage());
    }
  }
}
