package dev.chancery.crl;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;

/** DER (X.690) read from front to back, so that nothing long has to be in memory. */
final class DerInput implements AutoCloseable {
  static final int INTEGER = 0x02;
  static final int UTC_TIME = 0x17;
  static final int GENERALIZED_TIME = 0x18;
  static final int SEQUENCE = 0x30;
  private static final int LONG_FORM = 0x80;
  private static final int MOST_LENGTH_OCTETS = 7;
  private static final int BUFFER = 64 * 1024;

  /** Told of each octet that was read. */
  interface Tap {
    void octets(byte[] buffer, int offset, int length) throws IOException;
  }

  private final InputStream in;
  private final Tap tap;
  private final byte[] one = new byte[1];
  private final byte[] buffer = new byte[BUFFER];
  private long count;

  DerInput(InputStream in, Tap tap) {
    this.in = new BufferedInputStream(in, BUFFER);
    this.tap = tap;
  }

  /** How many octets were read. */
  long count() {
    return count;
  }

  /** Whether nothing follows. */
  boolean isAtEnd() throws IOException {
    in.mark(1);
    boolean end = in.read() < 0;
    in.reset();
    return end;
  }

  int octet() throws IOException {
    readFully(one, 0, 1);
    return one[0] & 0xFF;
  }

  void readFully(byte[] into, int offset, int length) throws IOException {
    if (in.readNBytes(into, offset, length) < length) {
      throw new EOFException("the CRL ends too early");
    }
    count += length;
    tap.octets(into, offset, length);
  }

  void skip(long octets) throws IOException {
    for (long left = octets; left > 0; left -= buffer.length) {
      readFully(buffer, 0, (int) Math.min(left, buffer.length));
    }
  }

  /** What a length says; its own octets are read. */
  long length() throws IOException {
    int first = octet();
    if (first < LONG_FORM) {
      return first;
    }
    int octets = first - LONG_FORM;
    if (octets < 1 || octets > MOST_LENGTH_OCTETS) {
      throw new IOException("a length of " + octets + " octets");
    }
    long length = 0;
    for (int i = 0; i < octets; i++) {
      length = length << 8 | octet();
    }
    return length;
  }

  /** Goes into a SEQUENCE, and says how long its contents are. */
  long enter() throws IOException {
    if (octet() != SEQUENCE) {
      throw new IOException("not a SEQUENCE where a CRL has one");
    }
    return length();
  }

  /** The contents that follow a tag, when they are no longer than a limit. */
  byte[] contents(int longest) throws IOException {
    return octets(length(), longest);
  }

  /** The next octets, whatever they are. */
  byte[] octets(long length, int longest) throws IOException {
    if (length > longest) {
      throw new IOException("a field of " + length + " octets");
    }
    byte[] contents = new byte[(int) length];
    readFully(contents, 0, contents.length);
    return contents;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
