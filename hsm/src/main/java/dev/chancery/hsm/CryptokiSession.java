package dev.chancery.hsm;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** A session with a token; only one thread may use it at a time. */
final class CryptokiSession implements AutoCloseable {
  private static final long CKU_SO = 0;
  private static final long CKU_USER = 1;
  private static final long CK_UNAVAILABLE_INFORMATION = -1;
  private static final int FOUND_AT_ONCE = 16;
  // No attribute that is read here comes near it; a module that says more is broken.
  private static final int LONGEST_VALUE = 1 << 20;
  // An RSA signature is as long as its modulus; twice the longest that is used here.
  private static final long LONGEST_SIGNATURE = 1024;

  private final Cryptoki module;
  private final long handle;

  CryptokiSession(Cryptoki module, long handle) {
    this.module = module;
    this.handle = handle;
  }

  /** A key pair as it came into being. */
  record KeyPair(CryptokiObject publicKey, CryptokiObject privateKey) {}

  /** Logs the user in, for every session of the process with this token. */
  void login(char[] pin) throws CryptokiError {
    login(CKU_USER, pin);
  }

  /** Logs the security officer in, who can set the user's PIN and use no key. */
  void loginSecurityOfficer(char[] pin) throws CryptokiError {
    login(CKU_SO, pin);
  }

  private void login(long user, char[] pin) throws CryptokiError {
    try (NativePin octets = NativePin.of(pin)) {
      module.call(CryptokiFunction.C_LOGIN, handle, user, octets.address(), octets.length());
    }
  }

  /** Sets the user's PIN; the security officer must be logged in. */
  void initializePin(char[] pin) throws CryptokiError {
    try (NativePin octets = NativePin.of(pin)) {
      module.call(CryptokiFunction.C_INIT_PIN, handle, octets.address(), octets.length());
    }
  }

  /** Logs out every session of the process with this token. */
  void logout() throws CryptokiError {
    module.call(CryptokiFunction.C_LOGOUT, handle);
  }

  List<CryptokiObject> find(CryptokiTemplate template) throws CryptokiError {
    try (Arena arena = Arena.ofConfined()) {
      module.call(
          CryptokiFunction.C_FIND_OBJECTS_INIT, handle, template.in(arena), template.count());
      try {
        return found(arena);
      } finally {
        module.call(CryptokiFunction.C_FIND_OBJECTS_FINAL, handle);
      }
    }
  }

  private List<CryptokiObject> found(Arena arena) throws CryptokiError {
    List<CryptokiObject> objects = new ArrayList<>();
    MemorySegment handles = arena.allocate(JAVA_LONG, FOUND_AT_ONCE);
    MemorySegment count = arena.allocate(JAVA_LONG);
    do {
      module.call(CryptokiFunction.C_FIND_OBJECTS, handle, handles, (long) FOUND_AT_ONCE, count);
      for (long i = 0; i < count.get(JAVA_LONG, 0); i++) {
        objects.add(new CryptokiObject(handles.getAtIndex(JAVA_LONG, i)));
      }
    } while (count.get(JAVA_LONG, 0) > 0);
    return objects;
  }

  /**
   * What the module says of an attribute.
   *
   * @throws CryptokiError when it says nothing of it, but fails
   */
  AttributeAnswer<byte[]> attribute(CryptokiObject object, CryptokiAttribute attribute)
      throws CryptokiError {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment entry = arena.allocate(CryptokiTemplate.ATTRIBUTE_SIZE, 8);
      entry.set(JAVA_LONG, CryptokiTemplate.TYPE, attribute.code());
      readInto(entry, object);
      long length = entry.get(JAVA_LONG, CryptokiTemplate.LENGTH);
      if (length == CK_UNAVAILABLE_INFORMATION || length < 0 || length > LONGEST_VALUE) {
        return new AttributeAnswer.Unknown<>();
      }
      MemorySegment value = arena.allocate(Math.max(1, length));
      entry.set(ADDRESS, CryptokiTemplate.VALUE, value);
      readInto(entry, object);
      return new AttributeAnswer.Told<>(
          value
              .asSlice(0, Math.min(length, entry.get(JAVA_LONG, CryptokiTemplate.LENGTH)))
              .toArray(JAVA_BYTE));
    } catch (CryptokiError e) {
      if (e.is(ReturnValue.CKR_ATTRIBUTE_TYPE_INVALID)) {
        return new AttributeAnswer.Unknown<>();
      }
      if (e.is(ReturnValue.CKR_ATTRIBUTE_SENSITIVE)) {
        return new AttributeAnswer.Withheld<>();
      }
      throw e;
    }
  }

  private void readInto(MemorySegment entry, CryptokiObject object) throws CryptokiError {
    module.call(CryptokiFunction.C_GET_ATTRIBUTE_VALUE, handle, object.handle(), entry, 1L);
  }

  /** Signs data that is ready for the mechanism. */
  byte[] sign(long mechanism, CryptokiObject key, byte[] data, byte... parameter)
      throws CryptokiError {
    try (Arena arena = Arena.ofConfined()) {
      // CK_MECHANISM: the type, the parameter and its length.
      MemorySegment mechanismStructure = arena.allocate(24, 8);
      mechanismStructure.set(JAVA_LONG, 0, mechanism);
      if (parameter.length > 0) {
        mechanismStructure.set(ADDRESS, 8, arena.allocateFrom(JAVA_BYTE, parameter));
        mechanismStructure.set(JAVA_LONG, 16, parameter.length);
      }
      module.call(CryptokiFunction.C_SIGN_INIT, handle, mechanismStructure, key.handle());
      MemorySegment signature = arena.allocate(LONGEST_SIGNATURE);
      MemorySegment length = arena.allocate(JAVA_LONG);
      length.set(JAVA_LONG, 0, LONGEST_SIGNATURE);
      module.call(
          CryptokiFunction.C_SIGN,
          handle,
          arena.allocateFrom(JAVA_BYTE, data),
          (long) data.length,
          signature,
          length);
      long written = Math.min(LONGEST_SIGNATURE, length.get(JAVA_LONG, 0));
      return signature.asSlice(0, Math.max(0, written)).toArray(JAVA_BYTE);
    }
  }

  CryptokiObject create(CryptokiTemplate template) throws CryptokiError {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment object = arena.allocate(JAVA_LONG);
      module.call(
          CryptokiFunction.C_CREATE_OBJECT, handle, template.in(arena), template.count(), object);
      return new CryptokiObject(object.get(JAVA_LONG, 0));
    }
  }

  void destroy(CryptokiObject object) throws CryptokiError {
    module.call(CryptokiFunction.C_DESTROY_OBJECT, handle, object.handle());
  }

  KeyPair generate(
      long mechanism, CryptokiTemplate publicTemplate, CryptokiTemplate privateTemplate)
      throws CryptokiError {
    try (Arena arena = Arena.ofConfined()) {
      // CK_MECHANISM: the type, and a parameter that these mechanisms do not have.
      MemorySegment mechanismStructure = arena.allocate(24, 8);
      mechanismStructure.set(JAVA_LONG, 0, mechanism);
      MemorySegment publicKey = arena.allocate(JAVA_LONG);
      MemorySegment privateKey = arena.allocate(JAVA_LONG);
      module.call(
          CryptokiFunction.C_GENERATE_KEY_PAIR,
          handle,
          mechanismStructure,
          publicTemplate.in(arena),
          publicTemplate.count(),
          privateTemplate.in(arena),
          privateTemplate.count(),
          publicKey,
          privateKey);
      return new KeyPair(
          new CryptokiObject(publicKey.get(JAVA_LONG, 0)),
          new CryptokiObject(privateKey.get(JAVA_LONG, 0)));
    }
  }

  @Override
  public void close() throws CryptokiError {
    module.call(CryptokiFunction.C_CLOSE_SESSION, handle);
  }
}
