package dev.chancery.crl;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.Octets;
import dev.chancery.core.PreparedCrl;
import dev.chancery.core.PublishedCrl;
import dev.chancery.core.RevocationLedger;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.net.URI;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * The CRLs of one number for one scope, built and not signed: the complete one, and the delta CRL
 * that goes with it. They are in files until this is closed.
 */
final class CrlBuild implements AutoCloseable {
  private final CrlSpool entries;
  private final Optional<CrlSpool> changes;
  private final PreparedCrl complete;
  private final Optional<PreparedCrl> delta;
  private final Optional<PublishedCrl> keptBase;

  private CrlBuild(
      CrlSpool entries,
      Optional<CrlSpool> changes,
      PreparedCrl complete,
      Optional<PreparedCrl> delta,
      Optional<PublishedCrl> keptBase) {
    this.entries = entries;
    this.changes = changes;
    this.complete = complete;
    this.delta = delta;
    this.keptBase = keptBase;
  }

  /**
   * What a build starts from.
   *
   * @param expiringAfter certificates that expired before this are left out
   */
  record Plan(
      CrlIssuer issuer, CrlScope scope, BigInteger number, Instant now, Instant expiringAfter) {}

  /** Looks at the revocations and builds. */
  static CrlBuild of(Plan plan, CrlLedger ledger, RevocationLedger revocations, CrlShelf shelf)
      throws IOException {
    List<URI> locations = ledger.locations(plan.scope());
    boolean partitioned = ledger.scopes(plan.issuer().id()).size() > 1;
    Optional<CrlSettings.Delta> settings =
        locations.isEmpty() ? Optional.empty() : plan.issuer().settings().delta();
    // A base from the future was made before the clock was put back; nobody knows what came after.
    Optional<PublishedCrl> base =
        settings.isPresent()
            ? ledger
                .base(plan.scope())
                .filter(old -> !old.thisUpdate().isAfter(plan.now().plus(CrlPublisher.UNCERTAIN)))
            : Optional.empty();
    CrlSpool entries = CrlSpool.in(shelf.folder());
    Optional<CrlSpool> changes = Optional.empty();
    try {
      if (settings.isPresent()) {
        changes = Optional.of(CrlSpool.in(shelf.folder()));
      }
      look(plan, revocations, entries, changes, base);
      List<URI> distributionPoint = partitioned ? locations : List.of();
      PreparedCrl complete =
          prepared(
              plan,
              plan.issuer().settings().validity().toSeconds(),
              new Contents(
                  Optional.empty(),
                  distributionPoint,
                  settings.map(any -> location(CrlName.delta(plan.scope()), locations.getLast())),
                  entries));
      Optional<PreparedCrl> delta = Optional.empty();
      if (changes.isPresent()) {
        // Without an older one, what the delta starts from is the CRL of the same number.
        BigInteger start = base.map(PublishedCrl::number).orElse(plan.number());
        delta =
            Optional.of(
                prepared(
                    plan,
                    settings.get().validity().toSeconds(),
                    new Contents(
                        Optional.of(start), distributionPoint, Optional.empty(), changes.get())));
      }
      Optional<PublishedCrl> keptBase =
          base.filter(old ->
              plan.now().isBefore(old.thisUpdate().plus(settings.get().base()))
                  && plan.now().isBefore(old.nextUpdate()));
      return new CrlBuild(entries, changes, complete, delta, keptBase);
    } catch (IOException | RuntimeException e) {
      entries.close();
      if (changes.isPresent()) {
        changes.get().close();
      }
      throw e;
    }
  }

  /**
   * The URL of a CRL, from that of the complete one of its scope: each list has its own path below
   * one place.
   */
  static URI location(CrlName name, URI complete) {
    String url = complete.toString();
    String path = CrlName.complete(name.scope()).path();
    if (!url.endsWith(path)) {
      throw new IllegalStateException("not the URL of a CRL of " + name.scope() + ": " + url);
    }
    return URI.create(url.substring(0, url.length() - path.length()) + name.path());
  }

  private static void look(
      Plan plan,
      RevocationLedger revocations,
      CrlSpool entries,
      Optional<CrlSpool> changes,
      Optional<PublishedCrl> base)
      throws IOException {
    if (changes.isEmpty() || base.isEmpty()) {
      forEach(plan, revocations, (entry, encoded) -> entries.add(encoded));
    } else {
      try (DeltaEntries delta =
          new DeltaEntries(
              base.get().encoded().open(),
              new ReleasedSerials(revocations, plan.scope()),
              changes.get(),
              plan.now())) {
        forEach(
            plan,
            revocations,
            (entry, encoded) -> {
              entries.add(encoded);
              delta.add(entry, encoded);
            });
        delta.finish();
      }
    }
    entries.finish();
    if (changes.isPresent()) {
      changes.get().finish();
    }
  }

  private interface Taker {
    void take(RevocationLedger.Entry entry, byte[] encoded) throws IOException;
  }

  private static void forEach(Plan plan, RevocationLedger revocations, Taker taker)
      throws IOException {
    try {
      revocations.forEachRevoked(
          plan.scope(),
          plan.expiringAfter(),
          entry -> {
            try {
              taker.take(entry, CrlEntries.encoded(entry));
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          });
    } catch (UncheckedIOException e) {
      throw new IOException("the entries of a CRL cannot be kept", e);
    }
  }

  private record Contents(
      Optional<BigInteger> base,
      List<URI> distributionPoint,
      Optional<URI> freshest,
      Octets entries) {}

  private static PreparedCrl prepared(Plan plan, long validity, Contents contents) {
    Instant nextUpdate = plan.now().plusSeconds(validity);
    CertificateList list =
        new CertificateList(
            plan.issuer().certificate(),
            plan.issuer().key().scheme(),
            plan.number(),
            plan.now(),
            nextUpdate,
            contents.base(),
            contents.distributionPoint(),
            contents.freshest());
    return new PreparedCrl(
        plan.scope(),
        plan.number(),
        contents.base(),
        plan.now(),
        nextUpdate,
        plan.issuer().key().scheme(),
        list.with(contents.entries()));
  }

  PreparedCrl complete() {
    return complete;
  }

  Optional<PreparedCrl> delta() {
    return delta;
  }

  /** The older complete CRL that delta CRLs go on to start from. */
  Optional<BigInteger> keptBase() {
    return keptBase.map(PublishedCrl::number);
  }

  /** thisUpdate of the complete CRL that the next delta CRL starts from. */
  Instant nextStart() {
    return keptBase.map(PublishedCrl::thisUpdate).orElse(complete.thisUpdate());
  }

  @Override
  public void close() throws IOException {
    try {
      entries.close();
    } finally {
      if (changes.isPresent()) {
        changes.get().close();
      }
    }
  }
}
