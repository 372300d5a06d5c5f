package dev.chancery.core;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.math.BigInteger;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.DERBitString;

/**
 * A CRL that was built and that no one has signed (RFC 5280 section 5).
 *
 * @param base the number of the complete CRL that a delta CRL starts from (section 5.2.4); empty
 *     for a complete one
 * @param toBeSigned the encoding of the TBSCertList
 */
public record PreparedCrl(
    CrlScope scope,
    BigInteger number,
    Optional<BigInteger> base,
    Instant thisUpdate,
    Instant nextUpdate,
    SigningScheme scheme,
    Octets toBeSigned) {
  public CrlName name() {
    return new CrlName(scope, base.isPresent());
  }

  /** The CertificateList, with a signature of the issuer's key over it (RFC 5280 section 5.1.1). */
  public Octets with(SignatureValue signature) {
    return signed(toBeSigned, scheme, signature);
  }

  /** SEQUENCE { the octets, the algorithm, the signature }. */
  public static Octets signed(Octets toBeSigned, SigningScheme scheme, SignatureValue signature) {
    byte[] algorithm = der(scheme.identifier());
    byte[] bits = der(new DERBitString(signature.octets()));
    long contents = toBeSigned.length() + algorithm.length + bits.length;
    byte[] header = Der.sequenceHeader(contents);
    return new Octets() {
      @Override
      public long length() {
        return header.length + contents;
      }

      @Override
      public InputStream open() throws IOException {
        return new SequenceInputStream(
            Collections.enumeration(
                List.of(
                    new ByteArrayInputStream(header),
                    toBeSigned.open(),
                    new ByteArrayInputStream(algorithm),
                    new ByteArrayInputStream(bits))));
      }
    };
  }

  private static byte[] der(ASN1Encodable value) {
    try {
      return value.toASN1Primitive().getEncoded(ASN1Encoding.DER);
    } catch (IOException e) {
      throw new IllegalStateException("a value that was just built has no encoding", e);
    }
  }
}
