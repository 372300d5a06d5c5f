package dev.chancery.hsm;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The process's environment as native code sees it, which Java cannot change. It belongs to the
 * whole process: one module's must stand until the module has read it.
 */
final class NativeEnvironment {
  /**
   * A module reads its environment first of all. One that has not come back by then hangs, and must
   * not keep others from beginning.
   */
  private static final Duration LONGEST_HOLD = Duration.ofSeconds(1);

  private static final long NOBODY = 0;

  private static long holds;
  private static long holder = NOBODY;
  private static long heldSince;

  private NativeEnvironment() {}

  /** What reads the environment. */
  interface Reader<T> {
    T read() throws TokenUnusable, CryptokiError;
  }

  /** Sets variables, and lets nobody set others while they are read. */
  static <T> T during(Map<String, String> variables, Reader<T> reader)
      throws TokenUnusable, CryptokiError {
    long own = begin(variables);
    try {
      return reader.read();
    } finally {
      end(own);
    }
  }

  private static synchronized long begin(Map<String, String> variables) {
    boolean interrupted = false;
    long left = longestWait();
    while (left > 0) {
      try {
        TimeUnit.NANOSECONDS.timedWait(NativeEnvironment.class, left);
      } catch (InterruptedException e) {
        interrupted = true;
      }
      left = longestWait();
    }
    holder = ++holds;
    heldSince = System.nanoTime();
    set(variables);
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return holder;
  }

  private static synchronized long longestWait() {
    return holder == NOBODY ? 0 : LONGEST_HOLD.toNanos() - (System.nanoTime() - heldSince);
  }

  private static synchronized void end(long own) {
    if (holder == own) {
      holder = NOBODY;
      NativeEnvironment.class.notifyAll();
    }
  }

  static void set(Map<String, String> variables) {
    Linker linker = Linker.nativeLinker();
    MethodHandle setenv =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("setenv"),
            FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
    try (Arena arena = Arena.ofConfined()) {
      for (Map.Entry<String, String> variable : variables.entrySet()) {
        int failed =
            (int)
                setenv.invokeExact(
                    arena.allocateFrom(variable.getKey()),
                    arena.allocateFrom(variable.getValue()),
                    1);
        if (failed != 0) {
          throw new IllegalStateException("cannot set " + variable.getKey());
        }
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("a native call throws nothing that is checked", e);
    }
  }
}
