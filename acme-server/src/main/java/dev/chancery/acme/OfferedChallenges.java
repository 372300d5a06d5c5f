package dev.chancery.acme;

import dev.chancery.core.DnsName;
import dev.chancery.core.Name;
import java.util.HashSet;
import java.util.List;

/**
 * How the clients of an endpoint can prove control of names.
 *
 * @param issuerDomainNames what a record of dns-persist-01 may call this CA
 */
public record OfferedChallenges(List<ChallengeKind> kinds, List<DnsName> issuerDomainNames) {
  /**
   * What RFCs define. The drafts have to be asked for: a change of theirs can leave the records
   * that clients made for them worthless, or worth more than was meant.
   */
  public static final OfferedChallenges DEFAULT =
      new OfferedChallenges(
          List.of(ChallengeKind.HTTP_01, ChallengeKind.DNS_01, ChallengeKind.TLS_ALPN_01),
          List.of());

  // draft-ietf-acme-dns-persist-02 section 3.1.
  private static final int MOST_ISSUER_DOMAIN_NAMES = 10;

  public OfferedChallenges {
    kinds = List.copyOf(kinds);
    issuerDomainNames = List.copyOf(issuerDomainNames);
    if (kinds.isEmpty() || new HashSet<>(kinds).size() < kinds.size()) {
      throw new IllegalArgumentException("challenges are at least one, each of another type");
    }
    if (kinds.contains(ChallengeKind.DNS_PERSIST_01) == issuerDomainNames.isEmpty()) {
      throw new IllegalArgumentException(
          "issuerDomainNames are needed for dns-persist-01, and for nothing else");
    }
    if (issuerDomainNames.size() > MOST_ISSUER_DOMAIN_NAMES) {
      throw new IllegalArgumentException(
          "issuerDomainNames are " + MOST_ISSUER_DOMAIN_NAMES + " at most");
    }
    if (issuerDomainNames.stream().anyMatch(DnsName::isWildcard)) {
      throw new IllegalArgumentException("an issuer domain name has no wildcard");
    }
  }

  boolean offers(ChallengeKind kind) {
    return kinds.contains(kind);
  }

  /** Those that can prove control of a name; perhaps none. */
  List<ChallengeKind> proving(Name name) {
    return kinds.stream().filter(kind -> kind.proves(name)).toList();
  }

  /**
   * Refuses a name that nothing offered can prove.
   *
   * @throws AcmeProblem rejectedIdentifier
   */
  void requireProvable(Name name) throws AcmeProblem {
    if (proving(name).isEmpty()) {
      throw new AcmeProblem(
          AcmeError.REJECTED_IDENTIFIER,
          "no challenge that this endpoint offers can prove control of " + name.value());
    }
  }
}
