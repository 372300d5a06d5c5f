package dev.chancery.hsm;

import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a PKCS #11 function can return (CK_RV, PKCS #11 v2.40, pkcs11t.h), and what follows when a
 * signature was asked for or a token opened (docs/token-outages.md has this as a table).
 */
enum ReturnValue {
  CKR_CANCEL(0x1, Meaning.OUTAGE),
  CKR_HOST_MEMORY(0x2, Meaning.OUTAGE),
  CKR_SLOT_ID_INVALID(0x3, Meaning.OUTAGE),
  CKR_GENERAL_ERROR(0x5, Meaning.OUTAGE),
  CKR_FUNCTION_FAILED(0x6, Meaning.OUTAGE),
  CKR_ARGUMENTS_BAD(0x7, Meaning.CALLER_ERROR),
  CKR_NO_EVENT(0x8, Meaning.OUTAGE),
  CKR_NEED_TO_CREATE_THREADS(0x9, Meaning.OUTAGE),
  CKR_CANT_LOCK(0xA, Meaning.OUTAGE),
  CKR_ATTRIBUTE_READ_ONLY(0x10, Meaning.CALLER_ERROR),
  CKR_ATTRIBUTE_SENSITIVE(0x11, Meaning.CALLER_ERROR),
  CKR_ATTRIBUTE_TYPE_INVALID(0x12, Meaning.CALLER_ERROR),
  CKR_ATTRIBUTE_VALUE_INVALID(0x13, Meaning.CALLER_ERROR),
  CKR_ACTION_PROHIBITED(0x1B, Meaning.CALLER_ERROR),
  CKR_DATA_INVALID(0x20, Meaning.CALLER_ERROR),
  CKR_DATA_LEN_RANGE(0x21, Meaning.CALLER_ERROR),
  CKR_DEVICE_ERROR(0x30, Meaning.OUTAGE),
  CKR_DEVICE_MEMORY(0x31, Meaning.OUTAGE),
  CKR_DEVICE_REMOVED(0x32, Meaning.OUTAGE),
  CKR_ENCRYPTED_DATA_INVALID(0x40, Meaning.CALLER_ERROR),
  CKR_ENCRYPTED_DATA_LEN_RANGE(0x41, Meaning.CALLER_ERROR),
  CKR_FUNCTION_CANCELED(0x50, Meaning.OUTAGE),
  CKR_FUNCTION_NOT_PARALLEL(0x51, Meaning.OUTAGE),
  CKR_FUNCTION_NOT_SUPPORTED(0x54, Meaning.CALLER_ERROR),
  CKR_KEY_HANDLE_INVALID(0x60, Meaning.OUTAGE),
  CKR_KEY_SIZE_RANGE(0x62, Meaning.CALLER_ERROR),
  CKR_KEY_TYPE_INCONSISTENT(0x63, Meaning.CALLER_ERROR),
  CKR_KEY_NOT_NEEDED(0x64, Meaning.CALLER_ERROR),
  CKR_KEY_CHANGED(0x65, Meaning.OUTAGE),
  CKR_KEY_NEEDED(0x66, Meaning.CALLER_ERROR),
  CKR_KEY_INDIGESTIBLE(0x67, Meaning.CALLER_ERROR),
  CKR_KEY_FUNCTION_NOT_PERMITTED(0x68, Meaning.CALLER_ERROR),
  CKR_KEY_NOT_WRAPPABLE(0x69, Meaning.CALLER_ERROR),
  CKR_KEY_UNEXTRACTABLE(0x6A, Meaning.CALLER_ERROR),
  CKR_MECHANISM_INVALID(0x70, Meaning.CALLER_ERROR),
  CKR_MECHANISM_PARAM_INVALID(0x71, Meaning.CALLER_ERROR),
  CKR_OBJECT_HANDLE_INVALID(0x82, Meaning.OUTAGE),
  CKR_OPERATION_ACTIVE(0x90, Meaning.OUTAGE),
  CKR_OPERATION_NOT_INITIALIZED(0x91, Meaning.OUTAGE),
  CKR_PIN_INCORRECT(0xA0, Meaning.OPERATOR),
  CKR_PIN_INVALID(0xA1, Meaning.OPERATOR),
  CKR_PIN_LEN_RANGE(0xA2, Meaning.OPERATOR),
  CKR_PIN_EXPIRED(0xA3, Meaning.OPERATOR),
  CKR_PIN_LOCKED(0xA4, Meaning.OPERATOR),
  CKR_SESSION_CLOSED(0xB0, Meaning.OUTAGE),
  CKR_SESSION_COUNT(0xB1, Meaning.BUSY),
  CKR_SESSION_HANDLE_INVALID(0xB3, Meaning.OUTAGE),
  CKR_SESSION_PARALLEL_NOT_SUPPORTED(0xB4, Meaning.OUTAGE),
  CKR_SESSION_READ_ONLY(0xB5, Meaning.CALLER_ERROR),
  CKR_SESSION_EXISTS(0xB6, Meaning.OUTAGE),
  CKR_SESSION_READ_ONLY_EXISTS(0xB7, Meaning.OUTAGE),
  CKR_SESSION_READ_WRITE_SO_EXISTS(0xB8, Meaning.OUTAGE),
  CKR_SIGNATURE_INVALID(0xC0, Meaning.CALLER_ERROR),
  CKR_SIGNATURE_LEN_RANGE(0xC1, Meaning.CALLER_ERROR),
  CKR_TEMPLATE_INCOMPLETE(0xD0, Meaning.CALLER_ERROR),
  CKR_TEMPLATE_INCONSISTENT(0xD1, Meaning.CALLER_ERROR),
  CKR_TOKEN_NOT_PRESENT(0xE0, Meaning.OUTAGE),
  CKR_TOKEN_NOT_RECOGNIZED(0xE1, Meaning.OUTAGE),
  CKR_TOKEN_WRITE_PROTECTED(0xE2, Meaning.CALLER_ERROR),
  CKR_UNWRAPPING_KEY_HANDLE_INVALID(0xF0, Meaning.CALLER_ERROR),
  CKR_UNWRAPPING_KEY_SIZE_RANGE(0xF1, Meaning.CALLER_ERROR),
  CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT(0xF2, Meaning.CALLER_ERROR),
  CKR_USER_ALREADY_LOGGED_IN(0x100, Meaning.OUTAGE),
  CKR_USER_NOT_LOGGED_IN(0x101, Meaning.OUTAGE),
  CKR_USER_PIN_NOT_INITIALIZED(0x102, Meaning.OPERATOR),
  CKR_USER_TYPE_INVALID(0x103, Meaning.OUTAGE),
  CKR_USER_ANOTHER_ALREADY_LOGGED_IN(0x104, Meaning.OUTAGE),
  CKR_USER_TOO_MANY_TYPES(0x105, Meaning.OUTAGE),
  CKR_WRAPPED_KEY_INVALID(0x110, Meaning.CALLER_ERROR),
  CKR_WRAPPED_KEY_LEN_RANGE(0x112, Meaning.CALLER_ERROR),
  CKR_WRAPPING_KEY_HANDLE_INVALID(0x113, Meaning.CALLER_ERROR),
  CKR_WRAPPING_KEY_SIZE_RANGE(0x114, Meaning.CALLER_ERROR),
  CKR_WRAPPING_KEY_TYPE_INCONSISTENT(0x115, Meaning.CALLER_ERROR),
  CKR_RANDOM_SEED_NOT_SUPPORTED(0x120, Meaning.CALLER_ERROR),
  CKR_RANDOM_NO_RNG(0x121, Meaning.OUTAGE),
  CKR_DOMAIN_PARAMS_INVALID(0x130, Meaning.CALLER_ERROR),
  CKR_CURVE_NOT_SUPPORTED(0x140, Meaning.CALLER_ERROR),
  CKR_BUFFER_TOO_SMALL(0x150, Meaning.CALLER_ERROR),
  CKR_SAVED_STATE_INVALID(0x160, Meaning.OUTAGE),
  CKR_INFORMATION_SENSITIVE(0x170, Meaning.CALLER_ERROR),
  CKR_STATE_UNSAVEABLE(0x180, Meaning.CALLER_ERROR),
  CKR_CRYPTOKI_NOT_INITIALIZED(0x190, Meaning.OUTAGE),
  CKR_CRYPTOKI_ALREADY_INITIALIZED(0x191, Meaning.OUTAGE),
  CKR_MUTEX_BAD(0x1A0, Meaning.OUTAGE),
  CKR_MUTEX_NOT_LOCKED(0x1A1, Meaning.OUTAGE),
  CKR_NEW_PIN_MODE(0x1B0, Meaning.OUTAGE),
  CKR_NEXT_OTP(0x1B1, Meaning.OUTAGE),
  CKR_EXCEEDED_MAX_ITERATIONS(0x1B5, Meaning.OUTAGE),
  CKR_FIPS_SELF_TEST_FAILED(0x1B6, Meaning.OUTAGE),
  CKR_LIBRARY_LOAD_FAILED(0x1B7, Meaning.OUTAGE),
  CKR_PIN_TOO_WEAK(0x1B8, Meaning.OPERATOR),
  CKR_PUBLIC_KEY_INVALID(0x1B9, Meaning.CALLER_ERROR),
  CKR_FUNCTION_REJECTED(0x200, Meaning.OUTAGE),
  CKR_VENDOR_DEFINED(0x80000000L, Meaning.OUTAGE);

  /** What the one who called must make of it. */
  enum Meaning {
    /** This call was wrong for this key or token, and would be again; other calls can be right. */
    CALLER_ERROR,
    /** All of the token's sessions are taken: the same call can be made later. */
    BUSY,
    /** The session, the handles or the token are lost: everything that was opened is. */
    OUTAGE,
    /** Nobody but an operator can help, and trying again could lock the token. */
    OPERATOR
  }

  private static final Map<Long, ReturnValue> BY_CODE =
      Arrays.stream(values())
          .collect(Collectors.toUnmodifiableMap(value -> value.code, Function.identity()));
  private static final Map<String, ReturnValue> BY_NAME =
      Arrays.stream(values())
          .collect(Collectors.toUnmodifiableMap(ReturnValue::name, Function.identity()));

  private final long code;
  private final Meaning meaning;

  ReturnValue(long code, Meaning meaning) {
    this.code = code;
    this.meaning = meaning;
  }

  long code() {
    return code;
  }

  Meaning meaning() {
    return meaning;
  }

  /** The name of a code, or the code itself when no standard names it. */
  static String nameOf(long code) {
    ReturnValue known = BY_CODE.get(code);
    return known == null ? "CKR 0x" + Long.toHexString(code) : known.name();
  }

  /**
   * What a module returned, read from the failure that it led to: SunPKCS11's exception is not
   * public, but its message is the name.
   *
   * @return empty when no module returned anything, or nothing that the standard knows
   */
  static Optional<ReturnValue> in(Throwable failure) {
    for (@Nullable Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof CryptokiError error) {
        return Optional.ofNullable(BY_CODE.get(error.code()));
      }
      String message = cause.getMessage();
      if (message != null && BY_NAME.containsKey(message)) {
        return Optional.ofNullable(BY_NAME.get(message));
      }
    }
    return Optional.empty();
  }

  /** What a failed call means; one that no module explains is an outage. */
  static Meaning meaningOf(Throwable failure) {
    return in(failure).map(ReturnValue::meaning).orElse(Meaning.OUTAGE);
  }

  /** Why a call failed, in one word where the module gave one. */
  static String reason(Throwable failure) {
    for (@Nullable Throwable cause = failure; cause != null; cause = cause.getCause()) {
      String message = cause.getMessage();
      if (message != null && (cause instanceof CryptokiError || message.startsWith("CKR_"))) {
        return message;
      }
    }
    return failure.getClass().getSimpleName();
  }
}
