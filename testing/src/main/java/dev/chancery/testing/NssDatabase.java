package dev.chancery.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * A key database of NSS of a test's own, which NSS's softokn shows as a token.
 *
 * @param pinFile holds the database's password
 * @param initializeArguments what C_Initialize must be given: it names the database
 */
public record NssDatabase(Path library, String label, Path pinFile, String initializeArguments) {
  private static final String PIN = "test-pin-1234";

  /**
   * Makes one.
   *
   * @param folder where the database and the PIN file are put
   * @throws IllegalStateException when NSS is not installed: scripts/test.sh installs it
   */
  public static NssDatabase create(Path folder, String label) {
    try {
      Path database = Files.createTempDirectory(folder, "nss");
      Path pinFile = Files.writeString(database.resolve("pin"), PIN + "\n");
      Command.run("certutil", "-N", "-d", "sql:" + database, "-f", pinFile.toString());
      return new NssDatabase(
          // Of its own: loaded from one file, NSS has one database in a process.
          Files.copy(installedLibrary().toRealPath(), database.resolve("libsoftokn3.so")),
          label,
          pinFile,
          ("configdir='sql:%s' certPrefix='' keyPrefix='' secmod='secmod.db' flags=''"
                  + " dbTokenDescription='%s'")
              .formatted(database, label));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot make a database of NSS", e);
    }
  }

  private static Path installedLibrary() throws IOException {
    try (Stream<Path> folders = Files.list(Path.of("/usr/lib"))) {
      return folders
          .flatMap(folder ->
              Stream.of(folder.resolve("libsoftokn3.so"), folder.resolve("nss/libsoftokn3.so")))
          .filter(Files::exists)
          .findFirst()
          .orElseThrow(() -> new IllegalStateException("NSS is not installed"));
    }
  }
}
