package dev.chancery.crl;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigInteger;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.Optional;

/**
 * A directory that a web server serves. Several nodes may have the same one: they take turns by a
 * lock on a file in it.
 */
public final class DirectoryTarget implements CrlTarget {
  private static final String LOCK = ".chancery.lock";

  private final Path directory;
  private final Object turns = new Object();

  public DirectoryTarget(Path directory) {
    this.directory = directory;
  }

  @Override
  public String name() {
    return directory.toString();
  }

  @Override
  public void put(CrlShelf.Copy crl) throws IOException {
    Path file = directory.resolve(crl.name().path());
    Path folder = Objects.requireNonNull(file.getParent());
    // A lock on a file is one of the process, so that its threads need one of their own.
    synchronized (turns) {
      Files.createDirectories(folder);
      try (FileChannel lockFile =
              FileChannel.open(
                  directory.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
          FileLock _ = lockFile.lock()) {
        Optional<BigInteger> there = number(file);
        if (there.isPresent() && there.get().compareTo(crl.number()) >= 0) {
          return;
        }
        replace(file, folder, crl);
      }
    }
  }

  private static void replace(Path file, Path folder, CrlShelf.Copy crl) throws IOException {
    Path part = folder.resolve("." + file.getFileName() + ".part");
    try {
      try (FileChannel out =
              FileChannel.open(
                  part,
                  StandardOpenOption.CREATE,
                  StandardOpenOption.TRUNCATE_EXISTING,
                  StandardOpenOption.WRITE);
          InputStream in = crl.open()) {
        OutputStream stream = Channels.newOutputStream(out);
        in.transferTo(stream);
        out.force(true);
      }
      Files.setPosixFilePermissions(part, PosixFilePermissions.fromString("rw-r--r--"));
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
      // The new name is an entry of the directory, which goes to the disk on its own.
      try (FileChannel entries = FileChannel.open(folder, StandardOpenOption.READ)) {
        entries.force(true);
      }
    } finally {
      Files.deleteIfExists(part);
    }
  }

  /** The number of the CRL that is there; empty when there is none, or something else. */
  private static Optional<BigInteger> number(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return Optional.of(CrlNumber.read(in));
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
