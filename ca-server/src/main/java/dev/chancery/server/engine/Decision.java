package dev.chancery.server.engine;

import dev.chancery.core.Approval;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Name;
import dev.chancery.core.Profile;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.SerialNumber;
import dev.chancery.server.profiles.BuiltInProfiles;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.bouncycastle.asn1.x500.X500Name;

/** Decides whether a request is granted, and what exactly the certificate will say. */
final class Decision {
  private final Catalogue catalogue;
  private final Clock clock;
  private final SecureRandom random;

  Decision(Catalogue catalogue, Clock clock, SecureRandom random) {
    this.catalogue = catalogue;
    this.clock = clock;
    this.random = random;
  }

  /**
   * Decides on a request.
   *
   * @throws Refused for the first thing that profile, issuer or policy do not allow
   */
  Grant on(IssuanceRequest request) throws Refused {
    Issuer issuer = catalogue.issuer(request.issuer());
    Profile profile = catalogue.profile(request.profile()).restrictedTo(request.restriction());
    requireAuthority(request, issuer, profile);
    catalogue.requireUsable(request.publicKey());
    requireKey(request, issuer, profile);
    requireNames(issuer, profile, request.names());
    if (profile.names().required() && request.names().isEmpty()) {
      throw new Refused(
          Reason.BAD_CSR,
          "profile " + profile.id() + " wants at least one name, and there is none");
    }
    requirePointers(issuer, profile);
    X500Name subject = Subjects.of(profile.subject(), request.subject(), request.names());
    if (subject.getRDNs().length == 0
        && (request.names().isEmpty()
            || profile.constraint() instanceof Profile.Constraint.Authority)) {
      throw new Refused(Reason.BAD_CSR, "the certificate would have neither subject nor names");
    }
    issuer.constraints().require(subject, request.names());
    Instant now = clock.instant();
    Period period = period(issuer, profile, request.notBefore(), request.notAfter(), now);
    return new Grant(
        issuer,
        profile,
        SerialNumber.next(now, random),
        period,
        subject,
        request.names(),
        request.publicKey());
  }

  /** As {@link dev.chancery.core.CertificateAuthority#requirePermitted}. */
  void requirePermitted(
      IssuerId issuerId,
      ProfileId profileId,
      Set<Name> names,
      Optional<Instant> notBefore,
      Optional<Instant> notAfter)
      throws Refused {
    Issuer issuer = catalogue.issuer(issuerId);
    Profile profile = catalogue.profile(profileId);
    requireNames(issuer, profile, names);
    Period _ = period(issuer, profile, notBefore, notAfter, clock.instant());
  }

  private static Period period(
      Issuer issuer,
      Profile profile,
      Optional<Instant> notBefore,
      Optional<Instant> notAfter,
      Instant now)
      throws Refused {
    return Period.of(notBefore, notAfter, profile.validity(), issuer.period(), now);
  }

  private static void requireNames(Issuer issuer, Profile profile, Set<Name> names) throws Refused {
    Profile.NameRule rule = profile.names();
    if (names.size() > rule.most()) {
      throw new Refused(
          Reason.NOT_OF_PROFILE,
          "profile "
              + profile.id()
              + " allows at most "
              + rule.most()
              + " names, not "
              + names.size());
    }
    for (Name name : names) {
      if (!rule.kinds().contains(name.kind())) {
        throw new Refused(
            Reason.NOT_OF_PROFILE,
            "profile " + profile.id() + " does not certify " + name.kind() + " names");
      }
      rule.policy().require(name);
    }
    issuer.constraints().require(names);
  }

  /** Whether this requester may have this kind of certificate from this issuer at all. */
  private static void requireAuthority(IssuanceRequest request, Issuer issuer, Profile profile)
      throws Refused {
    boolean authority = profile.constraint() instanceof Profile.Constraint.Authority;
    if (issuer.isFounding() ? !authority : profile.id().equals(BuiltInProfiles.ROOT_CA)) {
      throw notPermitted("only a root that is being made can have a root certificate, by itself");
    }
    switch (request.approval()) {
      case Approval.Infrastructure infrastructure -> {}
      case Approval.TrustedRequester requester -> {
        requireForRequesters(profile);
        if (authority != requester.forAuthorities()) {
          throw notPermitted(
              authority
                  ? "profile " + profile.id() + " makes CAs, and the role is not for these"
                  : "the role is for CAs, and profile " + profile.id() + " makes none");
        }
      }
      case Approval.ValidatedOrder order -> {
        requireForRequesters(profile);
        if (authority) {
          throw notForRequesters(profile);
        }
        if (profile.subject() == Profile.SubjectRule.REQUESTED) {
          // An order proves names (RFC 8555 section 7.1.3) and nothing else that a subject says.
          throw notPermitted(
              "profile " + profile.id() + " certifies a subject, which an order cannot prove");
        }
      }
    }
    if (profile.constraint() instanceof Profile.Constraint.Authority(OptionalInt below, _)
        && issuer.pathLength().isPresent()) {
      int limit = issuer.pathLength().getAsInt();
      if (limit == 0 || below.isEmpty() || below.getAsInt() >= limit) {
        throw notPermitted(
            "the path length of issuer "
                + issuer.id()
                + " is "
                + limit
                + ", too short for a CA of profile "
                + profile.id());
      }
    }
  }

  private static void requireForRequesters(Profile profile) throws Refused {
    if (BuiltInProfiles.ALL.containsKey(profile.id())) {
      throw notForRequesters(profile);
    }
  }

  private static Refused notForRequesters(Profile profile) {
    return notPermitted("profile " + profile.id() + " is not for requesters");
  }

  private static void requireKey(IssuanceRequest request, Issuer issuer, Profile profile)
      throws Refused {
    if (!profile.keyAlgorithms().contains(request.publicKey().algorithm())) {
      throw new Refused(
          Reason.BAD_PUBLIC_KEY,
          "profile "
              + profile.id()
              + " does not certify "
              + request.publicKey().algorithm()
              + " keys");
    }
    if (!profile.keyUsage().isEmpty()
        && KeyUsages.fitting(profile.keyUsage(), request.publicKey().algorithm()).isEmpty()) {
      throw new Refused(
          Reason.BAD_PUBLIC_KEY,
          "the key usages of profile " + profile.id() + " are none that such a key has");
    }
    boolean own =
        issuer.key().isPresent() && issuer.key().get().publicKey().equals(request.publicKey());
    if (own != issuer.isFounding()) {
      throw new Refused(Reason.BAD_PUBLIC_KEY, "an issuer does not certify its own key");
    }
  }

  // A certificate without the pointers that its profile promises could never be checked.
  private static void requirePointers(Issuer issuer, Profile profile) throws Refused {
    Profile.StatusSources sources = profile.statusSources();
    Issuer.Urls urls = issuer.urls();
    if ((sources.crl() && urls.crl().isEmpty())
        || (sources.ocsp() && urls.ocsp().isEmpty())
        || (sources.caIssuers() && urls.caIssuers().isEmpty())) {
      throw notPermitted(
          "profile "
              + profile.id()
              + " points to a CRL, an OCSP responder or an issuer certificate that issuer "
              + issuer.id()
              + " does not publish");
    }
  }

  private static Refused notPermitted(String message) {
    return new Refused(Reason.NOT_PERMITTED, message);
  }
}
