package dev.chancery.server.ceremony;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a directory that is carried between machines holds: a line for each file, as sha256sum(1)
 * writes and checks it. A witness signs it; nothing that does not stand in it is read.
 */
final class Manifest implements Source {
  static final String FILE = "MANIFEST";

  private static final Pattern LINE = Pattern.compile("([0-9a-f]{64})  (\\S+)");
  private static final int MOST_FILES = 500;

  private final Folder folder;
  private final byte[] octets;
  private final Map<String, String> digests;

  private Manifest(Folder folder, byte[] octets, Map<String, String> digests) {
    this.folder = folder;
    this.octets = octets;
    this.digests = digests;
  }

  /** Reads the manifest of a directory; the signature is for {@link #requireSigned}. */
  static Manifest read(Folder folder) throws CeremonyRefused {
    byte[] octets = folder.read(FILE);
    String text = new String(octets, StandardCharsets.UTF_8);
    Map<String, String> digests = new TreeMap<>();
    int number = 0;
    for (String line : text.split("\n", -1)) {
      number++;
      if (line.isEmpty() && number > 1 && text.endsWith("\n")) {
        continue;
      }
      Matcher matcher = LINE.matcher(line);
      if (!matcher.matches() || !Folder.isName(matcher.group(2)) || isOwn(matcher.group(2))) {
        throw new CeremonyRefused(
            folder.path(FILE) + ":" + number + ": not a digest, two blanks and the name of a file");
      }
      if (digests.put(matcher.group(2), matcher.group(1)) != null) {
        throw new CeremonyRefused(
            folder.path(FILE) + ":" + number + ": " + matcher.group(2) + " stands there twice");
      }
    }
    if (digests.size() > MOST_FILES) {
      throw new CeremonyRefused(folder.path(FILE) + ": more than " + MOST_FILES + " files");
    }
    return new Manifest(folder, octets, digests);
  }

  /** Writes the manifest of all files that are in a directory. */
  static void write(Folder folder) throws CeremonyRefused {
    StringBuilder text = new StringBuilder();
    for (String name : folder.names()) {
      if (Folder.isName(name) && !isOwn(name)) {
        text.append(Digests.sha256(folder.read(name))).append("  ").append(name).append('\n');
      }
    }
    folder.write(FILE, text.toString().getBytes(StandardCharsets.US_ASCII));
  }

  private static boolean isOwn(String name) {
    return name.equals(FILE) || (name.startsWith(FILE + ".") && name.endsWith(".sig"));
  }

  /**
   * Refuses a manifest that no witness has signed: the octets that were read, not the file anew.
   */
  void requireSigned(Witnesses witnesses) throws CeremonyRefused {
    Source signed =
        new Source() {
          @Override
          public boolean has(String name) {
            return folder.has(name);
          }

          @Override
          public byte[] read(String name) throws CeremonyRefused {
            return name.equals(FILE) ? octets : folder.read(name);
          }
        };
    witnesses.require(signed, FILE, Witnesses.Purpose.MANIFEST, 1);
  }

  /** Refuses a directory of which one file is not the one of the manifest. */
  void requireWhole() throws CeremonyRefused {
    for (String name : digests.keySet()) {
      read(name);
    }
  }

  @Override
  public boolean has(String name) {
    return digests.containsKey(name);
  }

  @Override
  public byte[] read(String name) throws CeremonyRefused {
    String digest = digests.get(name);
    if (digest == null) {
      throw new CeremonyRefused(
          folder.directory() + ": " + name + " is not in the manifest, so it is not read");
    }
    byte[] octets = folder.read(name);
    if (!Digests.sha256(octets).equals(digest)) {
      throw new CeremonyRefused(folder.path(name) + ": not the file of the manifest");
    }
    return octets;
  }
}
