package dev.chancery.server.engine;

import dev.chancery.core.Approval;
import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Profile;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Refused;
import dev.chancery.core.RequestId;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.core.TokenAway;
import dev.chancery.hsm.IssuerKey;
import dev.chancery.server.profiles.BuiltInProfiles;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.asn1.x500.X500Name;

/**
 * Makes the certificates of CAs, by the same cycle as every other: recorded, then signed. The
 * ledger must know an issuer's name and key before.
 */
public final class CaCertificates {
  private final IssuanceLedger issuance;
  private final RevocationLedger revocations;
  private final Clock clock;
  private final SecureRandom random;

  public CaCertificates(
      IssuanceLedger issuance, RevocationLedger revocations, Clock clock, SecureRandom random) {
    this.issuance = issuance;
    this.revocations = revocations;
    this.clock = clock;
    this.random = random;
  }

  /**
   * Makes a self-signed root.
   *
   * @param lifetime from now on
   */
  public IssuedCertificate root(IssuerId id, IssuerKey key, X500Name subject, Duration lifetime)
      throws Refused, TokenAway {
    return issue(
        Issuer.founding(id, subject, key),
        BuiltInProfiles.ROOT_CA,
        List.of(),
        key.publicKey(),
        subject,
        lifetime);
  }

  /**
   * Makes the certificate of a CA below another.
   *
   * @param parent the issuer that signs; its key must be at hand
   * @param profile one with the basic constraint of a CA
   * @param lifetime from now on; it must end before the parent's
   */
  public IssuedCertificate intermediate(
      Issuer parent, Profile profile, SubjectPublicKey key, X500Name subject, Duration lifetime)
      throws Refused, TokenAway {
    return issue(parent, profile.id(), List.of(profile), key, subject, lifetime);
  }

  private IssuedCertificate issue(
      Issuer issuer,
      ProfileId profile,
      List<Profile> profiles,
      SubjectPublicKey key,
      X500Name subject,
      Duration lifetime)
      throws Refused, TokenAway {
    IssuingAuthority authority =
        new IssuingAuthority(
            new Catalogue(List.of(issuer), profiles),
            issuance,
            revocations,
            clock,
            random,
            revoked -> {});
    RequestId request = new RequestId(new TimeOrderedIds(clock, random).next());
    return authority.issue(
        new IssuanceRequest(
            issuer.id(),
            profile,
            key,
            subject,
            Set.of(),
            Optional.empty(),
            Optional.of(clock.instant().plus(lifetime).truncatedTo(ChronoUnit.SECONDS)),
            new Approval.Infrastructure("CA certificate", request)));
  }
}
