package dev.chancery.acme;

import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.IssuerId;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Finds what the certificate authority keeps of the certificates that clients name. */
final class LedgerCertificates {
  private final CertificateAuthority authority;
  private final Set<IssuerId> issuers;

  /**
   * @param issuers those whose certificates are found, also such as no endpoint has any more:
   *     theirs most of all are to be renewed
   */
  LedgerCertificates(CertificateAuthority authority, Set<IssuerId> issuers) {
    this.authority = authority;
    this.issuers = Set.copyOf(issuers);
  }

  /** The record of a certificate that was issued; the endpoint's own issuer is asked first. */
  Optional<CertificateRecord> find(AcmeEndpoint endpoint, CertificateIdentifier identifier) {
    Set<IssuerId> candidates = new LinkedHashSet<>(List.of(endpoint.issuer()));
    candidates.addAll(issuers);
    return candidates.stream()
        .flatMap(issuer -> authority.find(issuer, identifier.serial()).stream())
        .filter(found -> found.certificate().filter(identifier::names).isPresent())
        .findFirst();
  }
}
