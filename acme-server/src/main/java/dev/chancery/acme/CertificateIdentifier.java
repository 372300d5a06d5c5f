package dev.chancery.acme;

import dev.chancery.core.Der;
import dev.chancery.core.SerialNumber;
import java.math.BigInteger;
import java.util.Arrays;
import org.bouncycastle.asn1.x509.AuthorityKeyIdentifier;
import org.bouncycastle.asn1.x509.Certificate;
import org.bouncycastle.asn1.x509.Extensions;

/**
 * What names a certificate in renewal information (RFC 9773 section 4.1): its issuer's key
 * identifier and its serial number, in one canonical spelling.
 *
 * @param text the key identifier, a dot and the octets of the serial number's DER value, both in
 *     base64url
 */
record CertificateIdentifier(String text, Der keyIdentifier, SerialNumber serial) {
  /** As long as the longest key identifier and the longest serial number make it. */
  static final int LONGEST = 100;

  private static final int LONGEST_KEY_IDENTIFIER = 48;

  /**
   * Reads the text.
   *
   * @throws AcmeProblem malformed, when it is anything but the one spelling
   */
  static CertificateIdentifier parse(String text) throws AcmeProblem {
    int dot = text.indexOf('.');
    if (text.length() > LONGEST || dot < 1) {
      throw malformed();
    }
    byte[] keyIdentifier = Base64Url.decode(text.substring(0, dot), "the key identifier");
    // A second dot is not base64url.
    byte[] serial = Base64Url.decode(text.substring(dot + 1), "the serial number");
    if (keyIdentifier.length > LONGEST_KEY_IDENTIFIER || serial.length == 0) {
      throw malformed();
    }
    BigInteger value = new BigInteger(serial);
    // DER has an octet of zeros only where the number would be negative without it.
    if (!Arrays.equals(value.toByteArray(), serial)) {
      throw malformed();
    }
    try {
      return new CertificateIdentifier(text, Der.of(keyIdentifier), SerialNumber.of(value));
    } catch (IllegalArgumentException e) {
      throw malformed();
    }
  }

  private static AcmeProblem malformed() {
    return AcmeProblem.malformed(
        "a certificate is named by its authority key identifier, a dot and its serial number,"
            + " each in unpadded base64url (RFC 9773 section 4.1)");
  }

  /** Whether it names this certificate, of which the serial number is known to be right. */
  boolean names(Der certificate) {
    Extensions extensions =
        Certificate.getInstance(certificate.bytes()).getTBSCertificate().getExtensions();
    AuthorityKeyIdentifier issuer =
        extensions == null ? null : AuthorityKeyIdentifier.fromExtensions(extensions);
    return issuer != null
        && issuer.getKeyIdentifierOctets() != null
        && Arrays.equals(issuer.getKeyIdentifierOctets(), keyIdentifier.bytes());
  }
}
