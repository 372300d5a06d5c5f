package dev.chancery.acme;

import dev.chancery.acme.SignedRequests.SignedRequest;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.Name;
import dev.chancery.core.Refused;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Makes orders (RFC 8555 section 7.4). */
final class NewOrderResource {
  private final Orders orders;
  private final CertificateAuthority authority;
  private final BindingKeys bindingKeys;
  private final Clock clock;
  private final Duration lifetime;

  NewOrderResource(
      Orders orders,
      CertificateAuthority authority,
      BindingKeys bindingKeys,
      Clock clock,
      Duration lifetime) {
    this.orders = orders;
    this.authority = authority;
    this.bindingKeys = bindingKeys;
    this.clock = clock;
    this.lifetime = lifetime;
  }

  Reply reply(SignedRequest.ByAccount request) throws AcmeProblem, Refused {
    Payload payload = request.requiredPayload();
    AcmeEndpoint endpoint = request.urls().endpoint();
    OrderAllowance allowance = bindingKeys.allowance(request.account());
    allowance.requireProfile(endpoint.profile());
    Optional<Instant> notBefore = payload.instant("notBefore");
    Optional<Instant> notAfter = payload.instant("notAfter");
    // Section 7.4: what could not be fulfilled is refused now, and not after the names were proven.
    // The times first and alone, since they are not the fault of any identifier.
    requirePermitted(endpoint, Set.of(), notBefore, notAfter);
    Set<Name> names = names(payload.objects("identifiers"), endpoint, allowance);
    requirePermitted(endpoint, names, notBefore, notAfter);
    Instant expires = Times.now(clock).plus(lifetime);
    Order order =
        orders.create(
            request.account().id(),
            endpoint.challenges(),
            names,
            allowance.preauthorized(names),
            expires,
            notBefore,
            notAfter,
            endpoint.authorizations().reuse());
    return OrderView.reply(201, request.urls(), order);
  }

  private void requirePermitted(
      AcmeEndpoint endpoint,
      Set<Name> names,
      Optional<Instant> notBefore,
      Optional<Instant> notAfter)
      throws Refused {
    authority.requirePermitted(endpoint.issuer(), endpoint.profile(), names, notBefore, notAfter);
  }

  /** Reads every identifier before refusing any, so that a client hears all that is wrong. */
  private Set<Name> names(
      List<Payload> identifiers, AcmeEndpoint endpoint, OrderAllowance allowance)
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
        requirePermitted(endpoint, Set.of(name), Optional.empty(), Optional.empty());
        names.add(name);
      } catch (AcmeProblem e) {
        bad.add(subproblem(e.problem(), type, value));
      } catch (Refused e) {
        bad.add(subproblem(Problem.of(e), type, value));
      }
    }
    requireNone(bad);
    return names;
  }

  private static Problem.Subproblem subproblem(Problem problem, String type, String value) {
    return new Problem.Subproblem(problem.error(), problem.detail(), Identifiers.json(type, value));
  }

  /** RFC 8555 section 6.7.1: one bad identifier speaks for itself, several are listed. */
  private static void requireNone(List<Problem.Subproblem> bad) throws AcmeProblem {
    if (bad.isEmpty()) {
      return;
    }
    Problem.Subproblem first = bad.getFirst();
    if (bad.size() == 1) {
      throw new AcmeProblem(new Problem(first.error(), first.detail(), bad));
    }
    boolean alike = bad.stream().allMatch(one -> one.error() == first.error());
    throw new AcmeProblem(
        new Problem(
            alike ? first.error() : AcmeError.MALFORMED,
            bad.size() + " identifiers cannot be certified",
            bad));
  }
}
