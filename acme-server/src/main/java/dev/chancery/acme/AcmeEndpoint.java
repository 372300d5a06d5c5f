package dev.chancery.acme;

import dev.chancery.core.DnsName;
import dev.chancery.core.IssuerId;
import dev.chancery.core.ProfileId;
import java.net.URI;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * One ACME directory: who signs what it issues, and what it tells its clients.
 *
 * @param name stands in every URL of the endpoint; the endpoint named {@value #DEFAULT} is also
 *     served as /acme/directory
 * @param profile that of orders that name none
 * @param profiles those that an order may name, each with what its clients are told of it; none, or
 *     the default one among them (draft-ietf-acme-profiles)
 * @param externalUrl scheme, host and port by which clients reach this server; every URL that is
 *     given out or compared begins with it, whatever Host header a request carries
 * @param termsOfService when present, an account must agree to them
 * @param binding what is made of external account bindings
 * @param challenges how names are proven
 * @param mostNames how many identifiers an order may name
 * @param authorizations what an account's authorizations are good for beyond the order that they
 *     were made for
 * @param caaIdentities the issuer domain names by which CAA records may name this CA; none when CAA
 *     is not looked at (RFC 8659)
 * @param rateLimits how often clients may ask
 */
public record AcmeEndpoint(
    String name,
    IssuerId issuer,
    ProfileId profile,
    Map<ProfileId, String> profiles,
    URI externalUrl,
    Optional<URI> termsOfService,
    Optional<URI> website,
    BindingRule binding,
    OfferedChallenges challenges,
    int mostNames,
    AuthorizationUse authorizations,
    List<DnsName> caaIdentities,
    RateLimits rateLimits) {
  public static final String DEFAULT = "default";
  private static final int LONGEST_URL = 2000;
  private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");

  public AcmeEndpoint {
    if (!NAME.matcher(name).matches() || name.equals("directory")) {
      throw new IllegalArgumentException(
          "not an endpoint name (1 to 63 of a-z, 0-9 and inner hyphens): " + name);
    }
    if (externalUrl.getHost() == null || !externalUrl.getRawPath().isEmpty()) {
      throw new IllegalArgumentException(
          "an external URL is a scheme, a host and perhaps a port: " + externalUrl);
    }
    if (termsOfService.filter(uri -> uri.toString().length() > LONGEST_URL).isPresent()) {
      throw new IllegalArgumentException(
          "the URL of the terms of service has more than " + LONGEST_URL + " characters");
    }
    if (mostNames < 1) {
      throw new IllegalArgumentException("an order must be allowed at least one name");
    }
    caaIdentities = List.copyOf(caaIdentities);
    if (caaIdentities.stream().anyMatch(DnsName::isWildcard)) {
      throw new IllegalArgumentException("an issuer domain name has no wildcard");
    }
    if (!caaIdentities.isEmpty() && !caaIdentities.containsAll(challenges.issuerDomainNames())) {
      // draft-ietf-acme-dns-persist-02 section 3.2.
      throw new IllegalArgumentException(
          "where CAA is heeded, each of issuerDomainNames must be among caaIdentities");
    }
    profiles = Collections.unmodifiableMap(new LinkedHashMap<>(profiles));
    if (!profiles.isEmpty() && !profiles.containsKey(profile)) {
      throw new IllegalArgumentException(
          "the profiles that can be chosen must hold the default one, " + profile);
    }
  }

  /** Whether a certificate needs the word of the holders of its names (RFC 8659). */
  boolean heedsCaa() {
    return !caaIdentities.isEmpty();
  }

  /** Whether certificates are still issued here under a profile. */
  boolean has(ProfileId id) {
    return id.equals(profile) || profiles.containsKey(id);
  }
}
