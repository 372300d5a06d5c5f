package dev.chancery.core;

import java.io.IOException;
import org.bouncycastle.asn1.ASN1EncodableVector;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.DERBitString;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;

/**
 * The bytes that a key signs, and how: a TBSCertificate or TBSCertList (RFC 5280 sections 4.1.1.1
 * and 5.1.1.1).
 */
public record ToBeSigned(Der bytes, SigningScheme scheme) {
  /** SEQUENCE { the bytes, the algorithm, the signature }: the finished object. */
  public Der with(SignatureValue signature) {
    return assemble(bytes, scheme.identifier(), signature);
  }

  private static Der assemble(Der bytes, AlgorithmIdentifier algorithm, SignatureValue signature) {
    try {
      ASN1EncodableVector parts = new ASN1EncodableVector(3);
      parts.add(ASN1Primitive.fromByteArray(bytes.bytes()));
      parts.add(algorithm);
      parts.add(new DERBitString(signature.octets()));
      return Der.of(new DERSequence(parts).getEncoded("DER"));
    } catch (IOException e) {
      throw new IllegalStateException("recorded bytes are not DER", e);
    }
  }
}
