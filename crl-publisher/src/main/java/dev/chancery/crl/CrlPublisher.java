package dev.chancery.crl;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuerId;
import dev.chancery.core.PreparedCrl;
import dev.chancery.core.PublishedCrl;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.TokenAway;
import java.io.IOException;
import java.math.BigInteger;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentNavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a fresh CRL of every scope of its issuers in the ledger: after each revocation, and in good
 * time before the last one ends (docs/revocation.md).
 */
public final class CrlPublisher implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(CrlPublisher.class);
  private static final CoalescedTask.Pause PAUSE =
      new CoalescedTask.Pause(Duration.ofSeconds(1), Duration.ofMinutes(1));

  /**
   * More than lies between a revocation's recorded time and its commit, and than the clocks of two
   * nodes differ.
   */
  static final Duration UNCERTAIN = Duration.ofMinutes(1);

  /** How often to look whether a CRL is there that someone waits for. */
  private static final Duration LOOK_AGAIN = Duration.ofMillis(50);

  /** CRLs of one issuer that are made at the same time: some are written while others are built. */
  private static final int AT_ONCE = 4;

  /** CRLs that are built at the same time: each holds a connection to the database and memory. */
  private static final int BUILT_AT_ONCE = 2;

  /**
   * A scope's next CRL waits for as long as the last one took, but not for longer than this: what
   * is revoked in the meantime is in it, and revocations of very many do not rebuild without end.
   */
  private static final Duration LONGEST_REST = Duration.ofMinutes(1);

  /** Told of each CRL that was published here. */
  public interface Listener {
    void published(CrlName name);
  }

  /**
   * What there is for one scope.
   *
   * @param took how long its last CRL took
   */
  private record Demand(AtomicBoolean demanded, AtomicReference<Duration> took) {}

  private record Desk(CoalescedTask publishing, Demand demand) {}

  private final Map<IssuerId, CrlIssuer> issuers = new TreeMap<>();
  private final CrlLedger ledger;
  private final RevocationLedger revocations;
  private final CrlShelf shelf;
  private final Clock clock;
  private final Listener listener;
  private final CoalescedTask.Pause pause;
  private final ConcurrentNavigableMap<CrlScope, Desk> desks = new ConcurrentSkipListMap<>();

  /** Of each issuer by itself: lists of one whose token hangs keep those of no other waiting. */
  private final Map<IssuerId, Semaphore> turns = new TreeMap<>();

  private final Semaphore building = new Semaphore(BUILT_AT_ONCE, true);

  /** The issuers whose key failed at its last CRL and has not been seen to work since. */
  private final Set<IssuerId> doubtful = ConcurrentHashMap.newKeySet();

  private volatile boolean closed;

  public CrlPublisher(
      List<CrlIssuer> issuers,
      CrlLedger ledger,
      RevocationLedger revocations,
      CrlShelf shelf,
      Clock clock,
      Listener listener) {
    this(issuers, ledger, revocations, shelf, clock, listener, PAUSE);
  }

  CrlPublisher(
      List<CrlIssuer> issuers,
      CrlLedger ledger,
      RevocationLedger revocations,
      CrlShelf shelf,
      Clock clock,
      Listener listener,
      CoalescedTask.Pause pause) {
    this.ledger = ledger;
    this.revocations = revocations;
    this.shelf = shelf;
    this.clock = clock;
    this.listener = listener;
    this.pause = pause;
    for (CrlIssuer issuer : issuers) {
      if (this.issuers.put(issuer.id(), issuer) != null) {
        throw new IllegalArgumentException("two issuers with the name " + issuer.id());
      }
      turns.put(issuer.id(), new Semaphore(AT_ONCE, true));
    }
  }

  /** Whether this publishes the CRLs of an issuer; those of a root are made elsewhere. */
  public boolean publishesFor(IssuerId issuer) {
    return issuers.containsKey(issuer);
  }

  /**
   * Has a CRL published that holds every revocation of its scope that was committed before this
   * call, and returns at once. When the token or the database is away it is tried until it
   * succeeds. Nothing happens for an issuer whose CRLs are not published here.
   */
  public void requestPublish(CrlScope scope) {
    CrlIssuer issuer = issuers.get(scope.issuer());
    if (issuer != null) {
      Desk desk = desk(issuer, scope);
      desk.demand().demanded().set(true);
      desk.publishing().request();
    }
  }

  /** As {@link #requestPublish(CrlScope)}, for every scope of an issuer. */
  public void requestPublish(IssuerId issuer) {
    if (publishesFor(issuer)) {
      ledger.scopes(issuer).forEach(this::requestPublish);
    }
  }

  /**
   * Has a CRL published for each scope whose last one is due for it, or does not hold a revocation
   * because whoever committed that died before it asked for a CRL. Meant for the start and for a
   * timer; on several nodes the first to come does the work.
   */
  public void refreshDue() {
    for (CrlIssuer issuer : issuers.values()) {
      try {
        for (CrlScope scope : ledger.scopes(issuer.id())) {
          if (isDue(issuer, scope)) {
            desk(issuer, scope).publishing().request();
          }
        }
      } catch (RuntimeException e) {
        LOG.warn("cannot tell whether a CRL of {} is due: {}", issuer.id(), e.toString());
      }
    }
  }

  private Desk desk(CrlIssuer issuer, CrlScope scope) {
    return desks.computeIfAbsent(
        scope,
        any -> {
          Demand demand = new Demand(new AtomicBoolean(), new AtomicReference<>(Duration.ZERO));
          CoalescedTask publishing =
              new CoalescedTask(
                  "CRL of " + scope,
                  () -> publishIfNeeded(issuer, scope, demand),
                  pause,
                  () -> demand.took().get());
          if (closed) {
            publishing.stop();
          }
          return new Desk(publishing, demand);
        });
  }

  /**
   * Waits until there is a CRL of every scope that has not ended and names every URL by which
   * certificates name it, whichever node made it. Asks for none.
   *
   * @return false when there still was none after that time
   */
  public boolean awaitCurrent(Duration most) throws InterruptedException {
    long end = System.nanoTime() + most.toNanos();
    while (!issuers.keySet().stream().allMatch(this::isCurrent)) {
      if (System.nanoTime() - end >= 0) {
        return false;
      }
      Thread.sleep(LOOK_AGAIN);
    }
    return true;
  }

  private boolean isCurrent(IssuerId issuer) {
    try {
      return ledger.scopes(issuer).stream()
          .allMatch(scope ->
              shelf
                  .refresh(CrlName.complete(scope))
                  .filter(copy -> clock.instant().isBefore(copy.nextUpdate()))
                  .filter(copy -> namesLocations(scope, copy))
                  .isPresent());
    } catch (RuntimeException e) {
      LOG.debug("cannot tell whether there is a CRL of {}: {}", issuer, e.toString());
      return false;
    }
  }

  private boolean namesLocations(CrlScope scope, CrlShelf.Copy copy) {
    return copy.number().compareTo(ledger.locationsSince(scope)) > 0;
  }

  /**
   * Publishes what was asked for, or is still due: of two who found the same CRL due, the second
   * may have asked while it was being made.
   */
  private void publishIfNeeded(CrlIssuer issuer, CrlScope scope, Demand demand)
      throws TokenAway, IOException, InterruptedException {
    Semaphore turn = Objects.requireNonNull(turns.get(issuer.id()));
    turn.acquire();
    try {
      // Taken before the look at the revocations: who asks after it has a run of his own.
      boolean asked = demand.demanded().getAndSet(false);
      demand.took().set(Duration.ZERO);
      if (!asked && !isDue(issuer, scope)) {
        return;
      }
      long began = System.nanoTime();
      try {
        publish(issuer, scope);
        Duration took = Duration.ofNanos(System.nanoTime() - began);
        demand.took().set(took.compareTo(LONGEST_REST) < 0 ? took : LONGEST_REST);
      } catch (TokenAway | IOException | RuntimeException e) {
        if (asked) {
          demand.demanded().set(true);
        }
        throw e;
      }
    } finally {
      turn.release();
    }
  }

  private boolean isDue(CrlIssuer issuer, CrlScope scope) {
    Optional<CrlShelf.Copy> last = shelf.refresh(CrlName.complete(scope));
    if (last.isEmpty()) {
      return true;
    }
    CrlSettings settings = issuer.settings();
    Duration reserve = settings.validity().minus(settings.refresh());
    Instant now = clock.instant();
    Instant thisUpdate = last.get().thisUpdate();
    // The second counts when the last one was made under other settings, the third when the clock
    // was put back: until it is there again, no revocation would seem to be newer than the CRL.
    return !now.isBefore(thisUpdate.plus(settings.longestAge()))
        || !now.isBefore(last.get().nextUpdate().minus(reserve))
        || thisUpdate.isAfter(now.plus(UNCERTAIN))
        || !namesLocations(scope, last.get())
        || mayLackRevocations(scope, thisUpdate, now);
  }

  /**
   * Whether a revocation was recorded after a CRL's look at them. Revocations around that look may
   * be in the CRL or not; they cause one more CRL, once all of them are certainly visible to it,
   * and no other after that.
   */
  private boolean mayLackRevocations(CrlScope scope, Instant thisUpdate, Instant now) {
    // thisUpdate has no fractions: the look was in the second that it names.
    Instant certain = now.truncatedTo(ChronoUnit.SECONDS).minus(UNCERTAIN);
    return revocations.anyRecorded(scope, thisUpdate.plusSeconds(1), now)
        || revocations.anyRecorded(scope, thisUpdate.minus(UNCERTAIN), certain);
  }

  /**
   * Publishes a CRL that holds every revocation committed before this call.
   *
   * @return its number, or the higher one of another's CRL that was published meanwhile
   * @throws TokenAway when the key does not answer; what was published before stays
   * @throws IOException when there is no room for it on the disk; likewise
   */
  public BigInteger publish(CrlScope scope) throws TokenAway, IOException {
    CrlIssuer issuer = issuers.get(scope.issuer());
    if (issuer == null) {
      throw new IllegalArgumentException("no CRLs are made for " + scope.issuer());
    }
    return publish(issuer, scope);
  }

  private BigInteger publish(CrlIssuer issuer, CrlScope scope) throws TokenAway, IOException {
    // A key that failed last must answer again first: each try records a whole CRL, which stays
    // until the next one is published, so that an outage would fill the ledger.
    if (doubtful.contains(issuer.id())) {
      issuer.key().probe();
      doubtful.remove(issuer.id());
    }

    // 1. The number comes before the look at the revocations: whoever gets a higher one looks
    //    later and sees at least as many, so that the lower number can be dropped in step 5.
    BigInteger number = ledger.nextNumber(issuer.id());

    // 2. Build. An expired certificate stays until one CRL was issued after its expiry
    //    (RFC 5280 section 3.3), by a margin in which the commit of its revocation may have missed
    //    that CRL. One that was made while the clock was ahead says nothing about what has expired.
    CrlName name = CrlName.complete(scope);
    Instant now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
    Instant expiringAfter =
        shelf
            .refresh(name)
            .map(last -> last.thisUpdate().isBefore(now) ? last.thisUpdate() : now)
            .map(last -> last.minus(UNCERTAIN))
            .orElse(Instant.EPOCH);
    CrlBuild.Plan plan = new CrlBuild.Plan(issuer, scope, number, now, expiringAfter);
    boolean published;
    try (CrlBuild build = build(plan)) {
      Optional<Records> records = record(build);
      published = records.isPresent() && signAndPublish(issuer, records.get(), build.keptBase());
      if (published) {
        revocations.forgetReleases(scope, build.nextStart().minus(UNCERTAIN));
      }
    }
    BigInteger shown = shelf.refresh(name).map(CrlShelf.Copy::number).orElse(number);
    LOG.info("CRL {} of {} {}", number, scope, published ? "published" : "dropped for " + shown);
    if (published) {
      listener.published(name);
      if (issuer.settings().delta().isPresent()) {
        listener.published(CrlName.delta(scope));
      }
    }
    return shown;
  }

  private CrlBuild build(CrlBuild.Plan plan) throws IOException {
    building.acquireUninterruptibly();
    try {
      return CrlBuild.of(plan, ledger, revocations, shelf);
    } finally {
      building.release();
    }
  }

  private record Records(CrlLedger.Recorded complete, Optional<CrlLedger.Recorded> delta) {}

  /** Empty when someone published a higher number since this one was taken. */
  private Optional<Records> record(CrlBuild build) throws IOException {
    building.acquireUninterruptibly();
    try {
      // 3. Record. From here on the ledger knows these octets, whatever becomes of this process.
      Optional<CrlLedger.Recorded> complete = ledger.record(build.complete());
      Optional<CrlLedger.Recorded> delta = Optional.empty();
      if (build.delta().isPresent()) {
        delta = ledger.record(build.delta().get());
      }
      return complete.isEmpty() || build.delta().isPresent() != delta.isPresent()
          ? Optional.empty()
          : Optional.of(new Records(complete.get(), delta));
    } finally {
      building.release();
    }
  }

  /** False when someone published a higher number since this one was taken. */
  private boolean signAndPublish(CrlIssuer issuer, Records records, Optional<BigInteger> keptBase)
      throws TokenAway, IOException {
    // 4. Sign; the key verifies what the token gave.
    CrlLedger.Signed signed = sign(issuer, records.complete());
    Optional<CrlLedger.Signed> signedDelta =
        records.delta().isPresent()
            ? Optional.of(sign(issuer, records.delta().get()))
            : Optional.empty();

    // 5. Publish, unless someone published a higher number since step 1.
    if (!ledger.publish(signed, signedDelta, keptBase)) {
      return false;
    }
    shelf.keep(published(signed));
    if (signedDelta.isPresent()) {
      shelf.keep(published(signedDelta.get()));
    }
    return true;
  }

  private static PublishedCrl published(CrlLedger.Signed signed) {
    PreparedCrl crl = signed.recorded().prepared();
    return new PublishedCrl(
        crl.scope(),
        crl.number(),
        crl.base(),
        crl.thisUpdate(),
        crl.nextUpdate(),
        crl.with(signed.signature()));
  }

  private CrlLedger.Signed sign(CrlIssuer issuer, CrlLedger.Recorded recorded)
      throws TokenAway, IOException {
    try {
      return new CrlLedger.Signed(recorded, issuer.key().sign(recorded));
    } catch (TokenAway e) {
      doubtful.add(issuer.id());
      throw e;
    }
  }

  /** Has no further CRL made, and waits a moment for those that are; what was published stays. */
  @Override
  public void close() {
    closed = true;
    // All are told before one is waited for, so that they end at the same time.
    desks.values().forEach(desk -> desk.publishing().stop());
    desks.values().forEach(desk -> desk.publishing().close());
  }
}
