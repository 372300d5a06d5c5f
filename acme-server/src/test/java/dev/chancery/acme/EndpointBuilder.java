package dev.chancery.acme;

import dev.chancery.core.DnsName;
import dev.chancery.core.IssuerId;
import dev.chancery.core.ProfileId;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** An endpoint of the test authority's; what a test does not name is as it usually is. */
final class EndpointBuilder {
  private final String name;
  private final URI url;
  private IssuerId issuer = TestAuthority.ISSUER;
  private ProfileId profile = TestAuthority.PROFILE;
  private Map<ProfileId, String> profiles = Map.of();
  private Optional<URI> termsOfService = Optional.empty();
  private BindingRule binding = BindingRule.NONE;
  private OfferedChallenges challenges = OfferedChallenges.DEFAULT;
  private AuthorizationUse authorizations = AuthorizationUse.FULL;
  private List<DnsName> caaIdentities = List.of();
  private RateLimits rateLimits = RateLimits.NONE;

  EndpointBuilder(String name, URI url) {
    this.name = name;
    this.url = url;
  }

  EndpointBuilder issuer(IssuerId id) {
    issuer = id;
    return this;
  }

  EndpointBuilder profiles(ProfileId standard, Map<ProfileId, String> offered) {
    profile = standard;
    profiles = offered;
    return this;
  }

  EndpointBuilder termsOfService(Optional<URI> terms) {
    termsOfService = terms;
    return this;
  }

  EndpointBuilder binding(BindingRule rule) {
    binding = rule;
    return this;
  }

  EndpointBuilder challenges(OfferedChallenges offered) {
    challenges = offered;
    return this;
  }

  EndpointBuilder authorizations(AuthorizationUse use) {
    authorizations = use;
    return this;
  }

  EndpointBuilder caaIdentities(DnsName... names) {
    caaIdentities = List.of(names);
    return this;
  }

  EndpointBuilder rateLimits(RateLimits limits) {
    rateLimits = limits;
    return this;
  }

  AcmeEndpoint build() {
    return new AcmeEndpoint(
        name,
        issuer,
        profile,
        profiles,
        url,
        termsOfService,
        Optional.empty(),
        binding,
        challenges,
        10,
        authorizations,
        caaIdentities,
        rateLimits);
  }
}
