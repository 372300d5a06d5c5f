package dev.chancery.core;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Keeps every certificate from before its signature is made (docs/issuance-cycle.md). A key signs
 * only a {@link Recorded}, and only {@link #record} makes one, after the commit.
 */
public abstract class IssuanceLedger {
  /** A certificate whose to-be-signed bytes are committed; it can be signed once. */
  public static final class Recorded {
    private final PreparedCertificate prepared;
    private final AtomicBoolean spent = new AtomicBoolean();

    private Recorded(PreparedCertificate prepared) {
      this.prepared = prepared;
    }

    public PreparedCertificate prepared() {
      return prepared;
    }

    /**
     * The bytes, for the key that is about to sign them.
     *
     * @throws IllegalStateException when they were handed out before
     */
    public ToBeSigned spend() {
      if (!spent.compareAndSet(false, true)) {
        throw new IllegalStateException("serial " + prepared.serial() + " was signed before");
      }
      return prepared.toBeSigned();
    }
  }

  /** Returns after the row with these exact bytes is durable; its serial number is unique. */
  public final Recorded record(PreparedCertificate prepared) {
    commit(prepared);
    return new Recorded(prepared);
  }

  /**
   * Moves a recorded certificate to issued, with an audit entry in the same transaction.
   *
   * @return the certificate; empty when it was revoked in the meantime and must not be released
   */
  public final Optional<IssuedCertificate> complete(Recorded recorded, SignatureValue signature) {
    PreparedCertificate prepared = recorded.prepared();
    if (!markIssued(prepared, signature)) {
      return Optional.empty();
    }
    return Optional.of(
        new IssuedCertificate(
            prepared.issuer(),
            prepared.serial(),
            prepared.notBefore(),
            prepared.notAfter(),
            prepared.toBeSigned().with(signature)));
  }

  /**
   * Takes in a certificate that was signed under another ledger, as a ceremony's transcript is. It
   * is issued from the beginning, in one step and durable: no end of this process leaves it
   * recorded only, for others to revoke. One that is recorded with the same bytes is completed.
   *
   * @return false when it was issued or revoked before; then nothing was changed
   * @throws IllegalStateException when the serial number is that of other bytes
   */
  public abstract boolean takeIn(PreparedCertificate prepared, SignatureValue signature);

  /** Inserts the row and makes it durable, against a power cut too. */
  protected abstract void commit(PreparedCertificate prepared);

  /** Moves the row from recorded to issued; false when it was not in the state recorded. */
  protected abstract boolean markIssued(PreparedCertificate prepared, SignatureValue signature);

  public abstract Optional<CertificateRecord> find(IssuerId issuer, SerialNumber serial);

  /** Every certificate that was recorded for a request, oldest first. */
  public abstract List<CertificateRecord> find(RequestId request);

  /** Certificates recorded before this instant that are still neither issued nor revoked. */
  public abstract List<CertificateRecord> recordedBefore(Instant instant, int limit);
}
