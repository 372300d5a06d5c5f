package dev.chancery.ocsp;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.StatusJournal;
import java.math.BigInteger;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** A ledger of statuses that a test sets, and can take away; with its journal. */
final class Statuses implements RevocationLedger, StatusJournal {
  private final Map<SerialNumber, CertificateStatus> statuses = new ConcurrentHashMap<>();
  private final List<Change> journal = new ArrayList<>();
  private final AtomicInteger questions = new AtomicInteger();
  private final AtomicInteger asking = new AtomicInteger();
  private final AtomicInteger mostAsking = new AtomicInteger();
  private volatile Duration slow = Duration.ZERO;
  private volatile boolean away;
  private volatile Runnable afterReading = () -> {};

  /** As another node does it: this one learns of it when it looks into the journal. */
  synchronized void set(BigInteger serial, CertificateStatus status) {
    statuses.put(SerialNumber.of(serial), status);
    journal.add(
        new Change(journal.size() + 1, OcspFixture.ISSUER, SerialNumber.of(serial), Instant.EPOCH));
  }

  /** As a certificate is issued: its status changes, and no journal tells. */
  void setQuietly(BigInteger serial, CertificateStatus status) {
    statuses.put(SerialNumber.of(serial), status);
  }

  void setAway(boolean away) {
    this.away = away;
  }

  /** What happens between the reading of a status and its return. */
  void afterReading(Runnable what) {
    afterReading = what;
  }

  /** Each status takes so long from now on. */
  void setSlow(Duration slow) {
    this.slow = slow;
  }

  /** How many were asked for at the same time, at most. */
  int mostAtATime() {
    return mostAsking.get();
  }

  /** How many statuses were asked for. */
  int questions() {
    return questions.get();
  }

  @Override
  public CertificateStatus status(IssuerId issuer, SerialNumber serial) {
    requireThere();
    questions.incrementAndGet();
    mostAsking.accumulateAndGet(asking.incrementAndGet(), Math::max);
    try {
      Thread.sleep(slow);
      CertificateStatus status = statuses.getOrDefault(serial, new CertificateStatus.Unknown());
      afterReading.run();
      return status;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    } finally {
      asking.decrementAndGet();
    }
  }

  @Override
  public synchronized long version() {
    requireThere();
    return journal.size();
  }

  @Override
  public synchronized Changes since(long version) {
    requireThere();
    return new Changes(journal.size(), true, journal.subList((int) version, journal.size()));
  }

  private void requireThere() {
    if (away) {
      throw new IllegalStateException("the database is away: secret detail");
    }
  }

  @Override
  public Outcome revoke(Revocation revocation) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Released release(IssuerId issuer, SerialNumber serial, String by) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Abandoned abandon(Revocation revocation) {
    throw new UnsupportedOperationException();
  }

  @Override
  public boolean anyRecorded(CrlScope scope, Instant after, Instant until) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void forEachRevoked(CrlScope scope, Instant expiringAfter, Consumer<Entry> consumer) {
    throw new UnsupportedOperationException();
  }

  @Override
  public List<SerialNumber> released(CrlScope scope, Optional<SerialNumber> after, int most) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void forgetReleases(CrlScope scope, Instant before) {
    throw new UnsupportedOperationException();
  }
}
