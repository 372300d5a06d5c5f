package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;

/** Homes for tests, with keys in files: made in a moment, and copied in less. */
final class DevelopmentHome {
  static final List<String> FREE_PORTS =
      List.of(
          "--set=listeners.public={host: 127.0.0.1, port: 0}",
          "--set=listeners.api={host: 127.0.0.1, port: 0}",
          "--set=listeners.admin.port=0",
          "--set=listeners.management.port=0");

  private DevelopmentHome() {}

  /** A home that was served once, so that nothing in it is missing any more. */
  static Path served(Path directory) {
    assertThat(CommandRun.of("init", "--home", directory.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
    assertThat(CommandRun.of(serve(directory).toArray(String[]::new)))
        .returns(0, CommandRun::exitCode);
    return directory;
  }

  /** The command line that starts a home and ends when it is ready. */
  static List<String> serve(Path home) {
    List<String> command =
        new ArrayList<>(List.of("serve", "--home", home.toString(), "--exit-when-ready"));
    command.addAll(FREE_PORTS);
    return command;
  }

  static Path copy(Path from, Path to) throws IOException {
    Files.walkFileTree(
        from,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes)
              throws IOException {
            Files.createDirectory(to.resolve(from.relativize(directory)));
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.copy(file, to.resolve(from.relativize(file)), StandardCopyOption.COPY_ATTRIBUTES);
            return FileVisitResult.CONTINUE;
          }
        });
    return to;
  }

  /** Every file and folder with its permissions and, of files, the SHA-256 of the content. */
  static Map<String, String> snapshot(Path home, Predicate<Path> left) throws IOException {
    Map<String, String> found = new TreeMap<>();
    if (!Files.exists(home)) {
      return found;
    }
    try (var files = Files.walk(home)) {
      files.filter(left.negate()).forEach(file -> found.put(file.toString(), described(file)));
    }
    return found;
  }

  private static String described(Path file) {
    try {
      String permissions = PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
      return Files.isDirectory(file)
          ? permissions
          : permissions
              + " "
              + HexFormat.of()
                  .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
