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
 * @param chain the issuer's certificate, then those above it without the root
 */
record LoadedIssuer(
    IssuerId id,
    X509CertificateHolder certificate,
    List<Der> chain,
    SubjectPublicKey publicKey,
    SigningScheme scheme) {
  LoadedIssuer {
    chain = List.copyOf(chain);
  }

  static LoadedIssuer read(Home home, Configuration.IssuerSection section, Instant now)
      throws ConfigurationInvalid {
    Path file = home.resolve(section.certificate());
    List<X509CertificateHolder> certificates = PemFile.certificates(file);
    X509CertificateHolder certificate = certificates.getFirst();
    String where = file + ": issuer " + section.name() + ": ";
    if (!now.isBefore(certificate.getNotAfter().toInstant())) {
      throw new ConfigurationInvalid(
          where + "the CA certificate expired at " + certificate.getNotAfter().toInstant());
    }
    if (now.isBefore(certificate.getNotBefore().toInstant())) {
      throw new ConfigurationInvalid(
          where
              + "the CA certificate is not valid before "
              + certificate.getNotBefore().toInstant());
    }
    try {
      SubjectPublicKey key = SubjectPublicKey.of(certificate.getSubjectPublicKeyInfo());
      return new LoadedIssuer(
          section.name(),
          certificate,
          encoded(certificates),
          key,
          SigningScheme.of(key.algorithm(), section.rsaPss()));
    } catch (Refused | IllegalArgumentException e) {
      throw new ConfigurationInvalid(where + e.getMessage());
    }
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
