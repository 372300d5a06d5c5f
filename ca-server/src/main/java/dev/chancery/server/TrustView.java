package dev.chancery.server;

import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.store.IssuerSuccessions;
import dev.chancery.store.IssuerSuccessions.Succession;
import dev.chancery.store.RootRollovers;
import dev.chancery.store.RootRollovers.CrossCertificates;
import dev.chancery.store.RootRollovers.Rollover;
import dev.chancery.store.RootRollovers.State;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.bouncycastle.cert.X509CertificateHolder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What operators change while the server runs: which roots clients are given, which issuers sign,
 * and by which chains their certificates are presented. It is read from the database, at most a
 * second old, and stays as it was while the database is away.
 */
final class TrustView {
  private static final Logger LOG = LoggerFactory.getLogger(TrustView.class);
  private static final Duration FRESH = Duration.ofSeconds(1);

  /**
   * After this, no node does anything by what was before a change: what another one has in its view
   * is {@link #FRESH}, and a change is dated before its transaction waits for its turn.
   */
  static final Duration KNOWN_EVERYWHERE = Duration.ofSeconds(10);

  private final TrustBundle configured;
  private final IssuerSuccessions successions;
  private final RootRollovers rollovers;
  private final Clock clock;
  private final LongSupplier nanoTime;
  private volatile @Nullable Seen seen;

  private record Seen(Snapshot snapshot, long at) {}

  /**
   * Ready to look.
   *
   * @param configured the roots of the configuration
   */
  TrustView(
      TrustBundle configured,
      IssuerSuccessions successions,
      RootRollovers rollovers,
      Clock clock,
      LongSupplier nanoTime) {
    this.configured = configured;
    this.successions = successions;
    this.rollovers = rollovers;
    this.clock = clock;
    this.nanoTime = nanoTime;
  }

  /**
   * How it is now, or was less than a second ago.
   *
   * @throws RuntimeException when the database was never read and does not answer
   */
  Snapshot now() {
    Seen last = seen;
    if (last != null && nanoTime.getAsLong() - last.at() < FRESH.toNanos()) {
      return last.snapshot();
    }
    try {
      return look();
    } catch (RuntimeException e) {
      if (last == null) {
        throw e;
      }
      LOG.warn("roots and issuers stay as they were: {}", e.toString());
      seen = new Seen(last.snapshot(), nanoTime.getAsLong());
      return last.snapshot();
    }
  }

  /** How it is now, for sure. */
  Snapshot look() {
    long at = nanoTime.getAsLong();
    Map<IssuerId, Succession> replaced = successions.all();
    List<Rollover> all = rollovers.all();
    Seen last = seen;
    // The same one when nothing changed, for what is worked out of it is kept with it.
    Snapshot snapshot =
        last != null
                && last.snapshot().successions.equals(replaced)
                && last.snapshot().rollovers.equals(all)
            ? last.snapshot()
            : new Snapshot(configured, replaced, all, clock);
    seen = new Seen(snapshot, at);
    return snapshot;
  }

  /** How it was at one moment. */
  static final class Snapshot {
    private final Map<IssuerId, Succession> successions;
    private final List<Rollover> rollovers;
    private final TrustBundle bundle;
    private final Optional<Instant> crossedUntil;
    private final Clock clock;
    private final ConcurrentMap<List<List<Der>>, List<List<Der>>> chains =
        new ConcurrentHashMap<>();

    private Snapshot(
        TrustBundle configured,
        Map<IssuerId, Succession> successions,
        List<Rollover> rollovers,
        Clock clock) {
      this.successions = Map.copyOf(successions);
      this.rollovers = List.copyOf(rollovers);
      this.bundle = bundle(configured, rollovers);
      this.crossedUntil = crossedUntil(inProgress());
      this.clock = clock;
    }

    private static TrustBundle bundle(TrustBundle configured, List<Rollover> rollovers) {
      Set<X509CertificateHolder> roots = new LinkedHashSet<>(configured.roots());
      for (Rollover rollover : rollovers) {
        if (rollover.state().compareTo(State.PUBLISHED) >= 0) {
          roots.add(decoded(rollover.newRoot().certificate()));
        } else {
          roots.remove(decoded(rollover.newRoot().certificate()));
        }
        if (rollover.state() == State.RETIRED) {
          roots.remove(decoded(rollover.oldRoot().certificate()));
        }
      }
      return new TrustBundle(List.copyOf(roots));
    }

    /** The roots that clients are given. */
    TrustBundle bundle() {
      return bundle;
    }

    /**
     * Whether certificates may be issued below a root: clients are given it, and when it is to take
     * the place of another, they had the time for it.
     */
    boolean isInUse(X509CertificateHolder root) {
      boolean coming =
          inProgress()
              .filter(rollover -> rollover.state().compareTo(State.SWITCHED) < 0)
              .filter(rollover -> decoded(rollover.newRoot().certificate()).equals(root))
              .isPresent();
      return !coming && bundle.roots().contains(root);
    }

    /** The issuers that were replaced, each with what became of it. */
    Map<IssuerId, Succession> successions() {
      return successions;
    }

    /** Every rollover, the oldest first. */
    List<Rollover> rollovers() {
      return rollovers;
    }

    /** The last rollover, when it is not over. */
    Optional<Rollover> inProgress() {
      return rollovers.isEmpty() || rollovers.getLast().state() == State.RETIRED
          ? Optional.empty()
          : Optional.of(rollovers.getLast());
    }

    /** Who signs when this issuer is asked to. */
    IssuerId active(IssuerId issuer) {
      IssuerId active = issuer;
      Set<IssuerId> passed = new LinkedHashSet<>();
      for (Succession next = successions.get(active);
          next != null && passed.add(active);
          next = successions.get(active)) {
        active = next.successor();
      }
      return active;
    }

    /** When the first of the cross-certificates of the rollover in progress ends. */
    Optional<Instant> crossedUntil() {
      return crossedUntil;
    }

    private static Optional<Instant> crossedUntil(Optional<Rollover> inProgress) {
      return inProgress
          .flatMap(Rollover::crossCertificates)
          .map(crossed ->
              Stream.of(crossed.oldByNew(), crossed.newByOld())
                  .map(each -> decoded(each).getNotAfter().toInstant())
                  .min(Comparator.naturalOrder())
                  .orElseThrow());
    }

    /**
     * An issuer's chains: while there are cross-certificates, first the one that leads over them to
     * the other root. Whoever trusts either root finds it in that one. One that has ended leads
     * nowhere, and is left out.
     *
     * @param own as its files have them, the default one first; none with a root
     */
    List<List<Der>> chains(List<List<Der>> own) {
      Optional<Rollover> crossed =
          inProgress()
              .filter(_ -> crossedUntil.filter(end -> clock.instant().isBefore(end)).isPresent());
      return crossed.isEmpty() || own.isEmpty() || own.getFirst().isEmpty()
          ? own
          : chains.computeIfAbsent(own, chains -> crossed(chains, crossed.get()));
    }

    private static List<List<Der>> crossed(List<List<Der>> own, Rollover rollover) {
      CrossCertificates crossCertificates = rollover.crossCertificates().orElseThrow();
      X509CertificateHolder top = decoded(own.getFirst().getLast());
      Optional<Der> above =
          CertificationPath.isSigned(top, decoded(rollover.oldRoot().certificate()))
              ? Optional.of(crossCertificates.oldByNew())
              : CertificationPath.isSigned(top, decoded(rollover.newRoot().certificate()))
                  ? Optional.of(crossCertificates.newByOld())
                  : Optional.empty();
      if (above.isEmpty()) {
        return own;
      }
      List<Der> longer = new ArrayList<>(own.getFirst());
      longer.add(above.get());
      Set<List<Der>> all = new LinkedHashSet<>();
      all.add(List.copyOf(longer));
      all.addAll(own);
      return List.copyOf(all);
    }
  }

  /** A certificate that this server has kept. */
  static X509CertificateHolder decoded(Der certificate) {
    try {
      return new X509CertificateHolder(certificate.bytes());
    } catch (IOException e) {
      throw new IllegalStateException("what was kept as a certificate is none", e);
    }
  }
}
