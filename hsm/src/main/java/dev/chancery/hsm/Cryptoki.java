package dev.chancery.hsm;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A PKCS #11 module, loaded and initialized: what SunPKCS11 does not do. It finds a token by its
 * label, reads attributes, and makes keys whose CKA_ID is free to choose. Only for 64-bit Unix,
 * where CK_ULONG has 8 octets and structures are aligned.
 */
final class Cryptoki {
  private static final long CKF_OS_LOCKING_OK = 2;
  private static final long CKF_RW_SESSION = 2;
  private static final long CKF_SERIAL_SESSION = 4;
  // CK_C_INITIALIZE_ARGS, with room for the field that NSS has added to it.
  private static final long INITIALIZE_ARGUMENTS_SIZE = 56;
  private static final long INITIALIZE_FLAGS = 32;
  private static final long INITIALIZE_RESERVED = 40;
  private static final long TOKEN_INFO_SIZE = 256;
  private static final long MECHANISM_INFO_SIZE = 24;

  private final Map<String, String> environment;
  private final Optional<String> initializeArguments;
  private final Map<CryptokiFunction, MethodHandle> functions;
  private boolean started;
  private boolean shared;

  private Cryptoki(
      Map<String, String> environment,
      Optional<String> initializeArguments,
      Map<CryptokiFunction, MethodHandle> functions) {
    this.environment = environment;
    this.initializeArguments = initializeArguments;
    this.functions = functions;
  }

  /**
   * Loads the module at this path, for good, and initializes it.
   *
   * @param environment what is set in the process's environment first
   * @throws TokenUnusable when there is no such module
   */
  static Cryptoki load(Path library, Map<String, String> environment)
      throws TokenUnusable, CryptokiError {
    return load(library, environment, Optional.empty());
  }

  /**
   * As the other.
   *
   * @param initializeArguments what C_Initialize passes on as pReserved; NSS calls it the library's
   *     parameters
   */
  static Cryptoki load(
      Path library, Map<String, String> environment, Optional<String> initializeArguments)
      throws TokenUnusable, CryptokiError {
    Cryptoki module = loaded(library, library, environment, initializeArguments);
    module.start();
    return module;
  }

  /**
   * As the others, from a file that holds the same as the library, and not initialized yet.
   *
   * @param initializeArguments what C_Initialize passes on as pReserved; NSS calls it the library's
   *     parameters
   */
  static Cryptoki loaded(
      Path library,
      Path file,
      Map<String, String> environment,
      Optional<String> initializeArguments)
      throws TokenUnusable, CryptokiError {
    return NativeEnvironment.during(
        environment,
        () -> new Cryptoki(Map.copyOf(environment), initializeArguments, link(library, file)));
  }

  private static Map<CryptokiFunction, MethodHandle> link(Path library, Path file)
      throws TokenUnusable {
    if (!Files.isRegularFile(library) || !Files.isReadable(library)) {
      throw new TokenUnusable("the token library " + library + " does not exist or is unreadable");
    }
    Linker linker = Linker.nativeLinker();
    try (Arena arena = Arena.ofConfined()) {
      MethodHandle functionList =
          SymbolLookup.libraryLookup(file, Arena.global())
              .find("C_GetFunctionList")
              .map(at -> linker.downcallHandle(at, FunctionDescriptor.of(JAVA_LONG, ADDRESS)))
              .orElseThrow(() -> new IllegalArgumentException("there is no C_GetFunctionList"));
      MemorySegment answer = arena.allocate(ADDRESS);
      if (invoke(functionList, answer) != 0) {
        throw new IllegalArgumentException("C_GetFunctionList fails");
      }
      MemorySegment list = answer.get(ADDRESS, 0).reinterpret(CryptokiFunction.LIST_SIZE);
      Map<CryptokiFunction, MethodHandle> functions = new EnumMap<>(CryptokiFunction.class);
      for (CryptokiFunction function : CryptokiFunction.values()) {
        MemorySegment at = list.get(ADDRESS, function.offset());
        functions.put(function, linker.downcallHandle(at, function.descriptor()));
      }
      return functions;
    } catch (IllegalArgumentException e) {
      throw new TokenUnusable(
          "the token library " + library + " is not a PKCS #11 module: " + e.getMessage(), e);
    }
  }

  private void initialize() throws CryptokiError {
    try (Arena arena = Arena.ofConfined()) {
      // SunPKCS11 will call the module from many threads.
      MemorySegment arguments = arena.allocate(INITIALIZE_ARGUMENTS_SIZE, 8);
      arguments.set(JAVA_LONG, INITIALIZE_FLAGS, CKF_OS_LOCKING_OK);
      initializeArguments.ifPresent(
          text -> arguments.set(ADDRESS, INITIALIZE_RESERVED, arena.allocateFrom(text)));
      call(CryptokiFunction.C_INITIALIZE, arguments);
    } catch (CryptokiError e) {
      if (!e.is(ReturnValue.CKR_CRYPTOKI_ALREADY_INITIALIZED)) {
        throw e;
      }
    }
  }

  /**
   * Initializes the module, anew if it was before: the way to see a token that came later, or came
   * back. When it fails it can be tried again.
   *
   * @throws IllegalStateException when {@link #share} was called
   */
  void start() throws TokenUnusable, CryptokiError {
    NativeEnvironment.during(
        environment,
        () -> {
          stop();
          initialize();
          started = true;
          return this;
        });
  }

  /**
   * Finalizes the module, so that nothing is open while nobody uses it; {@link #start} begins anew.
   *
   * @throws IllegalStateException when {@link #share} was called
   */
  void stop() throws CryptokiError {
    if (shared) {
      throw new IllegalStateException("a module that others use is never finalized");
    }
    if (started) {
      started = false;
      end();
    }
  }

  private void end() throws CryptokiError {
    try {
      call(CryptokiFunction.C_FINALIZE, MemorySegment.NULL);
    } catch (CryptokiError e) {
      if (!e.is(ReturnValue.CKR_CRYPTOKI_NOT_INITIALIZED)) {
        throw e;
      }
    }
  }

  /**
   * Lets SunPKCS11 use this same module. From now on it is never finalized: handles that SunPKCS11
   * still holds would afterwards mean other objects, and its cleaner would destroy those.
   */
  void share() {
    shared = true;
  }

  /** The initialized tokens that are there now. */
  List<CryptokiToken> tokens() throws CryptokiError {
    List<CryptokiToken> tokens = new ArrayList<>();
    for (long slot : slots()) {
      token(slot).filter(CryptokiToken::initialized).ifPresent(tokens::add);
    }
    return tokens;
  }

  private Optional<CryptokiToken> token(long slot) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment info = arena.allocate(TOKEN_INFO_SIZE, 8);
      call(CryptokiFunction.C_GET_TOKEN_INFO, slot, info);
      return Optional.of(
          new CryptokiToken(
              slot,
              text(info, 0, 32),
              text(info, 80, 16),
              info.get(JAVA_LONG, 96),
              info.get(JAVA_LONG, 104)));
    } catch (CryptokiError e) {
      // Its token was taken out, or the slot is broken: it cannot be the one looked for.
      return Optional.empty();
    }
  }

  /** How many sessions this process has with a token; empty when the token does not tell. */
  Optional<Long> sessions(CryptokiToken token) throws CryptokiError {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment info = arena.allocate(TOKEN_INFO_SIZE, 8);
      call(CryptokiFunction.C_GET_TOKEN_INFO, token.slot(), info);
      long sessions = info.get(JAVA_LONG, 112);
      return sessions < 0 ? Optional.empty() : Optional.of(sessions);
    }
  }

  private long[] slots() throws CryptokiError {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment count = arena.allocate(JAVA_LONG);
      call(CryptokiFunction.C_GET_SLOT_LIST, (byte) 1, MemorySegment.NULL, count);
      MemorySegment slots = arena.allocate(JAVA_LONG, Math.max(1, count.get(JAVA_LONG, 0)));
      call(CryptokiFunction.C_GET_SLOT_LIST, (byte) 1, slots, count);
      return slots.asSlice(0, count.get(JAVA_LONG, 0) * JAVA_LONG.byteSize()).toArray(JAVA_LONG);
    }
  }

  // Fixed length, padded with blanks, not ended by a zero octet.
  static String text(MemorySegment info, long offset, long length) {
    byte[] octets = info.asSlice(offset, length).toArray(JAVA_BYTE);
    return new String(octets, StandardCharsets.UTF_8).stripTrailing();
  }

  CryptokiSession open(CryptokiToken token, boolean writing) throws CryptokiError {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment handle = arena.allocate(JAVA_LONG);
      call(
          CryptokiFunction.C_OPEN_SESSION,
          token.slot(),
          CKF_SERIAL_SESSION | (writing ? CKF_RW_SESSION : 0),
          MemorySegment.NULL,
          MemorySegment.NULL,
          handle);
      return new CryptokiSession(this, handle.get(JAVA_LONG, 0));
    }
  }

  /** Every token that is there now, those too that nobody has initialized yet. */
  List<CryptokiToken> allTokens() throws CryptokiError {
    List<CryptokiToken> tokens = new ArrayList<>();
    for (long slot : slots()) {
      token(slot).ifPresent(tokens::add);
    }
    return tokens;
  }

  /** Everything that a token says of itself, read anew. */
  TokenInfo info(CryptokiToken token) throws CryptokiError {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment info = arena.allocate(TOKEN_INFO_SIZE, 8);
      call(CryptokiFunction.C_GET_TOKEN_INFO, token.slot(), info);
      return TokenInfo.of(info);
    }
  }

  /** What the token can do, of what matters here. */
  List<TokenMechanism> mechanisms(CryptokiToken token) throws CryptokiError {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment count = arena.allocate(JAVA_LONG);
      call(CryptokiFunction.C_GET_MECHANISM_LIST, token.slot(), MemorySegment.NULL, count);
      MemorySegment list = arena.allocate(JAVA_LONG, Math.max(1, count.get(JAVA_LONG, 0)));
      call(CryptokiFunction.C_GET_MECHANISM_LIST, token.slot(), list, count);
      Set<Long> offered = new HashSet<>();
      for (long i = 0; i < count.get(JAVA_LONG, 0); i++) {
        offered.add(list.getAtIndex(JAVA_LONG, i));
      }
      List<TokenMechanism> mechanisms = new ArrayList<>();
      for (CryptokiMechanism mechanism : CryptokiMechanism.values()) {
        if (offered.contains(mechanism.code())) {
          MemorySegment info = arena.allocate(MECHANISM_INFO_SIZE, 8);
          call(CryptokiFunction.C_GET_MECHANISM_INFO, token.slot(), mechanism.code(), info);
          mechanisms.add(TokenMechanism.of(mechanism, info));
        }
      }
      return mechanisms;
    }
  }

  /**
   * Initializes the token in a slot, which destroys whatever it holds. Only for a token that was
   * just seen to be uninitialized; should another process be faster, the token wants the PIN of the
   * security officer that it has by then.
   */
  void initialize(CryptokiToken token, char[] securityOfficerPin, byte[] paddedLabel)
      throws CryptokiError {
    try (Arena arena = Arena.ofConfined();
        NativePin pin = NativePin.of(securityOfficerPin)) {
      call(
          CryptokiFunction.C_INIT_TOKEN,
          token.slot(),
          pin.address(),
          pin.length(),
          arena.allocateFrom(JAVA_BYTE, paddedLabel));
    }
  }

  void call(CryptokiFunction function, Object... arguments) throws CryptokiError {
    MethodHandle handle = functions.get(function);
    if (handle == null) {
      throw new IllegalStateException(function + " was not linked");
    }
    long code = invoke(handle, arguments);
    if (code != 0) {
      throw new CryptokiError(function, code);
    }
  }

  private static long invoke(MethodHandle handle, Object... arguments) {
    try {
      return (long) handle.invokeWithArguments(arguments);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("a native call throws nothing that is checked", e);
    }
  }
}
