package dev.chancery.server;

import dev.chancery.core.BlockedKeys;
import dev.chancery.core.SubjectPublicKey;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Keys that an operator has blocked: files with the SHA-256 digest of a SubjectPublicKeyInfo in
 * hexadecimal digits on each line. Empty lines, and what follows a #, say nothing.
 */
final class KeyBlockList implements BlockedKeys {
  /** What stays small in memory; lists of a million keys belong into a service of their own. */
  private static final int MOST = 100_000;

  private static final int LONGEST_FILE = 16 * 1024 * 1024;
  private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{64}");

  private final Set<String> digests;

  private KeyBlockList(Set<String> digests) {
    this.digests = Set.copyOf(digests);
  }

  /**
   * Reads the files once, when the server starts.
   *
   * @throws ConfigurationInvalid with the file and the line that is wrong
   */
  static KeyBlockList read(List<Path> files) throws ConfigurationInvalid {
    Set<String> digests = new HashSet<>();
    for (Path file : files) {
      read(file, digests);
    }
    return new KeyBlockList(digests);
  }

  private static void read(Path file, Set<String> digests) throws ConfigurationInvalid {
    try (BufferedReader lines = Files.newBufferedReader(file)) {
      if (Files.size(file) > LONGEST_FILE) {
        throw new ConfigurationInvalid(file + ": longer than " + LONGEST_FILE + " octets");
      }
      int number = 0;
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        number++;
        String digest = line.replaceFirst("#.*", "").strip().toLowerCase(Locale.ROOT);
        if (digest.isEmpty()) {
          continue;
        }
        if (!DIGEST.matcher(digest).matches()) {
          throw ConfigurationInvalid.at(
              file, number, "a blocked key is the 64 hexadecimal digits of a SHA-256 digest");
        }
        if (digests.add(digest) && digests.size() > MOST) {
          throw ConfigurationInvalid.at(file, number, "more than " + MOST + " blocked keys");
        }
      }
    } catch (CharacterCodingException e) {
      throw new ConfigurationInvalid(file + ": not UTF-8");
    } catch (IOException e) {
      throw new ConfigurationInvalid(file + ": cannot be read");
    }
  }

  @Override
  public Optional<String> reason(SubjectPublicKey key) {
    return digests.contains(HexFormat.of().formatHex(key.encoded().sha256()))
        ? Optional.of("the key is on this server's block list")
        : Optional.empty();
  }
}
