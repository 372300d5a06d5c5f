package dev.chancery.hsm;

/**
 * A token as C_GetTokenInfo tells of it.
 *
 * @param slot where it is just now; it can be elsewhere after the next start
 * @param mostSessions how many sessions this process may have with it
 */
record CryptokiToken(long slot, String label, String serial, long flags, long mostSessions) {
  private static final long CKF_USER_PIN_INITIALIZED = 0x8;
  private static final long CKF_TOKEN_INITIALIZED = 0x400;
  private static final long CKF_USER_PIN_FINAL_TRY = 0x20000;
  private static final long CKF_USER_PIN_LOCKED = 0x40000;

  // CK_EFFECTIVELY_INFINITE and CK_UNAVAILABLE_INFORMATION: the token sets or tells no limit.
  private static final long NO_LIMIT = 0;
  private static final long UNTOLD = -1;

  /** Whether the token allows this process so many sessions, as far as it tells. */
  boolean admits(long sessions) {
    return mostSessions == NO_LIMIT || mostSessions == UNTOLD || sessions <= mostSessions;
  }

  boolean initialized() {
    return (flags & CKF_TOKEN_INITIALIZED) != 0;
  }

  boolean hasUserPin() {
    return (flags & CKF_USER_PIN_INITIALIZED) != 0;
  }

  /** One more wrong PIN would lock the token. */
  boolean finalTry() {
    return (flags & CKF_USER_PIN_FINAL_TRY) != 0;
  }

  boolean locked() {
    return (flags & CKF_USER_PIN_LOCKED) != 0;
  }
}
