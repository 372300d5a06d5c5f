package dev.chancery.hsm;

/** A PKCS #11 function returned something other than CKR_OK. */
final class CryptokiError extends Exception {
  static final long PIN_INCORRECT = 0xA0;
  static final long PIN_LEN_RANGE = 0xA2;
  static final long PIN_EXPIRED = 0xA3;
  static final long PIN_LOCKED = 0xA4;
  static final long USER_ALREADY_LOGGED_IN = 0x100;
  static final long USER_PIN_NOT_INITIALIZED = 0x102;
  static final long CRYPTOKI_ALREADY_INITIALIZED = 0x191;
  static final long ATTRIBUTE_TYPE_INVALID = 0x12;
  static final long ATTRIBUTE_VALUE_INVALID = 0x13;
  static final long ACTION_PROHIBITED = 0x1B;
  static final long SESSION_COUNT = 0xB1;
  static final long TEMPLATE_INCONSISTENT = 0xD1;

  private static final long serialVersionUID = 1L;

  private final long code;

  CryptokiError(CryptokiFunction function, long code) {
    super(function + ": " + name(code));
    this.code = code;
  }

  long code() {
    return code;
  }

  // The codes that an operator is likely to meet (PKCS #11 v2.40, pkcs11t.h).
  private static String name(long code) {
    return switch ((int) code) {
      case 0x5 -> "CKR_GENERAL_ERROR";
      case 0x6 -> "CKR_FUNCTION_FAILED";
      case 0x10 -> "CKR_ATTRIBUTE_READ_ONLY";
      case 0x12 -> "CKR_ATTRIBUTE_TYPE_INVALID";
      case 0x13 -> "CKR_ATTRIBUTE_VALUE_INVALID";
      case 0x1B -> "CKR_ACTION_PROHIBITED";
      case 0x30 -> "CKR_DEVICE_ERROR";
      case 0x31 -> "CKR_DEVICE_MEMORY";
      case 0x32 -> "CKR_DEVICE_REMOVED";
      case 0x54 -> "CKR_FUNCTION_NOT_SUPPORTED";
      case 0x68 -> "CKR_KEY_FUNCTION_NOT_PERMITTED";
      case 0x70 -> "CKR_MECHANISM_INVALID";
      case 0xA0 -> "CKR_PIN_INCORRECT";
      case 0xA1 -> "CKR_PIN_INVALID";
      case 0xA2 -> "CKR_PIN_LEN_RANGE";
      case 0xA3 -> "CKR_PIN_EXPIRED";
      case 0xA4 -> "CKR_PIN_LOCKED";
      case 0xB1 -> "CKR_SESSION_COUNT";
      case 0xB3 -> "CKR_SESSION_HANDLE_INVALID";
      case 0xB6 -> "CKR_SESSION_EXISTS";
      case 0xD0 -> "CKR_TEMPLATE_INCOMPLETE";
      case 0xD1 -> "CKR_TEMPLATE_INCONSISTENT";
      case 0xE0 -> "CKR_TOKEN_NOT_PRESENT";
      case 0xE2 -> "CKR_TOKEN_WRITE_PROTECTED";
      case 0x101 -> "CKR_USER_NOT_LOGGED_IN";
      case 0x102 -> "CKR_USER_PIN_NOT_INITIALIZED";
      default -> "error 0x" + Long.toHexString(code);
    };
  }
}
