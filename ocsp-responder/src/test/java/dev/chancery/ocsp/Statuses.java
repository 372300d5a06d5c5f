package dev.chancery.ocsp;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.SerialNumber;
import java.math.BigInteger;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/** A ledger of statuses that a test sets, and can take away. */
final class Statuses implements RevocationLedger {
  private final Map<SerialNumber, CertificateStatus> statuses = new ConcurrentHashMap<>();
  private volatile boolean away;

  void set(BigInteger serial, CertificateStatus status) {
    statuses.put(SerialNumber.of(serial), status);
  }

  void setAway(boolean away) {
    this.away = away;
  }

  @Override
  public CertificateStatus status(IssuerId issuer, SerialNumber serial) {
    if (away) {
      throw new IllegalStateException("the database is away: secret detail");
    }
    return statuses.getOrDefault(serial, new CertificateStatus.Unknown());
  }

  @Override
  public Outcome revoke(Revocation revocation) {
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
}
