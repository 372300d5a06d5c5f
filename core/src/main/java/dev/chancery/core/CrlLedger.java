package dev.chancery.core;

import java.io.IOException;
import java.math.BigInteger;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Keeps every CRL from before its signature is made, and the counter of CRL numbers, which only
 * rises. Same shape as {@link IssuanceLedger}, but a CRL can be too long for memory: it goes in and
 * comes out in pieces (docs/decisions/2026-11-25-crl-octets-in-the-database.md).
 */
public abstract class CrlLedger {
  /** A CRL whose to-be-signed octets are committed; it can be signed once. */
  public static final class Recorded {
    private final PreparedCrl prepared;
    private final Digest digest;
    private final AtomicBoolean spent = new AtomicBoolean();

    private Recorded(PreparedCrl prepared, Digest digest) {
      this.prepared = prepared;
      this.digest = digest;
    }

    public PreparedCrl prepared() {
      return prepared;
    }

    /**
     * The digest of the octets as they were committed, for the key that is about to sign it.
     *
     * @throws IllegalStateException when it was handed out before
     */
    public Digest spend() {
      if (!spent.compareAndSet(false, true)) {
        throw new IllegalStateException("CRL " + prepared.number() + " was signed before");
      }
      return digest;
    }
  }

  /** A recorded CRL with the signature over it. */
  public record Signed(Recorded recorded, SignatureValue signature) {}

  /**
   * Takes the next CRL number of an issuer; no one else gets it, whatever becomes of this one. It
   * is no less than the milliseconds since 1970, so that numbers rise even after the database was
   * restored to what it was before the last ones were taken.
   */
  public abstract BigInteger nextNumber(IssuerId issuer);

  /**
   * Returns after these exact octets are durable.
   *
   * @return empty when a CRL of the scope with a higher number was published meanwhile: this one
   *     never can be, and was dropped
   * @throws IOException when they cannot be read
   */
  public final Optional<Recorded> record(PreparedCrl prepared) throws IOException {
    return commit(prepared).map(digest -> new Recorded(prepared, digest));
  }

  /**
   * Publishes a complete CRL, and in the same step the delta CRL of its number, and drops the older
   * ones of their scope.
   *
   * @param base the number of an older complete CRL that is kept, for delta CRLs to start from
   * @return false when a CRL with a higher number was published in the meantime
   */
  public final boolean publish(Signed complete, Optional<Signed> delta, Optional<BigInteger> base) {
    return markPublished(complete, delta, base);
  }

  /**
   * Keeps the octets and makes them durable; the digest is of what was kept. Empty when they were
   * dropped meanwhile.
   */
  protected abstract Optional<Digest> commit(PreparedCrl prepared) throws IOException;

  /** Moves the rows from recorded to published unless a higher number is published already. */
  protected abstract boolean markPublished(
      Signed complete, Optional<Signed> delta, Optional<BigInteger> base);

  /** The published CRL of this name with the highest number. */
  public abstract Optional<PublishedCrl> current(CrlName name);

  /** The number of {@link #current}, for those who have that CRL already. */
  public Optional<BigInteger> currentNumber(CrlName name) {
    return current(name).map(PublishedCrl::number);
  }

  /** {@link #currentNumber} of every CRL that there is. */
  public abstract Map<CrlName, BigInteger> currentNumbers();

  /** The published complete CRL that delta CRLs of this scope start from: the oldest one kept. */
  public abstract Optional<PublishedCrl> base(CrlScope scope);

  /**
   * Remembers for good that certificates name this URL in their distribution point. To be called
   * before the first of them is issued, and again when a URL from before is named again.
   */
  public abstract void addLocation(CrlScope scope, URI location);

  /**
   * Every URL by which a certificate of this scope may name it; the last one is the one that new
   * certificates name.
   */
  public abstract List<URI> locations(CrlScope scope);

  /**
   * A CRL of this scope with a number that is not higher may lack one of its {@link #locations}, or
   * not say that it is one of several; zero when no CRL can.
   */
  public abstract BigInteger locationsSince(CrlScope scope);

  /** Every scope of an issuer that certificates may name; the unsharded one always. */
  public abstract List<CrlScope> scopes(IssuerId issuer);
}
