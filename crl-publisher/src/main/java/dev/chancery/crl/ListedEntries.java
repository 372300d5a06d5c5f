package dev.chancery.crl;

import dev.chancery.core.SerialNumber;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import org.jspecify.annotations.Nullable;

/**
 * The entries of a CRL that this server made, read one by one, so that a long one needs no memory.
 */
final class ListedEntries implements AutoCloseable {
  private static final int LONGEST_ENTRY = 127;
  private static final int LONGEST_FIELD = 64 * 1024;

  /** An entry as it stands in the list. */
  @SuppressWarnings("ArrayRecordComponent") // compared as octets, by whoever reads the list
  record Listed(SerialNumber serial, byte[] encoded) {}

  private final DerInput in;
  private final long end;

  private ListedEntries(DerInput in, long end) {
    this.in = in;
    this.end = end;
  }

  /** Reads up to the first entry. */
  static ListedEntries of(InputStream certificateList) throws IOException {
    DerInput in = new DerInput(certificateList, (buffer, offset, length) -> {});
    try {
      return new ListedEntries(in, endOfEntries(in));
    } catch (IOException | RuntimeException e) {
      in.close();
      throw e;
    }
  }

  private static long endOfEntries(DerInput in) throws IOException {
    in.enter();
    long tbsLength = in.enter();
    long tbsEnd = in.count() + tbsLength;
    skip(in, DerInput.INTEGER);
    skip(in, DerInput.SEQUENCE);
    skip(in, DerInput.SEQUENCE);
    int tag = in.octet();
    while (tag == DerInput.UTC_TIME || tag == DerInput.GENERALIZED_TIME) {
      in.contents(LONGEST_FIELD);
      tag = in.octet();
    }
    // What follows the times is the list of entries, or the extensions when there are none.
    long length = tag == DerInput.SEQUENCE ? in.length() : 0;
    if (in.count() + length > tbsEnd) {
      throw new IOException("the entries are longer than the list");
    }
    return in.count() + length;
  }

  private static void skip(DerInput in, int tag) throws IOException {
    if (in.octet() != tag) {
      throw new IOException("not a CRL of version 2");
    }
    in.contents(LONGEST_FIELD);
  }

  /** The next entry; null after the last one. */
  @Nullable Listed next() throws IOException {
    if (in.count() >= end) {
      return null;
    }
    if (in.octet() != DerInput.SEQUENCE) {
      throw new IOException("an entry is not a SEQUENCE");
    }
    byte[] contents = in.contents(LONGEST_ENTRY);
    int serial = contents.length < 2 ? 0 : contents[1];
    if (serial < 1 || contents[0] != DerInput.INTEGER || 2 + serial > contents.length) {
      throw new IOException("an entry does not begin with a serial number");
    }
    byte[] encoded = new byte[2 + contents.length];
    encoded[0] = DerInput.SEQUENCE;
    encoded[1] = (byte) contents.length;
    System.arraycopy(contents, 0, encoded, 2, contents.length);
    return new Listed(SerialNumber.of(new BigInteger(contents, 2, serial)), encoded);
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
