package dev.chancery.server.ceremony;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Profile;
import dev.chancery.core.Profile.KeyUsageBit;
import dev.chancery.core.ProfileId;
import dev.chancery.server.engine.Issuer;
import dev.chancery.server.profiles.BuiltInProfiles;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.NameConstraints;
import org.bouncycastle.asn1.x509.TBSCertificate;

/** What the certificates of a plan look like: the engine makes and lints them as any others. */
final class CeremonyProfiles {
  private static final Duration BACKDATE = Duration.ofMinutes(5);

  /** What is certified lasts as long at least. */
  static final Duration SHORTEST = Duration.ofDays(1);

  private static final Profile.Validity ANY =
      new Profile.Validity(SHORTEST, Duration.ofMinutes(1), Duration.ofDays(40 * 366), BACKDATE);

  private CeremonyProfiles() {}

  /**
   * Whether something begins when it was made: after the line before that of its signing, and not
   * after that.
   *
   * @param begin in whole seconds
   */
  static boolean isMadeBetween(Instant begin, Instant before, Instant signing) {
    return !begin.isBefore(before.truncatedTo(ChronoUnit.SECONDS)) && !begin.isAfter(signing);
  }

  /** As the other, for a certificate, which begins somewhat earlier. */
  static boolean isMadeBetween(TBSCertificate certificate, Instant before, Instant signing) {
    return isMadeBetween(
        certificate.getStartDate().getDate().toInstant(), before.minus(BACKDATE), signing);
  }

  static Profile of(CeremonyPlan.NewRoot root) {
    return authority(
        CeremonyPlan.ROOT,
        Set.of(root.algorithm()),
        root.pathLength(),
        root.nameConstraints(),
        BuiltInProfiles.NO_POINTERS);
  }

  /**
   * @param urls what the root publishes: what is there is pointed to
   * @param subject what is certified
   */
  static Profile of(CeremonyPlan.Item item, Issuer.Urls urls, Keys.Subject subject) {
    Profile.StatusSources sources =
        new Profile.StatusSources(
            urls.crl().isPresent(), urls.ocsp().isPresent(), urls.caIssuers().isPresent(), false);
    return switch (item) {
      case CeremonyPlan.Intermediate ca ->
          authority(
              ca.name(), Set.of(ca.algorithm()), ca.pathLength(), ca.nameConstraints(), sources);
      case CeremonyPlan.CrossCertificate cross ->
          authority(
              cross.name(),
              Set.of(subject.key().algorithm()),
              cross.pathLength(),
              subject.nameConstraints(),
              sources);
      case CeremonyPlan.OcspSigner signer ->
          profile(
              signer.name(),
              Set.of(signer.algorithm()),
              Set.of(KeyUsageBit.DIGITAL_SIGNATURE),
              List.of(KeyPurposeId.id_kp_OCSPSigning),
              new Profile.Constraint.EndEntity(),
              BuiltInProfiles.NO_POINTERS);
    };
  }

  private static Profile authority(
      String name,
      Set<KeyAlgorithm> keys,
      OptionalInt pathLength,
      Optional<NameConstraints> nameConstraints,
      Profile.StatusSources sources) {
    return profile(
        name,
        keys,
        Set.of(KeyUsageBit.KEY_CERT_SIGN, KeyUsageBit.CRL_SIGN),
        List.of(),
        new Profile.Constraint.Authority(pathLength, nameConstraints),
        sources);
  }

  private static Profile profile(
      String name,
      Set<KeyAlgorithm> keys,
      Set<KeyUsageBit> usage,
      List<KeyPurposeId> purposes,
      Profile.Constraint constraint,
      Profile.StatusSources sources) {
    return new Profile(
        new ProfileId("ceremony-" + name),
        "an item of a ceremony's plan",
        keys,
        ANY,
        Profile.SubjectRule.REQUESTED,
        BuiltInProfiles.NO_NAMES,
        usage,
        purposes.stream().map(KeyPurposeId::toOID).toList(),
        List.of(),
        constraint,
        sources);
  }
}
