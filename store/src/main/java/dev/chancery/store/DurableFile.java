package dev.chancery.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import org.h2.store.fs.FileBaseDefault;
import org.jspecify.annotations.Nullable;

/**
 * A database file whose header names the newest chunk from the moment that it is written.
 *
 * <p>Each commit makes H2 append a chunk to its log, somewhere in the file. After a process died,
 * H2 finds the newest one from the chunk that the header names, by each one's guess where the next
 * will be, or at the end of the file. It writes the header only when a guess was wrong, and 2.5
 * then names the chunk before the one with the wrong guess (RandomAccessStore.writeChunk, FileStore
 * .storeBuffer): as soon as it fills gaps, commits that returned are gone after the death of the
 * process, up to twenty of them. Here no guess is needed
 * (docs/decisions/2026-11-22-embedded-database-file.md).
 */
final class DurableFile extends FileBaseDefault {
  private final FileChannel file;
  private @Nullable MvStoreHeader header;

  DurableFile(FileChannel file) {
    this.file = file;
  }

  /** Writes all that there is to write. */
  @Override
  public synchronized int write(ByteBuffer source, long position) throws IOException {
    int length = source.remaining();
    if (position == 0) {
      writeHeader(MvStoreHeader.parse(source).notBefore(header));
      source.position(source.limit());
      return length;
    }
    MvStoreChunk chunk = MvStoreChunk.parse(source, position);
    writeFully(source, position);
    // What is not newer is a chunk that compaction moves, and that comes after a header. Before
    // any, the header in the file may name a chunk that a power cut has torn, and H2 has gone back.
    if (chunk != null && (header == null || chunk.version() > header.chunk().version())) {
      writeHeader((header == null ? readHeader() : header).naming(chunk));
    }
    return length;
  }

  private MvStoreHeader readHeader() throws IOException {
    ByteBuffer start = ByteBuffer.allocate(MvStoreHeader.LENGTH);
    while (start.hasRemaining() && file.read(start, start.position()) > 0) {
      // A read may return less than there is.
    }
    return MvStoreHeader.parse(start.flip());
  }

  private void writeHeader(MvStoreHeader header) throws IOException {
    writeFully(header.encoded(), 0);
    this.header = header;
  }

  private void writeFully(ByteBuffer source, long position) throws IOException {
    long end = position + source.remaining();
    while (source.hasRemaining()) {
      file.write(source, end - source.remaining());
    }
  }

  @Override
  @SuppressWarnings("UnsynchronizedOverridesSynchronized") // readers need not wait for a writer
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

  @Override
  public String toString() {
    return file.toString();
  }
}
