package dev.chancery.store;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.h2.mvstore.DataUtils;
import org.jspecify.annotations.Nullable;

/**
 * What H2's store header says of a chunk.
 *
 * @param version rises with each chunk
 */
record MvStoreChunk(long id, long block, long version) {
  private static final String START = "chunk:";
  private static final int LONGEST_LINE = 1024;

  /** The chunk that these bytes are, to be written at this position; the bytes stay unread. */
  static @Nullable MvStoreChunk parse(ByteBuffer bytes, long position) {
    byte[] start = new byte[Math.min(bytes.remaining(), LONGEST_LINE)];
    bytes.get(bytes.position(), start);
    String text = new String(start, StandardCharsets.ISO_8859_1);
    int end = text.indexOf('\n');
    if (!text.startsWith(START) || end < 0) {
      return null;
    }
    Map<String, String> fields = DataUtils.parseMap(text.substring(0, end));
    return new MvStoreChunk(
        DataUtils.readHexLong(fields, "chunk", 0),
        position / MvStoreHeader.BLOCK,
        DataUtils.readHexLong(fields, "version", 0));
  }

  /** The chunk that a header's fields name; all 0 when they name none. */
  static MvStoreChunk of(Map<String, String> fields) {
    return new MvStoreChunk(
        DataUtils.readHexLong(fields, "chunk", 0),
        DataUtils.readHexLong(fields, "block", 0),
        DataUtils.readHexLong(fields, "version", 0));
  }
}
