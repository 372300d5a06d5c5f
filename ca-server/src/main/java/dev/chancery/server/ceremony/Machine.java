package dev.chancery.server.ceremony;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The program and the machine that a ceremony runs on.
 *
 * @param tool the program's version
 * @param distribution the digest over the names and digests of its files
 * @param networkInterfaces those that are up, without the loopback
 */
record Machine(String tool, String distribution, List<String> networkInterfaces) {
  /**
   * Of the network namespace of this process: two lines of headings, then one for each interface.
   */
  private static final Path INTERFACES = Path.of("/proc/self/net/dev");

  /** The folders of the distribution's archive that hold what is run, or what it reads. */
  private static final List<String> PARTS = List.of("bin", "config", "lib", "scripts");

  Machine {
    networkInterfaces = List.copyOf(networkInterfaces);
  }

  /**
   * The ones that this runs on.
   *
   * @param folder the distribution's own; empty in development, where there are libraries only
   */
  static Machine here(String tool, Optional<Path> folder, String classPath) throws CeremonyRefused {
    try {
      return new Machine(tool, distribution(folder, classPath), interfaces());
    } catch (IOException | UncheckedIOException e) {
      throw new CeremonyRefused("the program's own files cannot be read");
    }
  }

  private static List<String> interfaces() throws CeremonyRefused {
    List<String> up = new ArrayList<>();
    try {
      for (NetworkInterface each : Collections.list(NetworkInterface.getNetworkInterfaces())) {
        if (each.isUp() && !each.isLoopback()) {
          up.add(each.getName());
        }
      }
    } catch (SocketException e) {
      // How Java says that no interface is up, the loopback included; but it may be anything else.
      return listed(INTERFACES);
    }
    Collections.sort(up);
    return up;
  }

  /**
   * Every interface but the loopback, up or not.
   *
   * @param file in the form of proc(5), /proc/net/dev
   */
  static List<String> listed(Path file) throws CeremonyRefused {
    try {
      return Files.readAllLines(file).stream()
          .skip(2)
          .map(line -> line.strip().split(":", 2)[0])
          .filter(name -> !name.equals("lo"))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new CeremonyRefused("whether this machine has a network cannot be seen");
    }
  }

  /**
   * Of every file that the distribution came with, by its place, links followed, and of the jars
   * that are run from elsewhere, by name. Folders of classes are there in development only, and are
   * left out; so is what is put beside the distribution later: its start-up cache, or the
   * directories of a ceremony.
   */
  static String distribution(Optional<Path> folder, String classPath) throws IOException {
    List<String> lines = new ArrayList<>();
    for (String part : folder.isPresent() ? PARTS : List.<String>of()) {
      Path place = folder.get().resolve(part);
      if (Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
        // What links lead to is run, and may be changed where it is.
        try (Stream<Path> files = Files.walk(place, FileVisitOption.FOLLOW_LINKS)) {
          for (Path file : files.toList()) {
            line(file, folder.get().relativize(file).toString()).ifPresent(lines::add);
          }
        }
      }
    }
    for (String entry : classPath.split(File.pathSeparator, -1)) {
      Path jar = Path.of(entry).toAbsolutePath().normalize();
      if (Files.isRegularFile(jar) && !isPart(folder, jar)) {
        lines.add(digest(jar) + "  " + jar.getFileName() + "\n");
      }
    }
    Collections.sort(lines);
    return Digests.sha256(String.join("", lines).getBytes(StandardCharsets.UTF_8));
  }

  private static boolean isPart(Optional<Path> folder, Path jar) {
    return folder.isPresent()
        && PARTS.stream().map(folder.get()::resolve).anyMatch(jar::startsWith);
  }

  private static Optional<String> line(Path file, String name) throws IOException {
    if (!Files.exists(file)) {
      throw new NoSuchFileException(file.toString());
    }
    return Files.isRegularFile(file)
        ? Optional.of(digest(file) + "  " + name + "\n")
        : Optional.empty();
  }

  private static String digest(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      new DigestInputStream(in, sha256).transferTo(OutputStream.nullOutputStream());
      return HexFormat.of().formatHex(sha256.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
