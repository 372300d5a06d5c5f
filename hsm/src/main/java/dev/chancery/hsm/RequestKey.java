package dev.chancery.hsm;

import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.io.IOException;
import java.util.Arrays;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.pkcs.CertificationRequestInfo;

/** Signs certification requests for its own public key (RFC 2986 section 4.2), and nothing else. */
public final class RequestKey {
  private final VerifiedSigning signing;

  RequestKey(VerifiedSigning signing) {
    this.signing = signing;
  }

  public SubjectPublicKey publicKey() {
    return signing.publicKey();
  }

  public SigningScheme scheme() {
    return signing.scheme();
  }

  /**
   * The signature over the DER encoding of a request, verified.
   *
   * @throws IllegalArgumentException when the request is for another key
   * @throws TokenAway when the token does not answer in time, or answers with a signature that does
   *     not verify
   */
  public SignatureValue sign(CertificationRequestInfo request) throws TokenAway {
    try {
      byte[] key = request.getSubjectPublicKeyInfo().getEncoded(ASN1Encoding.DER);
      if (!Arrays.equals(key, publicKey().encoded().bytes())) {
        throw new IllegalArgumentException("the request is for another key");
      }
      return signing.sign(request.getEncoded(ASN1Encoding.DER));
    } catch (IOException e) {
      throw new IllegalArgumentException("the request cannot be encoded", e);
    }
  }
}
