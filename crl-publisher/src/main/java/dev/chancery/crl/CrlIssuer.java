package dev.chancery.crl;

import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.hsm.CrlKey;
import java.io.IOException;
import org.bouncycastle.cert.X509CertificateHolder;

/**
 * An issuer whose CRLs are made here.
 *
 * @param certificate one of the issuer's certificates, over the key that signs
 */
public record CrlIssuer(
    IssuerId id, X509CertificateHolder certificate, CrlKey key, CrlSettings settings) {
  public CrlIssuer {
    try {
      Der certified = Der.of(certificate.getSubjectPublicKeyInfo().getEncoded("DER"));
      if (!certified.equals(key.publicKey().encoded())) {
        throw new IllegalArgumentException("the CRL key of " + id + " is not the certificate's");
      }
    } catch (IOException e) {
      throw new IllegalArgumentException("the certificate of " + id + " cannot be encoded", e);
    }
  }
}
