package dev.chancery.server;

import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.store.IssuerSuccessions;
import dev.chancery.store.IssuerSuccessions.Live;
import dev.chancery.store.RootRollovers.CrossCertificates;
import dev.chancery.store.RootRollovers.Rollover;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bouncycastle.cert.X509CertificateHolder;

/** The live certificates on either side of a rollover of the root. */
final class RolloverNumbers {
  /**
   * How many certificates are alive.
   *
   * @param onlyOld of those below the old root, the ones that were issued before every node had the
   *     cross-certificate, or end after it: the chains that came with them lead, or will, to the
   *     old root alone
   * @param onlyNew likewise of those below the new root
   */
  record Numbers(
      long belowOld,
      long onlyOld,
      Optional<Instant> oldUntil,
      long belowNew,
      long onlyNew,
      Optional<Instant> newUntil) {}

  private final IssuerSuccessions successions;
  private final IssuerChange issuers;
  private final ServedIssuers served;

  RolloverNumbers(IssuerSuccessions successions, IssuerChange issuers, ServedIssuers served) {
    this.successions = successions;
    this.issuers = issuers;
    this.served = served;
  }

  /** How many certificates are alive on either side of a rollover. */
  Numbers of(Rollover rollover) {
    List<IssuerId> below = served.below(RootRollover.newRoot(rollover));
    List<IssuerId> others = old(rollover);
    Map<IssuerId, Live> old = successions.live(others);
    Map<IssuerId, Live> fresh = successions.live(below);
    Optional<CrossCertificates> crossed = rollover.crossCertificates();
    return new Numbers(
        sum(old.values()),
        sum(single(rollover, others, crossed.map(CrossCertificates::oldByNew), old).values()),
        last(old),
        sum(fresh.values()),
        sum(single(rollover, below, crossed.map(CrossCertificates::newByOld), fresh).values()),
        last(fresh));
  }

  /** Those whose chains do not lead over a cross-certificate to their end. */
  private Map<IssuerId, Live> single(
      Rollover rollover,
      List<IssuerId> issuers,
      Optional<Der> crossed,
      Map<IssuerId, Live> whenThereIsNone) {
    return crossed.isEmpty()
        ? whenThereIsNone
        : successions.liveOutside(
            issuers,
            rollover.crossSignedAt().orElseThrow().plus(TrustView.KNOWN_EVERYWHERE),
            end(crossed.orElseThrow()));
  }

  private static Instant end(Der certificate) {
    return TrustView.decoded(certificate).getNotAfter().toInstant();
  }

  private static Optional<Instant> last(Map<IssuerId, Live> live) {
    return live.values().stream().flatMap(one -> one.until().stream()).max(Instant::compareTo);
  }

  private static long sum(Collection<Live> counts) {
    return counts.stream().mapToLong(Live::number).sum();
  }

  /**
   * Every issuer that is not known here to be below another root than the old one: one that only
   * other nodes serve, or none any more, may be below it.
   */
  List<IssuerId> old(Rollover rollover) {
    X509CertificateHolder oldRoot = RootRollover.oldRoot(rollover);
    return issuers.all().stream()
        .filter(name -> !RootNames.isRoot(name))
        .filter(name -> served.root(name).map(oldRoot::equals).orElse(true))
        .toList();
  }
}
