package dev.chancery.crl;

import dev.chancery.core.RevocationLedger;
import dev.chancery.core.SerialNumber;
import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The entries of a delta CRL (RFC 5280 section 5.2.4): what a newer complete CRL says otherwise
 * than its base, found by reading both side by side. Whatever made an entry leave, a hold that was
 * released or the certificate's expiry, it is "removeFromCRL" in the delta (section 5.3.1).
 */
final class DeltaEntries implements AutoCloseable {
  private final ListedEntries base;
  private final CrlSpool out;
  private final Instant now;
  private ListedEntries.@Nullable Listed next;

  /**
   * @param now the date of entries that say that a certificate was removed
   */
  DeltaEntries(InputStream base, CrlSpool out, Instant now) throws IOException {
    this.base = ListedEntries.of(base);
    this.out = out;
    this.now = now;
    this.next = this.base.next();
  }

  /** The next entry of the newer CRL; they come in the order that the base has too. */
  void add(RevocationLedger.Entry entry, byte[] encoded) throws IOException {
    while (next != null && isBefore(next.serial(), entry.serial())) {
      remove(next);
    }
    if (next != null && next.serial().equals(entry.serial())) {
      if (!Arrays.equals(next.encoded(), encoded)) {
        out.add(encoded);
      }
      next = base.next();
    } else {
      out.add(encoded);
    }
  }

  /** The ledger's order: that of the octets. */
  private static boolean isBefore(SerialNumber one, SerialNumber other) {
    return Arrays.compareUnsigned(one.octets(), other.octets()) < 0;
  }

  /** After the last entry of the newer CRL. */
  void finish() throws IOException {
    while (next != null) {
      remove(next);
    }
  }

  private void remove(ListedEntries.Listed gone) throws IOException {
    out.add(CrlEntries.removed(gone.serial(), now));
    next = base.next();
  }

  @Override
  public void close() throws IOException {
    base.close();
  }
}
