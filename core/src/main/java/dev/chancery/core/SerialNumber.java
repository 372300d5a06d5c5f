package dev.chancery.core;

import java.math.BigInteger;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.regex.Pattern;

/**
 * A certificate serial number (RFC 5280 section 4.1.2.2): a positive integer of at most 20 octets.
 *
 * <p>Those made here have 16 octets: six of the time in milliseconds, then ten (80 bits) from a
 * cryptographic random generator. The order in time keeps inserts into the index local however many
 * certificates there are; the random part is more than the 64 bits that make a serial unguessable.
 */
public final class SerialNumber implements Comparable<SerialNumber> {
  private static final int LONGEST = 20;
  private static final int RANDOM_OCTETS = 10;
  private static final long EARLIEST = 1L << 40;
  private static final long LATEST = (1L << 47) - 1;
  private static final Pattern HEXADECIMAL =
      Pattern.compile("[0-9A-Fa-f]{1,40}|[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){0,19}");

  private final byte[] octets;

  private SerialNumber(byte[] octets) {
    this.octets = octets;
  }

  /**
   * A new serial number.
   *
   * @throws IllegalArgumentException when the time does not fill six octets and leave the sign bit
   *     free, as every instant from 2004 on does for millennia: the clock was never set
   */
  public static SerialNumber next(Instant now, SecureRandom random) {
    byte[] octets = new byte[6 + RANDOM_OCTETS];
    byte[] entropy = new byte[RANDOM_OCTETS];
    random.nextBytes(entropy);
    long millis = now.toEpochMilli();
    if (millis < EARLIEST || millis > LATEST) {
      throw new IllegalArgumentException("the clock is wrong: " + now);
    }
    for (int i = 0; i < 6; i++) {
      octets[i] = (byte) (millis >>> (40 - 8 * i));
    }
    System.arraycopy(entropy, 0, octets, 6, RANDOM_OCTETS);
    return new SerialNumber(octets);
  }

  /**
   * The serial number with this value.
   *
   * @throws IllegalArgumentException when it is not positive or has more than 20 octets
   */
  public static SerialNumber of(BigInteger value) {
    if (value.signum() <= 0 || value.toByteArray().length > LONGEST) {
      throw new IllegalArgumentException("not a serial number");
    }
    byte[] twos = value.toByteArray();
    return new SerialNumber(twos[0] == 0 ? Arrays.copyOfRange(twos, 1, twos.length) : twos);
  }

  /**
   * The serial number that these big-endian octets (no sign octet, as {@link #octets} gives them)
   * write.
   */
  public static SerialNumber of(byte[] octets) {
    int first = 0;
    while (first < octets.length && octets[first] == 0) {
      first++;
    }
    int length = octets.length - first;
    // An octet more when the first bit would be taken for a sign.
    if (length == 0 || length + (octets[first] < 0 ? 1 : 0) > LONGEST) {
      throw new IllegalArgumentException("not a serial number");
    }
    return new SerialNumber(Arrays.copyOfRange(octets, first, octets.length));
  }

  /**
   * Reads hexadecimal digits of either case, with or without colons between octets.
   *
   * @throws Refused when the text is anything else
   */
  public static SerialNumber parse(String text) throws Refused {
    if (!HEXADECIMAL.matcher(text).matches()) {
      throw new Refused(Reason.NOT_FOUND, "not a serial number");
    }
    try {
      return of(new BigInteger(text.replace(":", ""), 16));
    } catch (IllegalArgumentException e) {
      throw new Refused(Reason.NOT_FOUND, "not a serial number");
    }
  }

  public BigInteger value() {
    return new BigInteger(1, octets);
  }

  /** Big-endian octets without a sign octet. */
  public byte[] octets() {
    return octets.clone();
  }

  /** Big-endian octets of two's complement, as DER writes an INTEGER. */
  public byte[] twosComplement() {
    int sign = octets[0] < 0 ? 1 : 0;
    byte[] twos = new byte[sign + octets.length];
    System.arraycopy(octets, 0, twos, sign, octets.length);
    return twos;
  }

  @Override
  public int compareTo(SerialNumber other) {
    return value().compareTo(other.value());
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SerialNumber serial && Arrays.equals(octets, serial.octets);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(octets);
  }

  /** Lower-case hexadecimal digits, two an octet. */
  @Override
  public String toString() {
    return HexFormat.of().formatHex(octets);
  }
}
