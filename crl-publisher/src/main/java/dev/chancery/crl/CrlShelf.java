package dev.chancery.crl;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.IssuerId;
import dev.chancery.core.PublishedCrl;
import java.math.BigInteger;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This node's copies of the published CRLs, whole and in memory. A copy is only ever replaced by
 * one with a higher number, and goes on being served while the database is away.
 */
public final class CrlShelf {
  private static final Logger LOG = LoggerFactory.getLogger(CrlShelf.class);

  /** For how long another node's CRL can go unseen. */
  private static final Duration CHECK_AFTER = Duration.ofSeconds(1);

  /** A CRL as it is served; the array is never changed. */
  @SuppressWarnings("ArrayRecordComponent") // served as it is, never compared; a copy can be large
  record Copy(
      BigInteger number, Instant thisUpdate, Instant nextUpdate, byte[] encoded, String entityTag) {
    private static Copy of(PublishedCrl crl) {
      String digest = HexFormat.of().formatHex(crl.encoded().sha256(), 0, 16);
      return new Copy(
          crl.number(), crl.thisUpdate(), crl.nextUpdate(), crl.encoded().bytes(), digest);
    }

    private Copy orNewer(Copy other) {
      return other.number.compareTo(number) > 0 ? other : this;
    }
  }

  private final CrlLedger ledger;
  private final Clock clock;
  private final ConcurrentMap<IssuerId, Copy> copies = new ConcurrentHashMap<>();
  private final ConcurrentMap<IssuerId, Instant> checked = new ConcurrentHashMap<>();

  public CrlShelf(CrlLedger ledger, Clock clock) {
    this.ledger = ledger;
    this.clock = clock;
  }

  /**
   * The newest CRL of an issuer, not more than a second late.
   *
   * @throws RuntimeException when there is no copy yet and the ledger does not answer
   */
  Optional<Copy> current(IssuerId issuer) {
    Copy copy = copies.get(issuer);
    if (copy == null) {
      return refresh(issuer);
    }
    if (!mayCheck(issuer)) {
      return Optional.of(copy);
    }
    try {
      return refresh(issuer);
    } catch (RuntimeException e) {
      LOG.warn(
          "the last known CRL of {} is served, the ledger does not answer: {}",
          issuer,
          e.toString());
      return Optional.of(copy);
    }
  }

  /** The newest CRL of an issuer, as the ledger knows it at this moment. */
  Optional<Copy> refresh(IssuerId issuer) {
    Copy copy = copies.get(issuer);
    Optional<BigInteger> number = ledger.currentNumber(issuer);
    if (number.isPresent() && (copy == null || number.get().compareTo(copy.number()) > 0)) {
      // The merge keeps the higher number, whichever of two threads comes last.
      ledger.current(issuer).ifPresent(crl -> copies.merge(issuer, Copy.of(crl), Copy::orNewer));
    }
    return Optional.ofNullable(copies.get(issuer));
  }

  /** True for one caller a second. */
  private boolean mayCheck(IssuerId issuer) {
    Instant now = clock.instant();
    Instant last = checked.putIfAbsent(issuer, now);
    if (last == null) {
      return true;
    }
    boolean due = Duration.between(last, now).abs().compareTo(CHECK_AFTER) >= 0;
    return due && checked.replace(issuer, last, now);
  }
}
