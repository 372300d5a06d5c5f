package dev.chancery.hsm;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.EnumMap;
import java.util.Map;

/** The attributes of an object to look for or to make: an array of CK_ATTRIBUTE. */
final class CryptokiTemplate {
  /** sizeof(CK_ATTRIBUTE): the type, a pointer to the value, and its length. */
  static final long ATTRIBUTE_SIZE = 24;

  static final long TYPE = 0;
  static final long VALUE = 8;
  static final long LENGTH = 16;

  private final Map<CryptokiAttribute, byte[]> attributes = new EnumMap<>(CryptokiAttribute.class);

  CryptokiTemplate copy() {
    CryptokiTemplate copy = new CryptokiTemplate();
    copy.attributes.putAll(attributes);
    return copy;
  }

  CryptokiTemplate with(CryptokiAttribute type, byte[] value) {
    attributes.put(type, value.clone());
    return this;
  }

  CryptokiTemplate with(CryptokiAttribute type, boolean value) {
    return with(type, new byte[] {(byte) (value ? 1 : 0)});
  }

  CryptokiTemplate with(CryptokiAttribute type, long value) {
    byte[] octets = new byte[Long.BYTES];
    ByteBuffer.wrap(octets).order(ByteOrder.nativeOrder()).putLong(value);
    return with(type, octets);
  }

  long count() {
    return attributes.size();
  }

  MemorySegment in(Arena arena) {
    MemorySegment array = arena.allocate(ATTRIBUTE_SIZE * Math.max(1, count()), 8);
    long offset = 0;
    for (Map.Entry<CryptokiAttribute, byte[]> attribute : attributes.entrySet()) {
      MemorySegment entry = array.asSlice(offset, ATTRIBUTE_SIZE);
      entry.set(JAVA_LONG, TYPE, attribute.getKey().code());
      entry.set(ADDRESS, VALUE, arena.allocateFrom(JAVA_BYTE, attribute.getValue()));
      entry.set(JAVA_LONG, LENGTH, attribute.getValue().length);
      offset += ATTRIBUTE_SIZE;
    }
    return array;
  }
}
