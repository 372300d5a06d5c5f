package dev.chancery.acme;

import dev.chancery.acme.SignedRequests.SignedRequest;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.Name;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Refused;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;

/** Makes an authorization before there is an order for it (RFC 8555 section 7.4.1). */
final class NewAuthorizationResource {
  private final Orders orders;
  private final Authorizations authorizations;
  private final CertificateAuthority authority;
  private final BindingKeys bindingKeys;
  private final RateLimiter limiter;
  private final Clock clock;
  private final Duration lifetime;

  /**
   * @param lifetime for how long a new authorization can be proven
   */
  NewAuthorizationResource(
      Orders orders,
      Authorizations authorizations,
      CertificateAuthority authority,
      BindingKeys bindingKeys,
      RateLimiter limiter,
      Clock clock,
      Duration lifetime) {
    this.orders = orders;
    this.authorizations = authorizations;
    this.authority = authority;
    this.bindingKeys = bindingKeys;
    this.limiter = limiter;
    this.clock = clock;
    this.lifetime = lifetime;
  }

  Reply reply(SignedRequest.ByAccount request) throws AcmeProblem {
    AcmeUrls urls = request.urls();
    if (!urls.endpoint().authorizations().inAdvance()) {
      throw AcmeProblem.notFound();
    }
    request.account().requireAgreement(urls.endpoint());
    OrderAllowance allowance = bindingKeys.allowance(request.account());
    Name name = name(request.requiredPayload().payload("identifier"), urls.endpoint(), allowance);
    limiter.newAuthorization(urls.endpoint(), request.account());
    Orders.InAdvance made =
        orders.authorizeInAdvance(
            request.account().id(),
            urls.endpoint().challenges(),
            name,
            allowance.preauthorizes(name),
            Times.now(clock).plus(lifetime));
    Authorization authorization =
        authorizations.find(request.account().id(), made.id()).orElseThrow(AcmeProblem::notFound);
    return AuthorizationView.reply(made.existing() ? 200 : 201, urls, authorization)
        .withLocation(urls.authorization(made.id()));
  }

  private Name name(Payload identifier, AcmeEndpoint endpoint, OrderAllowance allowance)
      throws AcmeProblem {
    String type = identifier.requiredText("type");
    String value = identifier.requiredText("value");
    if (type.equals(Identifiers.DNS) && value.startsWith("*.")) {
      // The identifier here is the authorization's own, and that never has the asterisk.
      throw new AcmeProblem(
          AcmeError.FORBIDDEN_IDENTIFIER, "wildcard names cannot be authorized before an order");
    }
    try {
      Name name = Identifiers.parse(type, value);
      allowance.requireName(name);
      if (!allowance.preauthorizes(name)) {
        endpoint.challenges().requireProvable(name);
      }
      requirePermitted(endpoint, name);
      return name;
    } catch (AcmeProblem e) {
      throw unwilling(e.problem());
    } catch (Refused e) {
      throw unwilling(Problem.of(e));
    }
  }

  /** By some profile that an order could choose; if by none, the default one says why. */
  private void requirePermitted(AcmeEndpoint endpoint, Name name) throws Refused {
    for (ProfileId profile : endpoint.profiles().keySet()) {
      if (!profile.equals(endpoint.profile()) && isPermitted(endpoint, profile, name)) {
        return;
      }
    }
    authority.requirePermitted(
        endpoint.issuer(), endpoint.profile(), Set.of(name), Optional.empty(), Optional.empty());
  }

  private boolean isPermitted(AcmeEndpoint endpoint, ProfileId profile, Name name) {
    try {
      authority.requirePermitted(
          endpoint.issuer(), profile, Set.of(name), Optional.empty(), Optional.empty());
      return true;
    } catch (Refused e) {
      return false;
    }
  }

  /** Whatever the CA will not issue for is 403 here. */
  private static AcmeProblem unwilling(Problem problem) {
    AcmeError error =
        switch (problem.error()) {
          case REJECTED_IDENTIFIER -> AcmeError.FORBIDDEN_IDENTIFIER;
          case UNSUPPORTED_IDENTIFIER -> AcmeError.FORBIDDEN_IDENTIFIER_TYPE;
          default -> problem.error();
        };
    return new AcmeProblem(error, problem.detail());
  }
}
