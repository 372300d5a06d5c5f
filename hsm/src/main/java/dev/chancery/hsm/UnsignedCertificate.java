package dev.chancery.hsm;

import dev.chancery.core.SubjectPublicKey;
import java.io.OutputStream;
import java.math.BigInteger;
import java.time.Instant;
import java.util.Date;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.operator.ContentSigner;

/**
 * A certificate that nobody signed (RFC 9925), put beside a new key because JCA key stores show no
 * key without one. A self-signed one would be a signature of the CA key that no ledger has
 * recorded.
 */
final class UnsignedCertificate {
  // RFC 9925 section 2: id-alg-unsigned, with a signature of no bits.
  private static final ASN1ObjectIdentifier UNSIGNED =
      new ASN1ObjectIdentifier("1.3.6.1.5.5.7.6.36");
  // RFC 5280 section 4.1.2.5: for a certificate that has no well-defined expiration date.
  private static final Instant NEVER = Instant.parse("9999-12-31T23:59:59Z");

  private UnsignedCertificate() {}

  static X509CertificateHolder of(KeyId id, SubjectPublicKey key) {
    X500Name name =
        new X500NameBuilder().addRDN(BCStyle.CN, "Chancery key " + shortened(id)).build();
    return new X509v3CertificateBuilder(
            name,
            BigInteger.ONE,
            Date.from(Instant.EPOCH),
            Date.from(NEVER),
            name,
            SubjectPublicKeyInfo.getInstance(key.encoded().bytes()))
        .build(new NoSigner());
  }

  // RFC 5280 appendix A.1: ub-common-name is 64.
  private static String shortened(KeyId id) {
    return id.hex().length() <= 40 ? id.hex() : id.hex().substring(0, 40);
  }

  private static final class NoSigner implements ContentSigner {
    @Override
    public AlgorithmIdentifier getAlgorithmIdentifier() {
      return new AlgorithmIdentifier(UNSIGNED);
    }

    @Override
    public OutputStream getOutputStream() {
      return OutputStream.nullOutputStream();
    }

    @Override
    public byte[] getSignature() {
      return new byte[0];
    }
  }
}
