package dev.chancery.hsm;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;

/**
 * One mechanism that a token offers (PKCS #11 v2.40 section 3.5, CK_MECHANISM_INFO).
 *
 * @param used whether any key is made or signs with it here
 * @param hardware whether the token says that it works in the device itself
 */
public record TokenMechanism(
    String name,
    long smallestKey,
    long largestKey,
    boolean generates,
    boolean signs,
    boolean used,
    boolean hardware) {
  private static final long CKF_HW = 0x1;
  private static final long CKF_SIGN = 0x800;
  private static final long CKF_GENERATE_KEY_PAIR = 0x10000;

  static TokenMechanism of(CryptokiMechanism mechanism, MemorySegment info) {
    long flags = info.get(JAVA_LONG, 16);
    return new TokenMechanism(
        mechanism.name(),
        info.get(JAVA_LONG, 0),
        info.get(JAVA_LONG, 8),
        (flags & CKF_GENERATE_KEY_PAIR) != 0,
        (flags & CKF_SIGN) != 0,
        mechanism.used(),
        (flags & CKF_HW) != 0);
  }

  boolean takes(long bits) {
    // A module that sets no limit says 0.
    return bits >= smallestKey && (bits <= largestKey || largestKey == 0);
  }
}
