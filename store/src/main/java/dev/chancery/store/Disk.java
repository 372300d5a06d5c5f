package dev.chancery.store;

import java.io.Closeable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** What commits must reach so that they survive a power cut. */
interface Disk extends Closeable {
  /**
   * Returns when all that was committed before is on it.
   *
   * @throws DatabaseAway when that failed
   */
  void sync();

  /** That of a database whose commits have reached it when they return. */
  static Disk ofItsServer() {
    return new Disk() {
      @Override
      public void sync() {}

      @Override
      public void close() {}
    };
  }

  /** That of a file that is written when a commit returns, whoever has written it. */
  static Disk of(Path file) throws IOException {
    return new FileDisk(new RandomAccessFile(file.toFile(), "rw"));
  }

  /**
   * Forces a file: by a descriptor of its own, so that nothing of H2's has to wait meanwhile, and
   * not by a channel, which an interrupt would close.
   */
  final class FileDisk implements Disk {
    private final RandomAccessFile file;
    private volatile @Nullable IOException failure;

    private FileDisk(RandomAccessFile file) {
      this.file = file;
    }

    @Override
    public void sync() {
      // The kernel tells once of octets that it could not write, and forgets them: that a later
      // try succeeds says nothing of what was committed before.
      IOException failed = failure;
      if (failed != null) {
        throw new DatabaseAway(
            "the database file could not be synced; it must be reopened", failed);
      }
      try {
        file.getFD().sync();
      } catch (IOException e) {
        failure = e;
        throw new DatabaseAway("the database file could not be synced", e);
      }
    }

    @Override
    public void close() throws IOException {
      file.close();
    }
  }
}
