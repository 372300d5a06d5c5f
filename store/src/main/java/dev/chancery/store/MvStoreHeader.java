package dev.chancery.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.h2.mvstore.DataUtils;
import org.h2.mvstore.MVStoreException;
import org.jspecify.annotations.Nullable;

/** The first two blocks of an H2 file: the same line of fields, with a checksum, in each. */
record MvStoreHeader(Map<String, String> fields) {
  static final int BLOCK = 4096;
  static final int LENGTH = 2 * BLOCK;
  private static final String CHECKSUM = "fletcher";
  // Only H2 itself can say that the file was closed in good order.
  private static final String CLOSED = "clean";

  MvStoreHeader {
    fields = Map.copyOf(fields);
  }

  /** Reads the block that is whole and newest; the bytes stay unread. */
  static MvStoreHeader parse(ByteBuffer bytes) throws IOException {
    MvStoreHeader newest = null;
    for (int at = 0; at + BLOCK <= bytes.remaining(); at += BLOCK) {
      byte[] block = new byte[BLOCK];
      bytes.get(bytes.position() + at, block);
      MvStoreHeader header = parse(new String(block, StandardCharsets.ISO_8859_1));
      if (header != null
          && (newest == null || header.chunk().version() > newest.chunk().version())) {
        newest = header;
      }
    }
    if (newest == null) {
      throw new IOException("neither copy of the database file's header is whole");
    }
    return newest;
  }

  private static @Nullable MvStoreHeader parse(String block) {
    int end = block.indexOf("," + CHECKSUM + ":");
    int newline = block.indexOf('\n');
    if (end < 0 || newline < end) {
      return null;
    }
    try {
      Map<String, String> fields = DataUtils.parseMap(block.substring(0, newline));
      String checksum = fields.remove(CHECKSUM);
      return checksum(block.substring(0, end)).equals(checksum) ? new MvStoreHeader(fields) : null;
    } catch (MVStoreException e) {
      return null;
    }
  }

  private static String checksum(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    return Integer.toHexString(DataUtils.getFletcher32(bytes, 0, bytes.length));
  }

  /** The chunk that this names. */
  MvStoreChunk chunk() {
    return MvStoreChunk.of(fields);
  }

  /** This header, naming the other's chunk when that is newer. */
  MvStoreHeader notBefore(@Nullable MvStoreHeader other) {
    return other == null || other.chunk().version() <= chunk().version()
        ? this
        : naming(other.chunk());
  }

  /** This header, of an open file, naming this chunk. */
  MvStoreHeader naming(MvStoreChunk chunk) {
    Map<String, String> changed = new HashMap<>(fields);
    changed.put("chunk", Long.toHexString(chunk.id()));
    changed.put("block", Long.toHexString(chunk.block()));
    changed.put("version", Long.toHexString(chunk.version()));
    changed.remove(CLOSED);
    return new MvStoreHeader(changed);
  }

  /** The two blocks. */
  ByteBuffer encoded() {
    StringBuilder line = new StringBuilder();
    fields.forEach((name, value) -> DataUtils.appendMap(line, name, value));
    DataUtils.appendMap(line, CHECKSUM, checksum(line.toString()));
    byte[] bytes = line.append('\n').toString().getBytes(StandardCharsets.ISO_8859_1);
    return ByteBuffer.allocate(LENGTH).put(0, bytes).put(BLOCK, bytes);
  }
}
