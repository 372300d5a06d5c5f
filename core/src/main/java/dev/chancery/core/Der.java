package dev.chancery.core;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/** DER-encoded bytes that no one can change; equal when the bytes are equal. */
public final class Der {
  // X.690 sections 8.1.3 and 8.9.
  private static final byte SEQUENCE = 0x30;
  private static final int LONG_FORM = 0x80;
  private static final int LONGEST_SHORT_FORM = 0x80;

  private final byte[] bytes;

  private Der(byte[] bytes) {
    this.bytes = bytes;
  }

  /** A copy of these bytes; that they are well-formed DER is the caller's promise. */
  public static Der of(byte[] bytes) {
    return new Der(bytes.clone());
  }

  /**
   * What stands before the contents of a SEQUENCE: the tag, and the length in the fewest octets.
   */
  public static byte[] sequenceHeader(long contents) {
    if (contents < LONGEST_SHORT_FORM) {
      return new byte[] {SEQUENCE, (byte) contents};
    }
    int octets = (Long.SIZE - Long.numberOfLeadingZeros(contents) + 7) / 8;
    byte[] header = new byte[2 + octets];
    header[0] = SEQUENCE;
    header[1] = (byte) (LONG_FORM | octets);
    for (int i = 0; i < octets; i++) {
      header[2 + i] = (byte) (contents >>> (8 * (octets - 1 - i)));
    }
    return header;
  }

  /** A copy of the bytes. */
  public byte[] bytes() {
    return bytes.clone();
  }

  public int length() {
    return bytes.length;
  }

  /** The SHA-256 digest of the bytes. */
  public byte[] sha256() {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Der der && Arrays.equals(bytes, der.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  /** The length and the digest, so that no log line ever holds a whole object. */
  @Override
  public String toString() {
    return "Der["
        + bytes.length
        + " bytes, sha256 "
        + HexFormat.of().formatHex(sha256(), 0, 8)
        + "]";
  }
}
