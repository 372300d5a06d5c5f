package dev.chancery.crl;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.IssuerId;
import dev.chancery.core.PreparedCrl;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.TokenAway;
import java.math.BigInteger;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a fresh CRL of every issuer in the ledger: after each revocation, and in good time before
 * the last one ends (docs/revocation.md).
 */
public final class CrlPublisher implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(CrlPublisher.class);
  private static final CoalescedTask.Pause PAUSE =
      new CoalescedTask.Pause(Duration.ofSeconds(1), Duration.ofMinutes(1));

  /**
   * More than lies between a revocation's recorded time and its commit, and than the clocks of two
   * nodes differ.
   */
  private static final Duration UNCERTAIN = Duration.ofMinutes(1);

  /** How often to look whether a CRL is there that someone waits for. */
  private static final Duration LOOK_AGAIN = Duration.ofMillis(50);

  private record Desk(CrlIssuer issuer, CoalescedTask publishing) {}

  private final CrlLedger ledger;
  private final RevocationLedger revocations;
  private final CrlShelf shelf;
  private final Clock clock;
  private final Map<IssuerId, Desk> desks = new TreeMap<>();

  /** The issuers whose next CRL was asked for, whether or not it is due. */
  private final Set<IssuerId> demanded = ConcurrentHashMap.newKeySet();

  /** The issuers whose key failed at its last CRL and has not been seen to work since. */
  private final Set<IssuerId> doubtful = ConcurrentHashMap.newKeySet();

  public CrlPublisher(
      List<CrlIssuer> issuers,
      CrlLedger ledger,
      RevocationLedger revocations,
      CrlShelf shelf,
      Clock clock) {
    this(issuers, ledger, revocations, shelf, clock, PAUSE);
  }

  CrlPublisher(
      List<CrlIssuer> issuers,
      CrlLedger ledger,
      RevocationLedger revocations,
      CrlShelf shelf,
      Clock clock,
      CoalescedTask.Pause pause) {
    this.ledger = ledger;
    this.revocations = revocations;
    this.shelf = shelf;
    this.clock = clock;
    for (CrlIssuer issuer : issuers) {
      CoalescedTask publishing =
          new CoalescedTask("CRL of " + issuer.id(), () -> publishIfNeeded(issuer), pause);
      if (desks.put(issuer.id(), new Desk(issuer, publishing)) != null) {
        throw new IllegalArgumentException("two issuers with the name " + issuer.id());
      }
    }
  }

  /** Whether this publishes the CRLs of an issuer; those of a root are made elsewhere. */
  public boolean publishesFor(IssuerId issuer) {
    return desks.containsKey(issuer);
  }

  /**
   * Has a CRL published that holds every revocation committed before this call, and returns at
   * once. When the token or the database is away it is tried until it succeeds. Nothing happens for
   * an issuer whose CRLs are not published here.
   */
  public void requestPublish(IssuerId issuer) {
    Desk desk = desks.get(issuer);
    if (desk != null) {
      demanded.add(issuer);
      desk.publishing().request();
    }
  }

  /**
   * Has a CRL published for each issuer whose last one is due for it, or does not hold a revocation
   * because whoever committed that died before it asked for a CRL. Meant for the start and for a
   * timer; on several nodes the first to come does the work.
   */
  public void refreshDue() {
    for (Desk desk : desks.values()) {
      try {
        if (isDue(desk.issuer())) {
          desk.publishing().request();
        }
      } catch (RuntimeException e) {
        LOG.warn("cannot tell whether a CRL of {} is due: {}", desk.issuer().id(), e.toString());
      }
    }
  }

  /**
   * Waits until there is a CRL of every issuer that has not ended, whichever node made it. Asks for
   * none.
   *
   * @return false when there still was none after that time
   */
  public boolean awaitCurrent(Duration most) throws InterruptedException {
    long end = System.nanoTime() + most.toNanos();
    while (!desks.values().stream().allMatch(desk -> isCurrent(desk.issuer().id()))) {
      if (System.nanoTime() - end >= 0) {
        return false;
      }
      Thread.sleep(LOOK_AGAIN);
    }
    return true;
  }

  private boolean isCurrent(IssuerId issuer) {
    try {
      return shelf
          .refresh(issuer)
          .filter(copy -> clock.instant().isBefore(copy.nextUpdate()))
          .isPresent();
    } catch (RuntimeException e) {
      LOG.debug("cannot tell whether there is a CRL of {}: {}", issuer, e.toString());
      return false;
    }
  }

  /**
   * Publishes what was asked for, or is still due: of two who found the same CRL due, the second
   * may have asked while it was being made.
   */
  private void publishIfNeeded(CrlIssuer issuer) throws TokenAway {
    // Taken before the look at the revocations: who asks after it has a run of his own.
    boolean asked = demanded.remove(issuer.id());
    if (!asked && !isDue(issuer)) {
      return;
    }
    try {
      publish(issuer);
    } catch (TokenAway | RuntimeException e) {
      if (asked) {
        demanded.add(issuer.id());
      }
      throw e;
    }
  }

  private boolean isDue(CrlIssuer issuer) {
    Optional<CrlShelf.Copy> last = shelf.refresh(issuer.id());
    if (last.isEmpty()) {
      return true;
    }
    CrlSettings settings = issuer.settings();
    Duration reserve = settings.validity().minus(settings.refresh());
    Instant now = clock.instant();
    // The second counts when the last one was made under other settings.
    return !now.isBefore(last.get().thisUpdate().plus(settings.refresh()))
        || !now.isBefore(last.get().nextUpdate().minus(reserve))
        || mayLackRevocations(issuer.id(), last.get().thisUpdate(), now);
  }

  /**
   * Whether a revocation was recorded after a CRL's look at them. Revocations around that look may
   * be in the CRL or not; they cause one more CRL, once all of them are certainly visible to it,
   * and no other after that.
   */
  private boolean mayLackRevocations(IssuerId issuer, Instant thisUpdate, Instant now) {
    // thisUpdate has no fractions: the look was in the second that it names.
    Instant certain = now.truncatedTo(ChronoUnit.SECONDS).minus(UNCERTAIN);
    return revocations.anyRecorded(issuer, thisUpdate.plusSeconds(1), now)
        || revocations.anyRecorded(issuer, thisUpdate.minus(UNCERTAIN), certain);
  }

  /**
   * Publishes a CRL that holds every revocation committed before this call.
   *
   * @return its number, or the higher one of another's CRL that was published meanwhile
   * @throws TokenAway when the key does not answer; what was published before stays
   */
  public BigInteger publish(IssuerId issuer) throws TokenAway {
    return publish(desk(issuer).issuer());
  }

  private BigInteger publish(CrlIssuer issuer) throws TokenAway {
    // A key that failed last must answer again first: each try records a whole CRL, which stays
    // until the next one is published, so that an outage would fill the ledger.
    if (doubtful.contains(issuer.id())) {
      issuer.key().probe();
      doubtful.remove(issuer.id());
    }

    // 1. The number comes before the look at the revocations: whoever gets a higher one looks
    //    later and sees at least as many, so that the lower number can be dropped in step 5.
    BigInteger number = ledger.nextNumber(issuer.id());

    // 2. Build. An expired certificate stays until one CRL was issued after its expiry (RFC 5280
    //    section 3.3). One second is taken off because expiry in the very second of the last
    //    thisUpdate is not before it.
    Instant now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
    Instant nextUpdate = now.plus(issuer.settings().validity());
    Instant expiringAfter =
        shelf
            .refresh(issuer.id())
            .map(last -> last.thisUpdate().minusSeconds(1))
            .orElse(Instant.EPOCH);
    CrlEntries entries = new CrlEntries();
    revocations.forEachRevoked(issuer.id(), expiringAfter, entries::add);
    CertificateList list =
        new CertificateList(issuer.certificate(), issuer.key().scheme(), number, now, nextUpdate);

    // 3. Record. From here on the ledger knows these bytes, whatever becomes of this process.
    CrlLedger.Recorded recorded =
        ledger.record(new PreparedCrl(issuer.id(), number, now, nextUpdate, list.with(entries)));

    // 4. Sign; the key verifies what the token gave.
    SignatureValue signature = sign(issuer, recorded);

    // 5. Publish, unless someone published a higher number since step 1.
    boolean published = ledger.publish(recorded, signature);
    BigInteger shown = shelf.refresh(issuer.id()).map(CrlShelf.Copy::number).orElse(number);
    LOG.info(
        "CRL {} of {} {}", number, issuer.id(), published ? "published" : "dropped for " + shown);
    return shown;
  }

  private SignatureValue sign(CrlIssuer issuer, CrlLedger.Recorded recorded) throws TokenAway {
    try {
      return issuer.key().sign(recorded);
    } catch (TokenAway e) {
      doubtful.add(issuer.id());
      throw e;
    }
  }

  private Desk desk(IssuerId issuer) {
    Desk desk = desks.get(issuer);
    if (desk == null) {
      throw new IllegalArgumentException("no CRLs are made for " + issuer);
    }
    return desk;
  }

  /** Has no further CRL made, and waits a moment for those that are; what was published stays. */
  @Override
  public void close() {
    // All are told before one is waited for, so that they end at the same time.
    desks.values().forEach(desk -> desk.publishing().stop());
    desks.values().forEach(desk -> desk.publishing().close());
  }
}
