package dev.chancery.server;

import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Refused;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.server.engine.Issuer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.cert.X509CertificateHolder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An issuer's certificate as its file has it, checked to be one that can be used now.
 *
 * @param file where the certificate stands
 * @param root the one that the first chain leads to, when it is known
 * @param chains each a certificate of the issuer, then those above it without the root; the first
 *     begins with the one above
 */
record LoadedIssuer(
    Configuration.IssuerSection section,
    Path file,
    X509CertificateHolder certificate,
    Optional<X509CertificateHolder> root,
    List<List<Der>> chains,
    SubjectPublicKey publicKey,
    SigningScheme scheme) {
  private static final Logger LOG = LoggerFactory.getLogger(LoadedIssuer.class);

  LoadedIssuer {
    chains = chains.stream().map(List::copyOf).toList();
  }

  /** Every issuer of the configuration that has its certificate, or should have it. */
  static List<LoadedIssuer> all(
      Home home, List<Configuration.IssuerSection> sections, TrustBundle trust, Instant now)
      throws ConfigurationInvalid {
    List<LoadedIssuer> issuers = new ArrayList<>();
    for (Configuration.IssuerSection section : sections) {
      if (isRequested(home, section)) {
        LOG.warn("issuer {} has no certificate yet: it is not served", section.name());
      } else {
        issuers.add(read(home, section, trust, now));
      }
    }
    return List.copyOf(issuers);
  }

  /** Whether a certificate was asked for ({@code chancery issuer request}) and is not there yet. */
  static boolean isRequested(Home home, Configuration.IssuerSection section) {
    return !Files.exists(home.resolve(section.certificate()))
        && Files.exists(home.request(section.name()));
  }

  private static LoadedIssuer read(
      Home home, Configuration.IssuerSection section, TrustBundle trust, Instant now)
      throws ConfigurationInvalid {
    Path file = home.resolve(section.certificate());
    List<X509CertificateHolder> certificates = chain(file, section, trust, now);
    String where = where(file, section);
    X509CertificateHolder certificate = certificates.getFirst();
    SubjectPublicKey key;
    SigningScheme scheme;
    try {
      key = SubjectPublicKey.of(certificate.getSubjectPublicKeyInfo());
      scheme = SigningScheme.of(key.algorithm(), section.rsaPss());
    } catch (Refused | IllegalArgumentException e) {
      throw new ConfigurationInvalid(where + e.getMessage());
    }
    if (section.rsaPss() && scheme != SigningScheme.RSA_PSS_SHA256) {
      throw section
          .place()
          .refused("rsaPss", "for RSA keys only, and " + file + " certifies an " + key.algorithm());
    }
    List<List<Der>> chains = new ArrayList<>(List.of(encoded(certificates)));
    for (Path alternate : section.alternateChains()) {
      chains.add(alternate(home.resolve(alternate), section, certificate, chains, trust, now));
    }
    Optional<X509CertificateHolder> root =
        trust.roots().stream()
            .filter(each -> CertificationPath.isSigned(certificates.getLast(), each))
            .findFirst();
    return new LoadedIssuer(section, file, certificate, root, chains, key, scheme);
  }

  private static List<X509CertificateHolder> chain(
      Path file, Configuration.IssuerSection section, TrustBundle trust, Instant now)
      throws ConfigurationInvalid {
    List<X509CertificateHolder> chain = PemFile.certificates(file);
    String where = where(file, section);
    CertificationPath.require(where, chain, trust, now);
    if (chain.size() > 1 && trust.roots().contains(chain.getLast())) {
      // RFC 8555 section 9.1: clients have the root, or should not believe it from here.
      throw new ConfigurationInvalid(where + "the chain ends with the root; leave that out");
    }
    return chain;
  }

  /** Another way to a root: what the issuer signs must be verified by it just as well. */
  private static List<Der> alternate(
      Path file,
      Configuration.IssuerSection section,
      X509CertificateHolder certificate,
      List<List<Der>> known,
      TrustBundle trust,
      Instant now)
      throws ConfigurationInvalid {
    List<X509CertificateHolder> chain = chain(file, section, trust, now);
    if (!Issuer.isSameAuthority(certificate, chain.getFirst())) {
      throw new ConfigurationInvalid(
          where(file, section)
              + "the chain begins with "
              + chain.getFirst().getSubject()
              + ", which has not the name, key and key identifier of the issuer's certificate");
    }
    List<Der> encoded = encoded(chain);
    if (known.contains(encoded)) {
      throw new ConfigurationInvalid(where(file, section) + "the same chain stands there twice");
    }
    return encoded;
  }

  IssuerId id() {
    return section.name();
  }

  /** The certificates over its key: its own, then those that its other chains begin with. */
  List<X509CertificateHolder> certificates() {
    Set<X509CertificateHolder> all = new LinkedHashSet<>(List.of(certificate));
    chains.forEach(chain -> all.add(TrustView.decoded(chain.getFirst())));
    return List.copyOf(all);
  }

  /** The file and the name, for the beginning of a refusal. */
  String where() {
    return where(file, section);
  }

  private static String where(Path file, Configuration.IssuerSection section) {
    return file + ": issuer " + section.name() + ": ";
  }

  private static List<Der> encoded(List<X509CertificateHolder> certificates) {
    try {
      List<Der> chain = new ArrayList<>();
      for (X509CertificateHolder certificate : certificates) {
        chain.add(Der.of(certificate.getEncoded()));
      }
      return chain;
    } catch (IOException e) {
      throw new IllegalStateException("a certificate cannot be encoded", e);
    }
  }
}
