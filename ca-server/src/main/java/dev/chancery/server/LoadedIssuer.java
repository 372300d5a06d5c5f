package dev.chancery.server;

import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Refused;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.bouncycastle.cert.X509CertificateHolder;

/**
 * An issuer's certificate as its file has it, checked to be one that can be used now.
 *
 * @param file where the certificate stands
 * @param chain the issuer's certificate, then those above it without the root
 */
record LoadedIssuer(
    Configuration.IssuerSection section,
    Path file,
    X509CertificateHolder certificate,
    List<Der> chain,
    SubjectPublicKey publicKey,
    SigningScheme scheme) {
  LoadedIssuer {
    chain = List.copyOf(chain);
  }

  /** Every issuer of the configuration. */
  static List<LoadedIssuer> all(
      Home home, List<Configuration.IssuerSection> sections, TrustBundle trust, Instant now)
      throws ConfigurationInvalid {
    List<LoadedIssuer> issuers = new ArrayList<>();
    for (Configuration.IssuerSection section : sections) {
      issuers.add(read(home, section, trust, now));
    }
    return List.copyOf(issuers);
  }

  private static LoadedIssuer read(
      Home home, Configuration.IssuerSection section, TrustBundle trust, Instant now)
      throws ConfigurationInvalid {
    Path file = home.resolve(section.certificate());
    List<X509CertificateHolder> certificates = PemFile.certificates(file);
    String where = where(file, section);
    CertificationPath.require(where, certificates, trust, now);
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
    return new LoadedIssuer(section, file, certificate, encoded(certificates), key, scheme);
  }

  IssuerId id() {
    return section.name();
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
