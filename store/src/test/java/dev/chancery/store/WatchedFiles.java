package dev.chancery.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import org.h2.store.fs.FileBaseDefault;
import org.h2.store.fs.FilePathWrapper;
import org.jspecify.annotations.Nullable;

/**
 * Calls a watcher whenever an H2 file has changed: between two calls the file is not written, so
 * what it holds during one is what a killed process may leave. Public for H2's reflection.
 */
public final class WatchedFiles extends FilePathWrapper {
  static final String SCHEME = "async";
  static volatile Runnable watcher = () -> {};

  @Override
  public String getScheme() {
    return SCHEME;
  }

  @Override
  public FileChannel open(String mode) throws IOException {
    return new WatchedFile(super.open(mode));
  }

  private static final class WatchedFile extends FileBaseDefault {
    private final FileChannel file;

    private WatchedFile(FileChannel file) {
      this.file = file;
    }

    @Override
    public synchronized int write(ByteBuffer source, long position) throws IOException {
      int length = source.remaining();
      int half = length / 2;
      ByteBuffer first = source.slice(source.position(), half);
      file.write(first, position);
      watcher.run();
      source.position(source.position() + half);
      file.write(source, position + half);
      watcher.run();
      return length;
    }

    @Override
    @SuppressWarnings("UnsynchronizedOverridesSynchronized") // as the file below
    public int read(ByteBuffer target, long position) throws IOException {
      return file.read(target, position);
    }

    @Override
    public long size() throws IOException {
      return file.size();
    }

    @Override
    protected void implTruncate(long size) throws IOException {
      file.truncate(size);
      watcher.run();
    }

    @Override
    public void force(boolean metaData) throws IOException {
      file.force(metaData);
    }

    @Override
    public @Nullable FileLock tryLock(long position, long size, boolean shared) throws IOException {
      return file.tryLock(position, size, shared);
    }

    @Override
    protected void implCloseChannel() throws IOException {
      file.close();
    }
  }
}
