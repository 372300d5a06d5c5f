package dev.chancery.server;

import dev.chancery.core.IssuerId;
import dev.chancery.core.Refused;
import dev.chancery.server.engine.Issuer;
import dev.chancery.store.RootRollovers.CrossCertificates;
import dev.chancery.store.RootRollovers.Rollover;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.bouncycastle.cert.X509CertificateHolder;

/**
 * What the cross-certificates of a rollover must be: of the two roots, and as long as chains need
 * them.
 */
final class CrossSigning {
  private final ServedIssuers served;
  private final RootRollover.Settings settings;
  private final Clock clock;

  CrossSigning(ServedIssuers served, RootRollover.Settings settings, Clock clock) {
    this.served = served;
    this.settings = settings;
    this.clock = clock;
  }

  /**
   * Refuses certificates with which not every chain would lead to both roots.
   *
   * @param numbers what is alive
   */
  void require(
      Rollover rollover,
      RolloverNumbers.Numbers numbers,
      X509CertificateHolder oldByNew,
      X509CertificateHolder newByOld)
      throws Refused {
    X509CertificateHolder before = RootRollover.oldRoot(rollover);
    X509CertificateHolder after = RootRollover.newRoot(rollover);
    requireCrossed("oldByNew", oldByNew, before, after);
    requireCrossed("newByOld", newByOld, after, before);
    requireLongEnough("oldByNew", oldByNew, after, rollover, numbers);
    requireLongEnough("newByOld", newByOld, before, rollover, numbers);
    requirePaths(before, oldByNew, after);
    requirePaths(after, newByOld, before);
  }

  /** Whether one of those that were taken ends before what is issued now. */
  Optional<String> ending(Rollover rollover) {
    CrossCertificates crossed = rollover.crossCertificates().orElseThrow();
    X509CertificateHolder oldByNew = TrustView.decoded(crossed.oldByNew());
    X509CertificateHolder newByOld = TrustView.decoded(crossed.newByOld());
    Instant now = clock.instant();
    return ending("oldByNew", oldByNew, RootRollover.newRoot(rollover), now)
        .or(() -> ending("newByOld", newByOld, RootRollover.oldRoot(rollover), now));
  }

  private void requireCrossed(
      String which,
      X509CertificateHolder certificate,
      X509CertificateHolder certified,
      X509CertificateHolder above)
      throws Refused {
    if (!Issuer.isSameAuthority(certificate, certified)) {
      throw JsonBody.bad(
          which + " has not name, key and key identifier of the root " + certified.getSubject());
    }
    if (!CertificationPath.isSigned(certificate, above)) {
      throw JsonBody.bad(which + " is not signed by the root " + above.getSubject());
    }
    requirePath(which + ": ", List.of(certificate), above);
  }

  /** The chains of what is alive, and of what is still issued, are to lead to both roots. */
  private void requireLongEnough(
      String which,
      X509CertificateHolder certificate,
      X509CertificateHolder above,
      Rollover rollover,
      RolloverNumbers.Numbers numbers)
      throws Refused {
    Instant end = certificate.getNotAfter().toInstant();
    for (boolean old : List.of(true, false)) {
      Optional<Instant> last = old ? numbers.oldUntil() : numbers.newUntil();
      if (last.filter(until -> end.isBefore(within(until, above))).isPresent()) {
        throw JsonBody.bad(
            "%s ends at %s, and the last live certificate below the %s root at %s"
                .formatted(which, end, old ? "old" : "new", last.orElseThrow()));
      }
    }
    Instant now = clock.instant();
    Instant from = rollover.publishedAt().orElseThrow().plus(settings.publishedFor());
    Optional<String> obstacle = ending(which, certificate, above, from.isBefore(now) ? now : from);
    if (obstacle.isPresent()) {
      throw JsonBody.bad(obstacle.get());
    }
  }

  /** Whether a cross-certificate ends before what is issued below both roots at a time. */
  private Optional<String> ending(
      String which, X509CertificateHolder certificate, X509CertificateHolder above, Instant from) {
    Instant end = certificate.getNotAfter().toInstant();
    Instant needed = from.plus(settings.longest());
    return end.isBefore(within(needed, above))
        ? Optional.of(
            "%s ends at %s, and a certificate that is issued at %s can live until %s"
                .formatted(which, end, from, needed))
        : Optional.empty();
  }

  /** No cross-certificate is of use after the end of the root that signed it. */
  private static Instant within(Instant time, X509CertificateHolder root) {
    Instant end = root.getNotAfter().toInstant();
    return time.isBefore(end) ? time : end;
  }

  /** What every client will do with the chains, done once before any does. */
  private void requirePaths(
      X509CertificateHolder root, X509CertificateHolder crossed, X509CertificateHolder other)
      throws Refused {
    for (IssuerId issuer : served.below(root)) {
      List<X509CertificateHolder> chain = new ArrayList<>();
      served.chain(issuer).forEach(one -> chain.add(TrustView.decoded(one)));
      chain.add(crossed);
      requirePath("with issuer " + issuer + ": ", chain, other);
    }
  }

  private void requirePath(
      String where, List<X509CertificateHolder> chain, X509CertificateHolder root) throws Refused {
    try {
      CertificationPath.require(where, chain, new TrustBundle(List.of(root)), clock.instant());
    } catch (ConfigurationInvalid e) {
      throw JsonBody.bad(String.valueOf(e.getMessage()));
    }
  }
}
