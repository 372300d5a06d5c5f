package dev.chancery.hsm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A PIN in native memory, where a module can read it; wiped when it is closed. */
final class NativePin implements AutoCloseable {
  private final Arena arena;
  private final MemorySegment octets;
  private final long length;

  private NativePin(Arena arena, MemorySegment octets, long length) {
    this.arena = arena;
    this.octets = octets;
    this.length = length;
  }

  /** The PIN, of ASCII characters alone (see {@link SecretFile}). */
  static NativePin of(char[] pin) {
    Arena arena = Arena.ofConfined();
    MemorySegment octets = arena.allocate(Math.max(1, pin.length));
    for (int i = 0; i < pin.length; i++) {
      octets.set(JAVA_BYTE, i, (byte) pin[i]);
    }
    return new NativePin(arena, octets, pin.length);
  }

  MemorySegment address() {
    return octets;
  }

  long length() {
    return length;
  }

  @Override
  public void close() {
    octets.fill((byte) 0);
    arena.close();
  }
}
