package dev.chancery.server.engine;

import dev.chancery.core.Der;
import java.io.IOException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.ASN1TaggedObject;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.Extension;

/**
 * A TBSCertificate read from its bytes, more literally than Bouncy Castle's own type: repeated
 * extensions and odd encodings of times are kept, so that the lint can see them.
 */
record ParsedTbs(
    int version,
    BigInteger serial,
    ASN1Encodable algorithm,
    ASN1Encodable issuer,
    ASN1Primitive notBefore,
    ASN1Primitive notAfter,
    X500Name subject,
    Der publicKey,
    boolean uniqueIds,
    List<Extension> extensions) {
  ParsedTbs {
    extensions = List.copyOf(extensions);
  }

  /**
   * Reads a TBSCertificate.
   *
   * @throws IllegalArgumentException when the bytes are not one, or not DER
   */
  static ParsedTbs of(Der der) {
    try {
      byte[] bytes = der.bytes();
      ASN1Sequence tbs = ASN1Sequence.getInstance(ASN1Primitive.fromByteArray(bytes));
      if (!Arrays.equals(tbs.getEncoded("DER"), bytes)) {
        throw new IllegalArgumentException("not DER");
      }
      int next = 0;
      int version = 0;
      if (tbs.getObjectAt(0) instanceof ASN1TaggedObject tagged) {
        version = ASN1Integer.getInstance(tagged, true).intValueExact();
        next++;
      }
      ASN1Integer serial = ASN1Integer.getInstance(tbs.getObjectAt(next++));
      ASN1Encodable algorithm = tbs.getObjectAt(next++);
      ASN1Encodable issuer = tbs.getObjectAt(next++);
      ASN1Sequence validity = ASN1Sequence.getInstance(tbs.getObjectAt(next++));
      X500Name subject = X500Name.getInstance(tbs.getObjectAt(next++));
      byte[] publicKey = tbs.getObjectAt(next++).toASN1Primitive().getEncoded("DER");
      boolean uniqueIds = false;
      List<Extension> extensions = new ArrayList<>();
      for (; next < tbs.size(); next++) {
        ASN1TaggedObject tagged = ASN1TaggedObject.getInstance(tbs.getObjectAt(next));
        if (tagged.getTagNo() == 3) {
          for (ASN1Encodable extension : ASN1Sequence.getInstance(tagged, true)) {
            extensions.add(Extension.getInstance(extension));
          }
        } else {
          uniqueIds = true;
        }
      }
      return new ParsedTbs(
          version,
          serial.getValue(),
          algorithm,
          issuer,
          validity.getObjectAt(0).toASN1Primitive(),
          validity.getObjectAt(1).toASN1Primitive(),
          subject,
          Der.of(publicKey),
          uniqueIds,
          extensions);
    } catch (IOException | RuntimeException e) {
      throw new IllegalArgumentException("not a TBSCertificate in DER", e);
    }
  }

  Optional<Extension> extension(ASN1ObjectIdentifier id) {
    return extensions.stream().filter(extension -> extension.getExtnId().equals(id)).findFirst();
  }
}
