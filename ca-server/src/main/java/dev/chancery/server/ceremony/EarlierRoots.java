package dev.chancery.server.ceremony;

import dev.chancery.core.Refused;
import dev.chancery.server.engine.CaCertificates;
import dev.chancery.server.engine.Issuer;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bouncycastle.cert.X509CertificateHolder;

/** The roots that earlier ceremonies have made, as plans go on with them. */
final class EarlierRoots {
  private EarlierRoots() {}

  /** The certificate of a plan's root; empty when the plan makes one. */
  static Optional<X509CertificateHolder> certificate(CeremonyPlan plan, Source files)
      throws CeremonyRefused {
    return plan.root() instanceof CeremonyPlan.EarlierRoot root
        ? Optional.of(Keys.certificate(root.file(), root.input().read(files)))
        : Optional.empty();
  }

  /**
   * Refuses a plan of which a root could not certify everything: its end, its path length and its
   * name constraints stand in its certificate, and everything below keeps to them.
   *
   * @param subjects what is certified for each item
   * @param clock when
   */
  static void requireBelow(
      X509CertificateHolder root,
      CeremonyPlan plan,
      Map<CeremonyPlan.Item, Keys.Subject> subjects,
      Clock clock,
      SecureRandom random)
      throws CeremonyRefused {
    Issuer issuer;
    try {
      issuer = Issuer.of(Ceremony.ROOT, root, List.of(List.of()), Optional.empty(), plan.urls());
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw new CeremonyRefused(String.valueOf(e.getMessage()));
    }
    for (Map.Entry<CeremonyPlan.Item, Keys.Subject> each : subjects.entrySet()) {
      CeremonyPlan.Item item = each.getKey();
      Keys.Subject subject = each.getValue();
      try {
        CaCertificates.requireBelow(
            issuer,
            new CaCertificates.Wanted(
                CeremonyProfiles.of(item, plan.urls(), subject),
                subject.key(),
                subject.name(),
                item.notAfter()),
            clock,
            random);
      } catch (Refused e) {
        throw new CeremonyRefused(item.name() + ": " + e.getMessage());
      }
    }
  }
}
