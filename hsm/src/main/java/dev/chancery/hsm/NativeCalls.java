package dev.chancery.hsm;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * How many threads of this process are inside a PKCS #11 module. When a process ends, the C library
 * takes down what loaded code relies on; a thread that is still inside a module then ends it by a
 * signal instead. Whoever ends a process asks here first.
 */
public final class NativeCalls {
  private static final AtomicInteger INSIDE = new AtomicInteger();

  private NativeCalls() {}

  static void enter() {
    INSIDE.incrementAndGet();
  }

  static void leave() {
    INSIDE.decrementAndGet();
  }

  /** Whether a call of a module has not come back. */
  public static boolean anyInside() {
    return INSIDE.get() > 0;
  }
}
