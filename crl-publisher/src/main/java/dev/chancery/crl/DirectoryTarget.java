package dev.chancery.crl;

import dev.chancery.core.CrlName;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.math.BigInteger;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * A directory that a web server serves. Several nodes may have the same one: they take turns by a
 * lock on a file in it.
 */
public final class DirectoryTarget implements CrlTarget {
  private static final String LOCK = ".chancery.lock";

  /** Whoever has the lock writes one file; who has it for longer has stopped with it. */
  private static final Duration LONGEST_TURN = Duration.ofSeconds(30);

  private static final Duration LOOK_AGAIN = Duration.ofMillis(20);

  /** For how long a file that nobody touched is taken for what was written. */
  private static final Duration READ_AGAIN = Duration.ofHours(1);

  /**
   * A file that was found to be a CRL, octet for octet.
   *
   * @param at when, in nanoseconds
   */
  private record Known(String sha256, long length, FileTime written, String inode, long at) {}

  private final Path directory;
  private final Duration longestTurn;
  private final Object turns = new Object();
  private final Map<CrlName, Known> known = new HashMap<>();

  public DirectoryTarget(Path directory) {
    this(directory, LONGEST_TURN);
  }

  DirectoryTarget(Path directory, Duration longestTurn) {
    this.directory = directory;
    this.longestTurn = longestTurn;
  }

  @Override
  public String name() {
    return directory.toString();
  }

  @Override
  public boolean put(CrlShelf.Copy crl) throws IOException {
    Path file = directory.resolve(crl.name().path());
    Path folder = Objects.requireNonNull(file.getParent());
    // A lock on a file is one of the process, so that its threads need one of their own.
    synchronized (turns) {
      if (isKnown(file, crl)) {
        return false;
      }
      Files.createDirectories(folder);
      try (FileChannel lockFile =
              FileChannel.open(
                  directory.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
          FileLock _ = lock(lockFile)) {
        Optional<BigInteger> there = number(file);
        if (there.isPresent() && there.get().compareTo(crl.number()) > 0) {
          return false;
        }
        boolean same = Files.exists(file) && Files.mismatch(file, crl.file()) < 0;
        if (!same) {
          replace(file, folder, crl);
        }
        remember(file, crl);
        return !same;
      }
    }
  }

  private FileLock lock(FileChannel file) throws IOException {
    long end = System.nanoTime() + longestTurn.toNanos();
    FileLock lock = file.tryLock();
    while (lock == null) {
      if (System.nanoTime() - end > 0) {
        throw new IOException("another node has had the lock for " + longestTurn);
      }
      try {
        Thread.sleep(LOOK_AGAIN);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new InterruptedIOException("while waiting for the lock");
      }
      lock = file.tryLock();
    }
    return lock;
  }

  private boolean isKnown(Path file, CrlShelf.Copy crl) {
    Known last = known.get(crl.name());
    try {
      return last != null
          && last.sha256().equals(crl.sha256())
          && System.nanoTime() - last.at() < READ_AGAIN.toNanos()
          && known(file, crl, last.at()).equals(last);
    } catch (IOException e) {
      return false;
    }
  }

  private void remember(Path file, CrlShelf.Copy crl) throws IOException {
    known.put(crl.name(), known(file, crl, System.nanoTime()));
  }

  private static Known known(Path file, CrlShelf.Copy crl, long at) throws IOException {
    BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
    return new Known(
        crl.sha256(), now.size(), now.lastModifiedTime(), String.valueOf(now.fileKey()), at);
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
