package dev.chancery.server;

import dev.chancery.core.BouncyCastle;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.cert.CertException;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;

/**
 * Checks the CA certificates of the operator's files as clients will (RFC 5280 section 6.1): what
 * they would refuse later, one by one and far away, stops the start instead.
 */
final class CertificationPath {
  private CertificationPath() {}

  /** Refuses a root that is not valid now, or that does not bear out its own signature. */
  static void requireRoot(Path file, X509CertificateHolder root, Instant now)
      throws ConfigurationInvalid {
    requireCurrent(file + ": ", root, now);
    try {
      if (root.getSubject().equals(root.getIssuer())
          && !root.isSignatureValid(
              new JcaContentVerifierProviderBuilder()
                  .setProvider(BouncyCastle.PROVIDER)
                  .build(root))) {
        throw new ConfigurationInvalid(
            file + ": the signature of the root " + root.getSubject() + " is wrong");
      }
    } catch (CertException | OperatorCreationException | GeneralSecurityException e) {
      throw new ConfigurationInvalid(
          file + ": the signature of the root " + root.getSubject() + " cannot be checked");
    }
  }

  /**
   * Refuses a chain that does not lead to a root.
   *
   * @param where what a refusal begins with
   * @param chain a CA's certificate, then those above it
   */
  static void require(
      String where, List<X509CertificateHolder> chain, TrustBundle trust, Instant now)
      throws ConfigurationInvalid {
    for (X509CertificateHolder certificate : chain) {
      requireCurrent(where, certificate, now);
    }
    try {
      List<X509CertificateHolder> path = new ArrayList<>(chain);
      // The constraints of an anchor are not looked at, those of a certificate below it are.
      // Clients differ in this, and the strictest one is to take the chain.
      trust.roots().stream()
          .filter(root -> root.getExtension(Extension.nameConstraints) != null)
          .filter(root -> isSigned(chain.getLast(), root))
          .findFirst()
          .ifPresent(path::add);
      Set<TrustAnchor> anchors = new HashSet<>();
      for (X509Certificate root : decoded(trust.roots())) {
        anchors.add(new TrustAnchor(root, null));
      }
      PKIXParameters parameters = new PKIXParameters(anchors);
      // The CRLs are not here: this server is what publishes them.
      parameters.setRevocationEnabled(false);
      parameters.setDate(Date.from(now));
      CertPathValidator.getInstance("PKIX", BouncyCastle.PROVIDER)
          .validate(
              CertificateFactory.getInstance("X.509", BouncyCastle.PROVIDER)
                  .generateCertPath(decoded(path)),
              parameters);
    } catch (CertPathValidatorException e) {
      int place = Math.max(e.getIndex(), 0);
      throw new ConfigurationInvalid(
          where
              + "the chain leads to none of the roots, at "
              + chain.get(Math.min(place, chain.size() - 1)).getSubject()
              + ": "
              + e.getMessage());
    } catch (GeneralSecurityException e) {
      throw new ConfigurationInvalid(where + "the chain cannot be checked: " + e.getMessage());
    }
  }

  /** Whether one certificate is signed by the key of another, and says so. */
  static boolean isSigned(X509CertificateHolder below, X509CertificateHolder above) {
    try {
      return below.getIssuer().equals(above.getSubject())
          && below.isSignatureValid(
              new JcaContentVerifierProviderBuilder()
                  .setProvider(BouncyCastle.PROVIDER)
                  .build(above));
    } catch (CertException | OperatorCreationException | GeneralSecurityException e) {
      return false;
    }
  }

  private static void requireCurrent(String where, X509CertificateHolder certificate, Instant now)
      throws ConfigurationInvalid {
    Instant notBefore = certificate.getNotBefore().toInstant();
    Instant notAfter = certificate.getNotAfter().toInstant();
    String subject = "the CA certificate of " + certificate.getSubject();
    if (!now.isBefore(notAfter)) {
      throw new ConfigurationInvalid(where + subject + " expired at " + notAfter);
    }
    if (now.isBefore(notBefore)) {
      throw new ConfigurationInvalid(where + subject + " is not valid before " + notBefore);
    }
  }

  private static List<X509Certificate> decoded(List<X509CertificateHolder> certificates)
      throws GeneralSecurityException {
    JcaX509CertificateConverter converter =
        new JcaX509CertificateConverter().setProvider(BouncyCastle.PROVIDER);
    List<X509Certificate> decoded = new ArrayList<>();
    for (X509CertificateHolder certificate : certificates) {
      decoded.add(converter.getCertificate(certificate));
    }
    return decoded;
  }
}
