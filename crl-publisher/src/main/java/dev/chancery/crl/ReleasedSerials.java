package dev.chancery.crl;

import dev.chancery.core.CrlScope;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.SerialNumber;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;

/** The certificates of a scope that were released from their hold, read a few at a time. */
final class ReleasedSerials implements Iterator<SerialNumber> {
  private static final int AT_ONCE = 1000;

  private final RevocationLedger revocations;
  private final CrlScope scope;
  private List<SerialNumber> some;
  private int next;

  ReleasedSerials(RevocationLedger revocations, CrlScope scope) {
    this.revocations = revocations;
    this.scope = scope;
    this.some = revocations.released(scope, Optional.empty(), AT_ONCE);
  }

  @Override
  public boolean hasNext() {
    if (next == some.size() && next == AT_ONCE) {
      some = revocations.released(scope, Optional.of(some.getLast()), AT_ONCE);
      next = 0;
    }
    return next < some.size();
  }

  @Override
  public SerialNumber next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    return some.get(next++);
  }
}
