package dev.chancery.hsm;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;

/**
 * The functions that are called directly, each with its place in CK_FUNCTION_LIST (PKCS #11 v2.40
 * section 3.6).
 */
enum CryptokiFunction {
  C_INITIALIZE(0, ADDRESS),
  C_FINALIZE(1, ADDRESS),
  C_GET_SLOT_LIST(4, JAVA_BYTE, ADDRESS, ADDRESS),
  C_GET_TOKEN_INFO(6, JAVA_LONG, ADDRESS),
  C_GET_MECHANISM_LIST(7, JAVA_LONG, ADDRESS, ADDRESS),
  C_GET_MECHANISM_INFO(8, JAVA_LONG, JAVA_LONG, ADDRESS),
  C_INIT_TOKEN(9, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS),
  C_INIT_PIN(10, JAVA_LONG, ADDRESS, JAVA_LONG),
  C_OPEN_SESSION(12, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS),
  C_CLOSE_SESSION(13, JAVA_LONG),
  C_LOGIN(18, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG),
  C_LOGOUT(19, JAVA_LONG),
  C_CREATE_OBJECT(20, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS),
  C_DESTROY_OBJECT(22, JAVA_LONG, JAVA_LONG),
  C_GET_ATTRIBUTE_VALUE(24, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG),
  C_FIND_OBJECTS_INIT(26, JAVA_LONG, ADDRESS, JAVA_LONG),
  C_FIND_OBJECTS(27, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS),
  C_FIND_OBJECTS_FINAL(28, JAVA_LONG),
  C_SIGN_INIT(42, JAVA_LONG, ADDRESS, JAVA_LONG),
  C_SIGN(43, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS),
  C_GENERATE_KEY_PAIR(
      59, JAVA_LONG, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS);

  /** The size of CK_FUNCTION_LIST in version 2.40 of PKCS #11: 68 functions. */
  static final long LIST_SIZE = 8 + 68 * ADDRESS.byteSize();

  private final int place;

  @SuppressWarnings("ImmutableEnumChecker") // a FunctionDescriptor has no way to change
  private final FunctionDescriptor descriptor;

  CryptokiFunction(int place, MemoryLayout... arguments) {
    this.place = place;
    this.descriptor = FunctionDescriptor.of(JAVA_LONG, arguments);
  }

  /** Where the function's pointer is in CK_FUNCTION_LIST, after the padded CK_VERSION. */
  long offset() {
    return 8 + place * ADDRESS.byteSize();
  }

  FunctionDescriptor descriptor() {
    return descriptor;
  }
}
