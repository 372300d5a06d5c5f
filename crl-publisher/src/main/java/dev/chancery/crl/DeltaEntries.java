package dev.chancery.crl;

import dev.chancery.core.RevocationLedger;
import dev.chancery.core.SerialNumber;
import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.util.Arrays;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/**
 * The entries of a delta CRL (RFC 5280 section 5.2.4): what a newer complete CRL says otherwise
 * than its base, found by reading both side by side. Whatever made an entry leave, a hold that was
 * released or the certificate's expiry, it is "removeFromCRL" in the delta (section 5.3.1).
 *
 * <p>A relying party may combine the delta with any complete CRL since the base. A certificate that
 * was on hold in one of those and in neither the base nor the newer CRL would seem to be on hold
 * for ever: so whatever was released is listed, and what was revoked again since is too.
 */
final class DeltaEntries implements AutoCloseable {
  private final ListedEntries base;
  private final Iterator<SerialNumber> released;
  private final CrlSpool out;
  private final Instant now;
  private ListedEntries.@Nullable Listed next;
  private @Nullable SerialNumber nextReleased;

  /**
   * @param released since the base, in the order of the entries
   * @param now the date of entries that say that a certificate was removed
   */
  DeltaEntries(InputStream base, Iterator<SerialNumber> released, CrlSpool out, Instant now)
      throws IOException {
    this.base = ListedEntries.of(base);
    this.released = released;
    this.out = out;
    this.now = now;
    this.next = this.base.next();
    this.nextReleased = following(released);
  }

  /** The next entry of the newer CRL; they come in the order that the base has too. */
  void add(RevocationLedger.Entry entry, byte[] encoded) throws IOException {
    removeBefore(entry.serial());
    boolean changed = true;
    if (next != null && next.serial().equals(entry.serial())) {
      changed = !Arrays.equals(next.encoded(), encoded);
      next = base.next();
    }
    if (nextReleased != null && nextReleased.equals(entry.serial())) {
      changed = true;
      nextReleased = following(released);
    }
    if (changed) {
      out.add(encoded);
    }
  }

  /** After the last entry of the newer CRL. */
  void finish() throws IOException {
    removeBefore(null);
  }

  /** Removes what the newer CRL does not have, up to one that it has; all when there is none. */
  private void removeBefore(@Nullable SerialNumber kept) throws IOException {
    SerialNumber gone = firstGone();
    while (gone != null && (kept == null || isBefore(gone, kept))) {
      out.add(CrlEntries.removed(gone, now));
      if (next != null && next.serial().equals(gone)) {
        next = base.next();
      }
      if (nextReleased != null && nextReleased.equals(gone)) {
        nextReleased = following(released);
      }
      gone = firstGone();
    }
  }

  private @Nullable SerialNumber firstGone() {
    if (next == null || (nextReleased != null && isBefore(nextReleased, next.serial()))) {
      return nextReleased;
    }
    return next.serial();
  }

  /** The ledger's order: that of the octets. */
  private static boolean isBefore(SerialNumber one, SerialNumber other) {
    return Arrays.compareUnsigned(one.octets(), other.octets()) < 0;
  }

  private static @Nullable SerialNumber following(Iterator<SerialNumber> serials) {
    return serials.hasNext() ? serials.next() : null;
  }

  @Override
  public void close() throws IOException {
    base.close();
  }
}
