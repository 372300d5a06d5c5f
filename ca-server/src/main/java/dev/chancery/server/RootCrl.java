package dev.chancery.server;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuerId;
import dev.chancery.core.PublishedCrl;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.SerialNumber;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import org.bouncycastle.cert.X509CRLHolder;

/**
 * Says whether a root needs a new CRL. No server can make it, because the root's key is offline:
 * only a ceremony does, or {@code chancery init} with the root's token at hand
 * (docs/revocation.md).
 */
final class RootCrl {
  static final Duration LIFETIME = Duration.ofDays(365);

  private final CrlScope scope;
  private final CrlLedger crls;
  private final RevocationLedger revocations;
  private final Clock clock;

  RootCrl(IssuerId root, CrlLedger crls, RevocationLedger revocations, Clock clock) {
    this.scope = CrlScope.unsharded(root);
    this.crls = crls;
    this.revocations = revocations;
    this.clock = clock;
  }

  /** A root's CRL as it is published; it has no shards. */
  static Optional<PublishedCrl> current(CrlLedger crls, IssuerId root) {
    return crls.current(CrlName.complete(CrlScope.unsharded(root)));
  }

  /** Why a new one is due; empty when none is. */
  Optional<String> due() {
    Optional<PublishedCrl> current = current(crls, scope.issuer());
    if (current.isEmpty()) {
      return Optional.of(name() + " has no CRL");
    }
    Instant now = clock.instant();
    Instant made = current.get().thisUpdate();
    // An import takes a list's entries into the ledger after the list was made.
    if (revocations.anyRecorded(scope, made, now)
        && !lacking(decoded(current.get()), now).isEmpty()) {
      return Optional.of("the CRL of " + name() + " lacks a revocation");
    }
    // The root's token comes out rarely, so its CRL is replaced when half of its time is over.
    Instant end = current.get().nextUpdate();
    return made.plus(Duration.between(made, end).dividedBy(2)).isAfter(now)
        ? Optional.empty()
        : Optional.of("the CRL of " + name() + " ends at " + end);
  }

  /**
   * What a list must hold, and does not: what the ledger says is revoked and has not ended at a
   * time.
   */
  SortedSet<SerialNumber> lacking(X509CRLHolder list, Instant at) {
    SortedSet<SerialNumber> lacking = new TreeSet<>();
    revocations.forEachRevoked(
        scope,
        at,
        entry -> {
          if (list.getRevokedCertificate(entry.serial().value()) == null) {
            lacking.add(entry.serial());
          }
        });
    return lacking;
  }

  /** A root's list, which is short. */
  static X509CRLHolder decoded(PublishedCrl crl) {
    try (InputStream in = crl.encoded().open()) {
      return new X509CRLHolder(in.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException("a published CRL cannot be read", e);
    }
  }

  private String name() {
    IssuerId root = scope.issuer();
    return root.equals(Initialization.ROOT) ? "the root" : root.value();
  }
}
