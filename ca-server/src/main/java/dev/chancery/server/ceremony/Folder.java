package dev.chancery.server.ceremony;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A flat directory of a ceremony: what goes to the offline machine, and what comes back. Files have
 * plain names and bounded sizes; links are not followed.
 */
final class Folder implements Source {
  /** What a transcript may hold, with room for a hundred certificates. */
  static final int LONGEST = 4 * 1024 * 1024;

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._@-]{0,99}");

  private final Path directory;

  Folder(Path directory) {
    this.directory = directory.toAbsolutePath().normalize();
  }

  Path directory() {
    return directory;
  }

  static boolean isName(String name) {
    return NAME.matcher(name).matches();
  }

  Path path(String name) {
    if (!isName(name)) {
      throw new IllegalArgumentException("not the name of a file of a ceremony: " + name);
    }
    return directory.resolve(name);
  }

  @Override
  public boolean has(String name) {
    return Files.isRegularFile(path(name), LinkOption.NOFOLLOW_LINKS);
  }

  @Override
  public byte[] read(String name) throws CeremonyRefused {
    Path file = path(name);
    if (!has(name)) {
      throw new CeremonyRefused(file + ": there is no such file");
    }
    try (InputStream in = Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)) {
      byte[] octets = in.readNBytes(LONGEST + 1);
      if (octets.length > LONGEST) {
        throw new CeremonyRefused(file + ": longer than " + LONGEST + " octets");
      }
      return octets;
    } catch (IOException e) {
      throw new CeremonyRefused(file + ": cannot be read");
    }
  }

  /** The names of all its plain files, in order. */
  List<String> names() throws CeremonyRefused {
    try (Stream<Path> files = Files.list(directory)) {
      return files
          .filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
          .map(file -> String.valueOf(file.getFileName()))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new CeremonyRefused(directory + ": cannot be listed");
    }
  }

  void make() throws CeremonyRefused {
    try {
      List<Path> made = new ArrayList<>();
      for (Path each = directory; each != null && !Files.exists(each); each = each.getParent()) {
        made.add(each);
      }
      Files.createDirectories(directory);
      // What is signed is written below names that must outlive a power cut as well.
      for (Path each : made) {
        sync(Objects.requireNonNull(each.getParent()));
      }
    } catch (IOException e) {
      throw new CeremonyRefused(directory + ": cannot be made");
    }
  }

  /** Writes a file: it is there whole and on the disk, or not at all. */
  void write(String name, byte[] octets) throws CeremonyRefused {
    Path file = path(name);
    Path fresh = directory.resolve("." + name + ".new");
    try {
      Files.write(fresh, octets);
      try (FileChannel channel = FileChannel.open(fresh, StandardOpenOption.WRITE)) {
        channel.force(true);
      }
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      sync();
    } catch (IOException e) {
      throw new CeremonyRefused(file + ": cannot be written");
    }
  }

  /** New names are entries of the directory, which goes to the disk on its own. */
  void sync() throws IOException {
    sync(directory);
  }

  private static void sync(Path directory) throws IOException {
    try (FileChannel folder = FileChannel.open(directory, StandardOpenOption.READ)) {
      folder.force(true);
    }
  }

  /** Appends to a file whose octets are all on the disk when this returns. */
  static void append(FileChannel channel, byte[] octets) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(octets);
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
    channel.force(true);
  }
}
