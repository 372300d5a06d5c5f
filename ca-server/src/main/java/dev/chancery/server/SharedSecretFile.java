package dev.chancery.server;

import dev.chancery.core.SharedSecret;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.function.Function;

/**
 * A file with a secret that all nodes of a database share and that is not in it: made when the
 * first node starts that needs it, and copied by hand to every other.
 */
final class SharedSecretFile {
  private SharedSecretFile() {}

  /** What the database knows of the secret without knowing it. */
  interface Claim<T> {
    /** Whether some node has claimed the database for its secret. */
    boolean isMade();

    /** Claims it for this one; false when another was first. */
    boolean make(T secret);
  }

  /**
   * Reads the file, or makes it when no node has done so.
   *
   * @param use what the secret is for, in the plural, for refusals: "binding keys"
   * @throws ConfigurationInvalid when this node would not be able to use what the others made
   */
  static <T> T open(
      Path file, String use, Function<byte[], T> reader, Claim<T> claim, SecureRandom random)
      throws ConfigurationInvalid {
    boolean made = !Files.exists(file);
    if (made) {
      if (claim.isMade()) {
        throw new ConfigurationInvalid(
            file + ": is missing; copy it from a node of this database, whose " + use + " need it");
      }
      byte[] secret = new byte[SharedSecret.OCTETS];
      random.nextBytes(secret);
      // On the disk before the database is claimed: a crash between leaves what can be gone on
      // with.
      Home.writePrivate(file, HexFormat.of().formatHex(secret) + "\n");
    }
    T read = read(file, reader);
    if (!claim.make(read)) {
      if (made) {
        delete(file);
      }
      throw new ConfigurationInvalid(
          file + ": is not the one that the " + use + " of this database are made with");
    }
    return read;
  }

  private static <T> T read(Path file, Function<byte[], T> reader) throws ConfigurationInvalid {
    try {
      return reader.apply(HexFormat.of().parseHex(Home.secret(file)));
    } catch (IllegalArgumentException e) {
      throw new ConfigurationInvalid(
          file + ": must hold " + 2 * SharedSecret.OCTETS + " hexadecimal digits");
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
