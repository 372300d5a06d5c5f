package dev.chancery.hsm;

import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.io.IOException;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ocsp.ResponseData;

/** Signs OCSP answers (RFC 6960 section 4.2.1), and nothing else. */
public final class OcspKey {
  private final VerifiedSigning signing;

  OcspKey(VerifiedSigning signing) {
    this.signing = signing;
  }

  public SubjectPublicKey publicKey() {
    return signing.publicKey();
  }

  public SigningScheme scheme() {
    return signing.scheme();
  }

  /**
   * The signature over the DER encoding of an answer, verified.
   *
   * @throws TokenAway when the token does not answer in time, or answers with a signature that does
   *     not verify
   */
  public SignatureValue sign(ResponseData answer) throws TokenAway {
    try {
      return signing.sign(answer.getEncoded(ASN1Encoding.DER));
    } catch (IOException e) {
      throw new IllegalArgumentException("the answer cannot be encoded", e);
    }
  }

  /**
   * Signs a fixed text that is no certificate, CRL or OCSP answer, and verifies it.
   *
   * @throws TokenAway when that does not succeed
   */
  public void probe() throws TokenAway {
    signing.probe();
  }
}
