package dev.chancery.ocsp;

import dev.chancery.core.BouncyCastle;
import dev.chancery.hsm.OcspKey;
import java.time.Clock;
import java.util.Optional;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.CertException;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509ContentVerifierProviderBuilder;
import org.bouncycastle.operator.OperatorCreationException;

/**
 * Signs for a CA that is not run here, with a key and a certificate that this CA has given its
 * responder (RFC 6960 section 4.2.2.2). Both come from outside, so nothing here renews them.
 */
public final class ForeignSigner extends ResponseSigner {
  private final OcspSigner signer;
  private final Clock clock;

  /**
   * @param certificate one that {@link #requireDelegated} has passed
   */
  public ForeignSigner(OcspKey key, X509CertificateHolder certificate, Clock clock) {
    this.signer =
        new OcspSigner(
            key,
            certificate,
            certificate.getNotBefore().toInstant(),
            certificate.getNotAfter().toInstant());
    this.clock = clock;
  }

  @Override
  Optional<OcspSigner> signer() {
    return signer.isValidAt(clock.instant()) ? Optional.of(signer) : Optional.empty();
  }

  /**
   * Refuses a certificate by which no relying party would accept answers about a CA's certificates.
   *
   * @throws IllegalArgumentException when it was not issued by this CA directly, or not for signing
   *     OCSP answers
   */
  public static void requireDelegated(
      X509CertificateHolder certificate, X509CertificateHolder authority) {
    if (!certificate.getIssuer().equals(authority.getSubject())
        || !isSignedBy(certificate, authority)) {
      throw new IllegalArgumentException("the OCSP signer's certificate is not issued by that CA");
    }
    ExtendedKeyUsage purposes = ExtendedKeyUsage.fromExtensions(certificate.getExtensions());
    if (purposes == null || !purposes.hasKeyPurposeId(KeyPurposeId.id_kp_OCSPSigning)) {
      throw new IllegalArgumentException("the certificate is not for signing OCSP answers");
    }
    KeyUsage usage = KeyUsage.fromExtensions(certificate.getExtensions());
    if (usage != null && !usage.hasUsages(KeyUsage.digitalSignature)) {
      throw new IllegalArgumentException("the certificate's key usage has no digitalSignature");
    }
  }

  private static boolean isSignedBy(
      X509CertificateHolder certificate, X509CertificateHolder authority) {
    try {
      return certificate.isSignatureValid(
          new JcaX509ContentVerifierProviderBuilder()
              .setProvider(BouncyCastle.PROVIDER)
              .build(authority));
    } catch (CertException | OperatorCreationException e) {
      return false;
    }
  }
}
