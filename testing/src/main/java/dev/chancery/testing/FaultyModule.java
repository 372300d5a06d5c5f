package dev.chancery.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * A PKCS #11 module in front of SoftHSM2 that fails as a test says, while it is in use: see
 * faulty-softhsm.c. What is set here holds for every loaded instance of the module, byte copies and
 * other processes included, until it is cleared.
 *
 * <p>Of the faults that {@link #next}, {@link #later}, {@link #always}, {@link #failAfterwards} and
 * {@link #corrupt} set, a function has one at a time; the newest replaces the one before. A delay
 * or a hang comes in addition, and first.
 */
public final class FaultyModule implements AutoCloseable {
  // struct control and struct function of faulty-softhsm.c.
  private static final long INSTANCES = 0;
  private static final long DEAD_UNTIL = 8;
  private static final long DEAD_CODE = 16;
  private static final long SESSIONS = 24;
  private static final long SESSION_LIMIT = 32;
  private static final long TOKEN_FLAGS = 40;
  private static final long HIDDEN = 48;
  private static final long ID_LENGTH = 56;
  private static final long ID = 64;
  private static final int LONGEST_ID = 64;
  private static final long FUNCTIONS = ID + LONGEST_ID;
  private static final long CALLS = 0;
  private static final long RUNNING = 8;
  private static final long SUCCEEDED = 16;
  private static final long FAULT = 24;
  private static final long CODE = 32;
  private static final long REMAINING = 40;
  private static final long DELAY = 48;
  private static final long HANG = 56;
  private static final long SPARED = 64;
  private static final long FUNCTION_SIZE = 72;
  private static final long SIZE = FUNCTIONS + Pkcs11Function.values().length * FUNCTION_SIZE;

  private static final long REFUSE = 1;
  private static final long FAIL_AFTERWARDS = 2;
  private static final long CORRUPT = 3;
  private static final long EVERY_CALL = -1;
  private static final long HIDE_ALL = 1;
  private static final long HIDE_ID = 2;

  private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();

  private final Path library;
  private final Path signed;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment control;
  private int copies;

  private FaultyModule(Path library, Path controlFile) throws IOException {
    this.library = library;
    this.signed = Path.of(controlFile + ".signed");
    try (FileChannel channel =
        FileChannel.open(
            controlFile,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE)) {
      control = channel.map(FileChannel.MapMode.READ_WRITE, 0, SIZE, arena);
    }
  }

  /** What C_GetTokenInfo tells about the user PIN. */
  public enum UserPin {
    AS_IT_IS(0),
    COUNT_LOW(0x10000),
    FINAL_TRY(0x20000),
    LOCKED(0x40000);

    private final long flags;

    UserPin(long flags) {
      this.flags = flags;
    }
  }

  /**
   * Compiles a module with faults of its own.
   *
   * @param folder where it is put, together with its control file; instances that are loaded after
   *     the folder is gone do not work
   */
  public static FaultyModule build(Path folder) {
    try {
      Path home = Files.createTempDirectory(folder, "faulty");
      Path source = home.resolve("faulty-softhsm.c");
      Path library = home.resolve("faulty-softhsm.so");
      Path control = home.resolve("control");
      try (InputStream resource = FaultyModule.class.getResourceAsStream("faulty-softhsm.c")) {
        if (resource == null) {
          throw new IllegalStateException("faulty-softhsm.c is not among the resources");
        }
        Files.copy(resource, source);
      }
      FaultyModule module = new FaultyModule(library, control);
      Command.run(
          "gcc",
          "-shared",
          "-fPIC",
          "-O1",
          "-fvisibility=hidden",
          "-Wall",
          "-Wextra",
          "-Werror",
          "-DCONTROL_FILE=\"" + control + "\"",
          "-DSOFTHSM=\"" + SoftHsmToken.installedLibrary() + "\"",
          "-o",
          library.toString(),
          source.toString(),
          "-ldl");
      return module;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot make the faulty module", e);
    }
  }

  public Path library() {
    return library;
  }

  /** A byte copy: a fresh instance for a process that has loaded the module already. */
  public synchronized Path copy() {
    try {
      copies++;
      return Files.copy(library, library.resolveSibling("copy-" + copies + ".so"));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot copy the faulty module", e);
    }
  }

  /** What must be in the environment of a process that loads the module. */
  public Map<String, String> environment() {
    return Map.of("SOFTHSM2_CONF", System.getenv("SOFTHSM2_CONF"));
  }

  /** The next calls are refused with the code, and nothing is done. */
  public void next(Pkcs11Function function, ReturnCode code, int times) {
    set(function, REFUSE, code.code(), times);
  }

  /** So many calls work, and those after them are refused with the code. */
  public void later(Pkcs11Function function, int spared, ReturnCode code, int times) {
    set(function, REFUSE, code.code(), spared, times);
  }

  /** Every call is refused with the code. */
  public void always(Pkcs11Function function, ReturnCode code) {
    set(function, REFUSE, code.code(), EVERY_CALL);
  }

  /** The next calls do what they should, and where they succeed they then answer the code. */
  public void failAfterwards(Pkcs11Function function, ReturnCode code, int times) {
    set(function, FAIL_AFTERWARDS, code.code(), times);
  }

  /** One bit is wrong in the next signatures of C_SIGN or C_SIGN_FINAL. */
  public void corrupt(Pkcs11Function function, int times) {
    if (function != Pkcs11Function.C_SIGN && function != Pkcs11Function.C_SIGN_FINAL) {
      throw new IllegalArgumentException(function + " makes no signature");
    }
    set(function, CORRUPT, 0, times);
  }

  private void set(Pkcs11Function function, long fault, long code, long times) {
    set(function, fault, code, 0, times);
  }

  private void set(Pkcs11Function function, long fault, long code, long spared, long times) {
    // Nothing is hit before all of it is written.
    set(at(function) + REMAINING, 0);
    set(at(function) + SPARED, spared);
    set(at(function) + FAULT, fault);
    set(at(function) + CODE, code);
    set(at(function) + REMAINING, times);
  }

  /** Each call first waits that long. */
  public void delay(Pkcs11Function function, Duration delay) {
    set(at(function) + DELAY, delay.toMillis());
  }

  /** Each call waits until this is cleared, and then goes on. */
  public void hang(Pkcs11Function function) {
    set(at(function) + HANG, Long.MAX_VALUE);
  }

  /** Like {@link #hang}, in the instances that are loaded by now: later ones work. */
  public void hangLoaded(Pkcs11Function function) {
    set(at(function) + HANG, instances());
  }

  /**
   * The instances that are loaded by now answer every call with the code for ever; clearing does
   * not revive them. Later ones work.
   */
  public void sticky(ReturnCode code) {
    set(DEAD_CODE, code.code());
    set(DEAD_UNTIL, instances());
  }

  /** Each instance has room for so many sessions, and says so in C_GetTokenInfo. */
  public void sessionLimit(int sessions) {
    set(SESSION_LIMIT, sessions);
  }

  /** C_FindObjects finds no private key any more. A handle found before stays good. */
  public void hidePrivateKeys() {
    set(HIDDEN, HIDE_ALL);
  }

  /** C_FindObjects does not find the private keys with this CKA_ID any more. */
  public void hidePrivateKeys(byte[] id) {
    if (id.length > LONGEST_ID) {
      throw new IllegalArgumentException("the id is too long");
    }
    set(HIDDEN, 0);
    MemorySegment.copy(id, 0, control, ValueLayout.JAVA_BYTE, ID, id.length);
    set(ID_LENGTH, id.length);
    set(HIDDEN, HIDE_ID);
  }

  public void userPin(UserPin state) {
    set(TOKEN_FLAGS, state.flags);
  }

  /** The function works again. */
  public void clear(Pkcs11Function function) {
    set(function, 0, 0, 0);
    set(at(function) + DELAY, 0);
    set(at(function) + HANG, 0);
  }

  /** Everything works again, but for instances that are dead. Counters go on. */
  public void clear() {
    for (Pkcs11Function function : Pkcs11Function.values()) {
      clear(function);
    }
    set(SESSION_LIMIT, 0);
    set(TOKEN_FLAGS, 0);
    set(HIDDEN, 0);
  }

  /** How often the function was called, whatever came of it. */
  public long calls(Pkcs11Function function) {
    return get(at(function) + CALLS);
  }

  /** How often SoftHSM2 did what the function is for. */
  public long successes(Pkcs11Function function) {
    return get(at(function) + SUCCEEDED);
  }

  /** The calls that have not returned yet. Those of a killed process are among them. */
  public long running(Pkcs11Function function) {
    return get(at(function) + RUNNING);
  }

  /** From now on keeps what C_SIGN makes signatures over. */
  public void keepSigned() {
    try {
      Files.writeString(signed, "");
    } catch (IOException e) {
      throw new UncheckedIOException("cannot keep what is signed", e);
    }
  }

  /**
   * What SoftHSM2 was given, each time that it made a signature since {@link #keepSigned}, in
   * hexadecimal digits: a digest where the mechanism signs one.
   */
  public List<String> signed() {
    try {
      return Files.readAllLines(signed);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read what was signed", e);
    }
  }

  public long logins() {
    return successes(Pkcs11Function.C_LOGIN);
  }

  /** Sessions that nobody closed, in any instance. Those of a killed process are among them. */
  public long openSessions() {
    return get(SESSIONS);
  }

  /** How many instances were loaded. */
  public long instances() {
    return get(INSTANCES);
  }

  /** Lets every call go that hangs, and ends the control; loaded instances work on. */
  @Override
  public void close() {
    clear();
    arena.close();
  }

  private static long at(Pkcs11Function function) {
    return FUNCTIONS + function.place() * FUNCTION_SIZE;
  }

  private long get(long offset) {
    return (long) WORD.getVolatile(control, offset);
  }

  private void set(long offset, long value) {
    WORD.setVolatile(control, offset, value);
  }
}
