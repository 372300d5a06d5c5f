package dev.chancery.acme;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What an operator sets for ACME.
 *
 * @param http01Port the port that http-01 validation connects to first (RFC 8555 section 8.3)
 * @param tlsAlpn01Port the port that tls-alpn-01 validation connects to (RFC 8737 section 3)
 * @param redirectPorts the ports that a redirect may lead to
 * @param resolvers the DNS servers that validation asks; none means the system's
 * @param trustAnchors when present, what DNS answers is validated by DNSSEC
 * @param pauses how long to wait between the attempts at one validation; one attempt more than
 *     there are pauses is made
 * @param mostValidations how many validations run at once; others wait for a later pass
 * @param orderLifetime how long an order and its unproven authorizations can be worked on
 * @param authorizationLifetime how long a proof of control counts
 * @param renewalRetryAfter how long clients should wait before they ask for a certificate's renewal
 *     information again; those of short-lived certificates, less
 * @param ordersPerPage how many URLs a page of an account's orders has
 * @param retention for how long what has ended is kept
 */
public record AcmeSettings(
    List<AcmeEndpoint> endpoints,
    int http01Port,
    int tlsAlpn01Port,
    Set<Integer> redirectPorts,
    TargetNetworks networks,
    List<InetSocketAddress> resolvers,
    Optional<DnsTrustAnchors> trustAnchors,
    List<Duration> pauses,
    int mostValidations,
    Duration orderLifetime,
    Duration authorizationLifetime,
    Duration renewalRetryAfter,
    int ordersPerPage,
    Retention retention) {
  public AcmeSettings {
    endpoints = List.copyOf(endpoints);
    redirectPorts = Set.copyOf(redirectPorts);
    resolvers = List.copyOf(resolvers);
    pauses = List.copyOf(pauses);
    if (endpoints.stream().map(AcmeEndpoint::name).distinct().count() < endpoints.size()) {
      throw new IllegalArgumentException("two ACME endpoints have the same name");
    }
  }

  /**
   * The usual settings. The attempts at a validation end within 50 seconds: clients give up after
   * two minutes.
   */
  public static AcmeSettings of(
      List<AcmeEndpoint> endpoints,
      int http01Port,
      int tlsAlpn01Port,
      TargetNetworks networks,
      List<InetSocketAddress> resolvers,
      Optional<DnsTrustAnchors> trustAnchors,
      Duration renewalRetryAfter,
      Retention retention) {
    return new AcmeSettings(
        endpoints,
        http01Port,
        tlsAlpn01Port,
        new HashSet<>(List.of(80, 443, http01Port)),
        networks,
        resolvers,
        trustAnchors,
        List.of(
            Duration.ofSeconds(1),
            Duration.ofSeconds(2),
            Duration.ofSeconds(4),
            Duration.ofSeconds(8)),
        64,
        Duration.ofDays(1),
        Duration.ofDays(7),
        renewalRetryAfter,
        100,
        retention);
  }
}
