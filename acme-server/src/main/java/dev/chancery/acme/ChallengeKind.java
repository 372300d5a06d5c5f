package dev.chancery.acme;

import static java.util.stream.Collectors.joining;

import dev.chancery.core.DnsName;
import dev.chancery.core.EmailName;
import dev.chancery.core.IpName;
import dev.chancery.core.Name;
import dev.chancery.core.OtherName;
import dev.chancery.core.UriName;
import java.util.Arrays;
import java.util.Optional;

/**
 * The ways to prove control of a name (RFC 8555 section 8, RFC 8737 and two drafts), in the order
 * in which an authorization lists them.
 */
public enum ChallengeKind {
  HTTP_01("http-01"),
  DNS_01("dns-01"),
  TLS_ALPN_01("tls-alpn-01"),
  /** draft-ietf-acme-dns-account-label. */
  DNS_ACCOUNT_01("dns-account-01"),
  /** draft-ietf-acme-dns-persist. */
  DNS_PERSIST_01("dns-persist-01");

  private final String type;

  ChallengeKind(String type) {
    this.type = type;
  }

  /**
   * Reads a type as ACME writes it.
   *
   * @throws IllegalArgumentException when there is none of that name here
   */
  public static ChallengeKind parse(String type) {
    return find(type)
        .orElseThrow(() ->
            new IllegalArgumentException(
                "not a challenge type; there are "
                    + Arrays.stream(values()).map(ChallengeKind::type).collect(joining(", "))));
  }

  static ChallengeKind stored(String type) {
    return find(type)
        .orElseThrow(() -> new IllegalStateException("a stored challenge is of no known kind"));
  }

  private static Optional<ChallengeKind> find(String type) {
    return Arrays.stream(values()).filter(kind -> kind.type.equals(type)).findFirst();
  }

  String type() {
    return type;
  }

  /** Whether it can prove control of this name. */
  boolean proves(Name name) {
    return switch (name) {
      // Section 7.1.3 of RFC 8555 leaves it to the server; one host that answers says nothing of
      // all the names beside it.
      case DnsName dns -> !dns.isWildcard() || isOfDns();
      // RFC 8738 section 7: no DNS challenge for addresses.
      case IpName ip -> !isOfDns();
      case UriName uri -> false;
      case EmailName email -> false;
      case OtherName other -> false;
    };
  }

  private boolean isOfDns() {
    return switch (this) {
      case DNS_01, DNS_ACCOUNT_01, DNS_PERSIST_01 -> true;
      case HTTP_01, TLS_ALPN_01 -> false;
    };
  }

  /** Whether the client is given a token; what dns-persist-01 looks for is the same every time. */
  boolean hasToken() {
    return this != DNS_PERSIST_01;
  }
}
