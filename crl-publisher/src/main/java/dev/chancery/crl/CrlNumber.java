package dev.chancery.crl;

import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;

/** The number that a CRL has (RFC 5280 section 5.2.3), read past all of its entries. */
final class CrlNumber {
  private static final int LONGEST_EXTENSIONS = 64 * 1024;
  private static final int EXTENSIONS = 0xA0;

  private CrlNumber() {}

  /**
   * Reads only the number; nothing is verified.
   *
   * @throws IOException when there is none
   */
  static BigInteger read(InputStream crl) throws IOException {
    DerInput in = new DerInput(crl, (buffer, offset, length) -> {});
    in.enter();
    long end = in.enter();
    end += in.count();
    while (in.count() < end) {
      if (in.octet() == EXTENSIONS) {
        return number(in.contents(LONGEST_EXTENSIONS));
      }
      in.skip(in.length());
    }
    throw new IOException("a CRL without extensions");
  }

  private static BigInteger number(byte[] extensions) throws IOException {
    try {
      Extension number = Extensions.getInstance(extensions).getExtension(Extension.cRLNumber);
      if (number != null) {
        return ASN1Integer.getInstance(number.getParsedValue()).getValue();
      }
    } catch (RuntimeException e) {
      throw new IOException("an extension is malformed", e);
    }
    throw new IOException("a CRL without a number");
  }
}
