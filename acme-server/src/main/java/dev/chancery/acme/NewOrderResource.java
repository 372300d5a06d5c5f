package dev.chancery.acme;

import static java.util.stream.Collectors.joining;

import dev.chancery.acme.SignedRequests.SignedRequest;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.Name;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Makes orders (RFC 8555 section 7.4). */
final class NewOrderResource {
  private final Orders orders;
  private final CertificateAuthority authority;
  private final LedgerCertificates certificates;
  private final BindingKeys bindingKeys;
  private final RateLimiter limiter;
  private final Clock clock;
  private final Duration lifetime;

  NewOrderResource(
      Orders orders,
      CertificateAuthority authority,
      LedgerCertificates certificates,
      BindingKeys bindingKeys,
      RateLimiter limiter,
      Clock clock,
      Duration lifetime) {
    this.orders = orders;
    this.authority = authority;
    this.certificates = certificates;
    this.bindingKeys = bindingKeys;
    this.limiter = limiter;
    this.clock = clock;
    this.lifetime = lifetime;
  }

  Reply reply(SignedRequest.ByAccount request) throws AcmeProblem, Refused {
    Payload payload = request.requiredPayload();
    AcmeEndpoint endpoint = request.urls().endpoint();
    Optional<String> replaces = payload.text("replaces");
    if (replaces.isEmpty()) {
      request.account().requireAgreement(endpoint);
    }
    OrderAllowance allowance = bindingKeys.allowance(request.account());
    Choice profile = profile(payload.text("profile"), endpoint);
    allowance.requireProfile(profile.id());
    Optional<Instant> notBefore = payload.instant("notBefore");
    Optional<Instant> notAfter = payload.instant("notAfter");
    // Section 7.4: what could not be fulfilled is refused now, and not after the names were proven.
    // The times first and alone, since they are not the fault of any identifier.
    requirePermitted(endpoint, profile, Set.of(), notBefore, notAfter);
    Set<Name> names = names(payload.objects("identifiers"), endpoint, profile, allowance);
    requirePermitted(endpoint, profile, names, notBefore, notAfter);
    Optional<Renewal> renewal =
        replaces.isEmpty()
            ? Optional.empty()
            : Optional.of(renewal(replaces.get(), names, request));
    boolean renews = renewal.isPresent() && renewal.get().names().containsAll(names);
    if (!renews) {
      // Terms that came or changed since stop no renewal: most clients agree when they register,
      // and never again.
      request.account().requireAgreement(endpoint);
    }
    // Last, so that what is refused anyway is not counted.
    if (renews) {
      limiter.renewal(endpoint);
    } else {
      limiter.newOrder(endpoint, request.account(), names);
    }
    Order order =
        orders
            .create(
                request.account().id(),
                endpoint,
                new Order.Wanted(
                    names,
                    allowance.preauthorized(names),
                    notBefore,
                    notAfter,
                    profile.id(),
                    renewal.map(Renewal::predecessor)),
                Times.now(clock).plus(lifetime))
            .orElseThrow(() ->
                new AcmeProblem(
                    AcmeError.ALREADY_REPLACED,
                    "another order replaces the certificate that this one would replace"));
    return OrderView.reply(201, request.urls(), order);
  }

  /**
   * @param named whether the client named it, or it is the endpoint's default
   */
  private record Choice(ProfileId id, boolean named) {}

  /** The profile that was asked for, or the default one (draft-ietf-acme-profiles section 4). */
  private static Choice profile(Optional<String> asked, AcmeEndpoint endpoint) throws AcmeProblem {
    if (asked.isEmpty()) {
      return new Choice(endpoint.profile(), false);
    }
    return endpoint.profiles().keySet().stream()
        .filter(offered -> offered.value().equals(asked.get()))
        .map(offered -> new Choice(offered, true))
        .findFirst()
        .orElseThrow(() ->
            new AcmeProblem(
                AcmeError.INVALID_PROFILE,
                endpoint.profiles().isEmpty()
                    ? "no profile can be chosen here"
                    : "the profiles that can be chosen here are "
                        + endpoint.profiles().keySet().stream()
                            .map(ProfileId::value)
                            .collect(joining(", "))));
  }

  /**
   * What an order is to replace.
   *
   * @param names those of the certificate
   */
  private record Renewal(Replacements.Predecessor predecessor, Set<Name> names) {}

  /** RFC 9773 section 5: of the same account, and with at least one name in common. */
  private Renewal renewal(String text, Set<Name> names, SignedRequest.ByAccount request)
      throws AcmeProblem {
    CertificateIdentifier identifier;
    try {
      identifier = CertificateIdentifier.parse(text);
    } catch (AcmeProblem e) {
      throw notReplaced(e.problem().detail());
    }
    CertificateRecord found =
        certificates
            .find(request.urls().endpoint(), identifier)
            .orElseThrow(() -> notReplaced("the certificate was not issued here"));
    if (!found.account().equals(Optional.of(request.account().id()))) {
      throw notReplaced("the certificate is not this account's");
    }
    Set<Name> before = CertificateNames.of(found.certificate().orElseThrow());
    if (Collections.disjoint(before, names)) {
      throw notReplaced("the certificate has no name in common with the order");
    }
    return new Renewal(
        new Replacements.Predecessor(identifier, found.issuer(), found.serial(), found.notAfter()),
        before);
  }

  /**
   * Clients order anew without the member when what is malformed is said to be replaces: they look
   * for its name in the detail.
   */
  private static AcmeProblem notReplaced(String why) {
    return AcmeProblem.malformed("replaces: " + why);
  }

  private void requirePermitted(
      AcmeEndpoint endpoint,
      Choice profile,
      Set<Name> names,
      Optional<Instant> notBefore,
      Optional<Instant> notAfter)
      throws AcmeProblem, Refused {
    try {
      authority.requirePermitted(endpoint.issuer(), profile.id(), names, notBefore, notAfter);
    } catch (Refused e) {
      // The same draft: what does not go together with the profile that was named is its fault.
      if (profile.named() && e.reason() == Reason.NOT_OF_PROFILE) {
        throw new AcmeProblem(Problem.of(AcmeError.INVALID_PROFILE, e));
      }
      throw e;
    }
  }

  /** Reads every identifier before refusing any, so that a client hears all that is wrong. */
  private Set<Name> names(
      List<Payload> identifiers, AcmeEndpoint endpoint, Choice profile, OrderAllowance allowance)
      throws AcmeProblem {
    if (identifiers.isEmpty()) {
      throw AcmeProblem.malformed("an order must name at least one identifier");
    }
    if (identifiers.size() > endpoint.mostNames()) {
      throw new AcmeProblem(
          AcmeError.REJECTED_IDENTIFIER,
          "an order may name " + endpoint.mostNames() + " identifiers at most");
    }
    Set<Name> names = new LinkedHashSet<>();
    List<Problem.Subproblem> bad = new ArrayList<>();
    for (Payload identifier : identifiers) {
      String type = identifier.requiredText("type");
      String value = identifier.requiredText("value");
      try {
        Name name = Identifiers.parse(type, value);
        allowance.requireName(name);
        if (!allowance.preauthorizes(name)) {
          endpoint.challenges().requireProvable(name);
        }
        requirePermitted(endpoint, profile, Set.of(name), Optional.empty(), Optional.empty());
        names.add(name);
      } catch (AcmeProblem e) {
        bad.add(subproblem(e.problem(), type, value));
      } catch (Refused e) {
        bad.add(subproblem(Problem.of(e), type, value));
      }
    }
    if (!bad.isEmpty()) {
      throw new AcmeProblem(Problem.ofIdentifiers(bad));
    }
    return names;
  }

  private static Problem.Subproblem subproblem(Problem problem, String type, String value) {
    return new Problem.Subproblem(problem.error(), problem.detail(), Identifiers.json(type, value));
  }
}
