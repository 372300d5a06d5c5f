package dev.chancery.core;

import java.math.BigInteger;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Keeps every CRL from before its signature is made, and the counter of CRL numbers, which only
 * rises. Same shape as {@link IssuanceLedger}.
 */
public abstract class CrlLedger {
  /** A CRL whose to-be-signed bytes are committed; it can be signed once. */
  public static final class Recorded {
    private final PreparedCrl prepared;
    private final AtomicBoolean spent = new AtomicBoolean();

    private Recorded(PreparedCrl prepared) {
      this.prepared = prepared;
    }

    public PreparedCrl prepared() {
      return prepared;
    }

    /**
     * The bytes, for the key that is about to sign them.
     *
     * @throws IllegalStateException when they were handed out before
     */
    public ToBeSigned spend() {
      if (!spent.compareAndSet(false, true)) {
        throw new IllegalStateException("CRL " + prepared.number() + " was signed before");
      }
      return prepared.toBeSigned();
    }
  }

  /** Takes the next CRL number of an issuer; no one else gets it, whatever becomes of this one. */
  public abstract BigInteger nextNumber(IssuerId issuer);

  /** Returns after the row with these exact bytes is durable. */
  public final Recorded record(PreparedCrl prepared) {
    commit(prepared);
    return new Recorded(prepared);
  }

  /**
   * Publishes a recorded CRL and drops the issuer's older ones.
   *
   * @return false when a CRL with a higher number was published in the meantime
   */
  public final boolean publish(Recorded recorded, SignatureValue signature) {
    return markPublished(recorded.prepared(), signature);
  }

  /** Inserts the row and makes it durable. */
  protected abstract void commit(PreparedCrl prepared);

  /** Moves the row from recorded to published unless a higher number is published already. */
  protected abstract boolean markPublished(PreparedCrl prepared, SignatureValue signature);

  /** The issuer's published CRL with the highest number. */
  public abstract Optional<PublishedCrl> current(IssuerId issuer);

  /** The number of {@link #current}, for those who have that CRL already. */
  public Optional<BigInteger> currentNumber(IssuerId issuer) {
    return current(issuer).map(PublishedCrl::number);
  }
}
