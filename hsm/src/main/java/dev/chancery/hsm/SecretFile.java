package dev.chancery.hsm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Arrays;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A PIN or password read from a file, wiped when it is closed and never in a message. */
final class SecretFile implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(SecretFile.class);
  private static final int LONGEST = 255;

  private final char[] characters;

  private SecretFile(char[] characters) {
    this.characters = characters;
  }

  /**
   * Reads the one line of a file.
   *
   * @param what what the file holds, for error messages
   * @throws TokenUnusable when the file cannot be read, is empty, or holds anything but one line of
   *     printable ASCII: what a module makes of other characters depends on the module
   */
  static SecretFile read(String what, Path file) throws TokenUnusable {
    if (Files.isDirectory(file)) {
      throw new TokenUnusable("the " + what + " file " + file + " is a directory");
    }
    byte[] octets = new byte[0];
    try (var in = Files.newInputStream(file)) {
      warnWhenOthersCanRead(what, file);
      octets = in.readNBytes(LONGEST + 3);
      return new SecretFile(line(what, file, octets));
    } catch (NoSuchFileException e) {
      throw new TokenUnusable("the " + what + " file " + file + " does not exist", e);
    } catch (IOException e) {
      throw new TokenUnusable("the " + what + " file " + file + " cannot be read", e);
    } finally {
      Arrays.fill(octets, (byte) 0);
    }
  }

  private static char[] line(String what, Path file, byte[] octets) throws TokenUnusable {
    int length = octets.length;
    if (length > 0 && octets[length - 1] == '\n') {
      length--;
    }
    if (length > 0 && octets[length - 1] == '\r') {
      length--;
    }
    if (length == 0) {
      throw new TokenUnusable("the " + what + " file " + file + " is empty");
    }
    if (length > LONGEST) {
      throw new TokenUnusable(
          "the " + what + " in file " + file + " is longer than " + LONGEST + " characters");
    }
    char[] characters = new char[length];
    for (int i = 0; i < length; i++) {
      if (octets[i] < ' ' || octets[i] > '~') {
        Arrays.fill(characters, '\0');
        throw new TokenUnusable(
            "the " + what + " in file " + file + " is not one line of printable ASCII characters");
      }
      characters[i] = (char) octets[i];
    }
    return characters;
  }

  private static void warnWhenOthersCanRead(String what, Path file) throws IOException {
    if (!Files.getFileStore(file).supportsFileAttributeView("posix")) {
      return;
    }
    Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(file);
    if (permissions.contains(PosixFilePermission.OTHERS_READ)) {
      LOG.warn("every user of this machine can read the {} file {}", what, file);
    }
  }

  /** The characters themselves; they are gone after {@link #close}. */
  char[] characters() {
    return characters;
  }

  @Override
  public void close() {
    Arrays.fill(characters, '\0');
  }

  @Override
  public String toString() {
    return "SecretFile[...]";
  }
}
