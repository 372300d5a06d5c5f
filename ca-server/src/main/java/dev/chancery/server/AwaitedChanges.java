package dev.chancery.server;

import dev.chancery.core.CertificateRecord;
import dev.chancery.core.CertificateStatus;
import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.IssuerId;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.StatusJournal;
import dev.chancery.crl.SeenCrl;
import dev.chancery.ocsp.StatusView;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The revocations and releases that CRLs do not show yet, from when this node learns of them until
 * the list at its public URL says them.
 */
final class AwaitedChanges implements StatusView.Listener {
  private static final Logger LOG = LoggerFactory.getLogger(AwaitedChanges.class);

  /** More are not measured one by one: those of a revocation of very many are alike. */
  private static final int MOST = 10_000;

  private static final class Awaited {
    private final StatusJournal.Change change;
    private final Instant notAfter;
    private boolean told;

    Awaited(StatusJournal.Change change, Instant notAfter) {
      this.change = change;
      this.notAfter = notAfter;
    }
  }

  private final Set<IssuerId> issuers;
  private final IssuanceLedger issuance;
  private final RevocationLedger revocations;
  private final RevocationVisibility visibility;
  private final Clock clock;

  /** Filled by whoever revokes, who must not wait for what is done with it. */
  private final Queue<StatusJournal.Change> unsorted = new ConcurrentLinkedQueue<>();

  private final Map<CrlScope, Map<SerialNumber, Awaited>> awaited = new TreeMap<>();
  private final AtomicInteger count = new AtomicInteger();

  /**
   * Nothing is awaited yet.
   *
   * @param issuers whose CRLs are looked at; changes of others are not waited for
   */
  AwaitedChanges(
      Set<IssuerId> issuers,
      IssuanceLedger issuance,
      RevocationLedger revocations,
      RevocationVisibility visibility,
      Clock clock) {
    this.issuers = Set.copyOf(issuers);
    this.issuance = issuance;
    this.revocations = revocations;
    this.visibility = visibility;
    this.clock = clock;
  }

  @Override
  public void changed(IssuerId issuer, SerialNumber serial) {
    // Told again with its time.
  }

  @Override
  public void anyChanged() {
    // Too much, or too long ago, to be measured one by one.
  }

  @Override
  public void upToDate(List<StatusJournal.Change> changes) {
    for (StatusJournal.Change change : changes) {
      if (!issuers.contains(change.issuer())) {
        continue;
      }
      if (count.get() >= MOST) {
        LOG.info("not measured until CRLs show it: more than {} changes are waited for", MOST);
        return;
      }
      count.incrementAndGet();
      unsorted.add(change);
    }
  }

  /** Those that the list of a scope does not show yet. */
  synchronized Set<SerialNumber> awaited(CrlName name) {
    if (name.delta()) {
      return Set.of();
    }
    sort();
    return Set.copyOf(awaited.getOrDefault(name.scope(), Map.of()).keySet());
  }

  boolean isEmpty() {
    return count.get() == 0;
  }

  private void sort() {
    for (StatusJournal.Change change = unsorted.peek(); change != null; change = unsorted.peek()) {
      Optional<CertificateRecord> record = issuance.find(change.issuer(), change.serial());
      // Taken off after the database has answered.
      unsorted.remove();
      boolean counts = false;
      if (record.isPresent()) {
        Awaited before =
            awaited
                .computeIfAbsent(record.get().crlScope(), any -> new LinkedHashMap<>())
                .put(change.serial(), new Awaited(change, record.get().notAfter()));
        counts = before == null;
      }
      if (!counts) {
        count.decrementAndGet();
      }
    }
  }

  /**
   * Takes note of what the world sees of a complete CRL.
   *
   * @param crl empty when it sees none that it could use
   * @param about what the look was about
   */
  synchronized void saw(CrlScope scope, Optional<SeenCrl> crl, Set<SerialNumber> about) {
    Map<SerialNumber, Awaited> changes = awaited.getOrDefault(scope, Map.of());
    List<SerialNumber> over = new ArrayList<>();
    for (Awaited each : changes.values()) {
      SerialNumber serial = each.change.serial();
      boolean shows = about.contains(serial) && crl.isPresent() && shows(each, crl.get());
      if (shows) {
        visibility.visible(RevocationVisibility.Place.CRL, each.change);
      }
      if (!each.told && visibility.isLate(RevocationVisibility.Place.CRL, each.change)) {
        each.told = true;
        visibility.late(
            RevocationVisibility.Place.CRL, each.change, shows ? "showed after" : "not yet after");
      }
      // An expired certificate need not be on any list.
      if (shows || clock.instant().isAfter(each.notAfter)) {
        over.add(serial);
      }
    }
    over.forEach(changes::remove);
    count.addAndGet(-over.size());
  }

  /** With its reason: a list that has it on hold does not show that it is revoked for good. */
  private boolean shows(Awaited each, SeenCrl crl) {
    Optional<RevocationReason> listed = Optional.ofNullable(crl.listed().get(each.change.serial()));
    return revocations.status(each.change.issuer(), each.change.serial())
            instanceof CertificateStatus.Revoked revoked
        ? listed.equals(Optional.of(revoked.reason()))
        : listed.isEmpty();
  }
}
