package dev.chancery.crl;

import dev.chancery.core.Der;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.ToBeSigned;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.time.Instant;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.BERTags;
import org.bouncycastle.asn1.DERTaggedObject;
import org.bouncycastle.asn1.x509.AuthorityKeyIdentifier;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509ExtensionUtils;
import org.bouncycastle.cert.bc.BcX509ExtensionUtils;

/**
 * The to-be-signed part of a full CRL, version 2 (RFC 5280 section 5.1). It covers every
 * certificate of the issuer and every reason, so that it needs no IssuingDistributionPoint.
 */
record CertificateList(
    X509CertificateHolder issuer,
    SigningScheme scheme,
    BigInteger number,
    Instant thisUpdate,
    Instant nextUpdate) {
  private static final int VERSION_2 = 1;
  private static final int SEQUENCE = BERTags.SEQUENCE | BERTags.CONSTRUCTED;

  /** The bytes to be signed, with these entries in their order. */
  ToBeSigned with(CrlEntries entries) {
    try {
      ByteArrayOutputStream fields = new ByteArrayOutputStream();
      write(fields, new ASN1Integer(VERSION_2));
      write(fields, scheme.identifier());
      write(fields, issuer.getSubject());
      write(fields, CrlTime.of(thisUpdate));
      write(fields, CrlTime.of(nextUpdate));
      byte[] revoked = entries.encoded();
      // Section 5.1.2.6: when nothing is revoked the list must be absent, not empty.
      if (revoked.length > 0) {
        writeSequence(fields, revoked);
      }
      write(fields, new DERTaggedObject(true, 0, extensions()));
      ByteArrayOutputStream list = new ByteArrayOutputStream(fields.size() + 8);
      writeSequence(list, fields.toByteArray());
      return new ToBeSigned(Der.of(list.toByteArray()), scheme);
    } catch (IOException e) {
      throw new IllegalStateException("a CRL always has an encoding", e);
    }
  }

  private Extensions extensions() throws IOException {
    return new Extensions(
        new Extension[] {
          new Extension(
              Extension.authorityKeyIdentifier,
              false,
              new AuthorityKeyIdentifier(keyIdentifier()).getEncoded(ASN1Encoding.DER)),
          new Extension(
              Extension.cRLNumber, false, new ASN1Integer(number).getEncoded(ASN1Encoding.DER)),
        });
  }

  /** The subject key identifier of the issuer's certificate (section 5.2.1). */
  private byte[] keyIdentifier() {
    SubjectKeyIdentifier stated = SubjectKeyIdentifier.fromExtensions(issuer.getExtensions());
    if (stated != null) {
      return stated.getKeyIdentifier();
    }
    X509ExtensionUtils computed = new BcX509ExtensionUtils();
    return computed.createSubjectKeyIdentifier(issuer.getSubjectPublicKeyInfo()).getKeyIdentifier();
  }

  private static void write(ByteArrayOutputStream out, ASN1Encodable value) throws IOException {
    value.toASN1Primitive().encodeTo(out, ASN1Encoding.DER);
  }

  /** Tag, length in the fewest octets, contents. */
  private static void writeSequence(ByteArrayOutputStream out, byte[] contents) {
    out.write(SEQUENCE);
    int length = contents.length;
    if (length < 0x80) {
      out.write(length);
    } else {
      int octets = (Integer.SIZE - Integer.numberOfLeadingZeros(length) + 7) / 8;
      out.write(0x80 | octets);
      for (int shift = (octets - 1) * 8; shift >= 0; shift -= 8) {
        out.write(length >>> shift);
      }
    }
    out.writeBytes(contents);
  }
}
