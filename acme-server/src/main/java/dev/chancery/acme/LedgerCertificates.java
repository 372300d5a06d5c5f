package dev.chancery.acme;

import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.SerialNumber;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/** Finds what the certificate authority keeps of the certificates that clients name. */
final class LedgerCertificates {
  private final CertificateAuthority authority;
  private final Set<IssuerId> issuers;

  /**
   * @param issuers those whose certificates are found, also such as no endpoint has any more:
   *     theirs most of all are to be renewed, or revoked
   */
  LedgerCertificates(CertificateAuthority authority, Set<IssuerId> issuers) {
    this.authority = authority;
    this.issuers = Set.copyOf(issuers);
  }

  /** The record of the certificate that an identifier names. */
  Optional<CertificateRecord> find(AcmeEndpoint endpoint, CertificateIdentifier identifier) {
    return find(endpoint, identifier.serial(), identifier::names);
  }

  /** The record of exactly this certificate. */
  Optional<CertificateRecord> find(AcmeEndpoint endpoint, SerialNumber serial, Der certificate) {
    return find(endpoint, serial, certificate::equals);
  }

  /** The endpoint's own issuer is asked first. */
  private Optional<CertificateRecord> find(
      AcmeEndpoint endpoint, SerialNumber serial, Predicate<Der> certificate) {
    Set<IssuerId> candidates = new LinkedHashSet<>(List.of(endpoint.issuer()));
    candidates.addAll(issuers);
    return candidates.stream()
        .flatMap(issuer -> authority.find(issuer, serial).stream())
        .filter(found -> found.certificate().filter(certificate).isPresent())
        .findFirst();
  }
}
