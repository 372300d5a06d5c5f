package dev.chancery.core;

import java.io.IOException;
import java.math.BigInteger;
import java.security.PublicKey;
import java.util.Optional;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.edec.EdECObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.sec.SECObjectIdentifiers;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;
import org.jspecify.annotations.Nullable;

/**
 * A public key of a kind that can be certified, decoded once by the provider that will use it.
 * Equal when the encodings are.
 */
public final class SubjectPublicKey {
  private static final BigInteger SMALLEST_EXPONENT = BigInteger.valueOf(65537);
  private static final int LONGEST_EXPONENT_BITS = 256;

  private final Der encoded;
  private final KeyAlgorithm algorithm;
  private final PublicKey key;

  private SubjectPublicKey(Der encoded, KeyAlgorithm algorithm, PublicKey key) {
    this.encoded = encoded;
    this.algorithm = algorithm;
    this.key = key;
  }

  /**
   * Decodes a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).
   *
   * @throws Refused when it is malformed, of an algorithm, curve, size or exponent that is not
   *     certified here, or an RSA key that is easy to factor
   */
  public static SubjectPublicKey of(SubjectPublicKeyInfo info) throws Refused {
    try {
      // The kind and the size come first, because decoding can be made expensive: Bouncy Castle
      // tests every RSA modulus for being composite, which is right and takes milliseconds at the
      // sizes certified here, but seconds at 16384 bits; and it knows many more kinds of keys.
      KeyAlgorithm algorithm = algorithm(info);
      PublicKey key = BouncyCastle.publicKey(info);
      if (key == null) {
        throw refused("the key's algorithm is not supported");
      }
      return new SubjectPublicKey(Der.of(info.getEncoded("DER")), algorithm, key);
    } catch (IOException | RuntimeException e) {
      throw refused("the public key cannot be decoded");
    }
  }

  /**
   * The key that a JCA object holds.
   *
   * @throws Refused as {@link #of(SubjectPublicKeyInfo)}
   */
  public static SubjectPublicKey of(PublicKey key) throws Refused {
    try {
      return of(SubjectPublicKeyInfo.getInstance(key.getEncoded()));
    } catch (IllegalArgumentException e) {
      throw refused("the public key cannot be decoded");
    }
  }

  private static KeyAlgorithm algorithm(SubjectPublicKeyInfo info) throws Refused, IOException {
    ASN1ObjectIdentifier kind = info.getAlgorithm().getAlgorithm();
    ASN1Encodable parameters = info.getAlgorithm().getParameters();
    if (kind.equals(PKCSObjectIdentifiers.rsaEncryption)) {
      // RFC 3279 section 2.3.1.
      if (!DERNull.INSTANCE.equals(parameters)) {
        throw refused("the parameters of an RSA key must be NULL");
      }
      return rsa(ASN1Sequence.getInstance(info.parsePublicKey()));
    }
    if (kind.equals(X9ObjectIdentifiers.id_ecPublicKey)) {
      return curve(parameters);
    }
    if (kind.equals(EdECObjectIdentifiers.id_Ed25519)) {
      // RFC 8410 section 3.
      if (parameters != null) {
        throw refused("an Ed25519 key must have no parameters");
      }
      return KeyAlgorithm.ED25519;
    }
    throw refused("the key's algorithm is not supported");
  }

  private static KeyAlgorithm rsa(ASN1Sequence key) throws Refused {
    if (key.size() != 2) {
      throw refused("the public key cannot be decoded");
    }
    // Bouncy Castle's own class for this would read a negative number as the positive one with the
    // same octets, and the certificate would hold it as it came.
    BigInteger modulus = ASN1Integer.getInstance(key.getObjectAt(0)).getValue();
    BigInteger exponent = ASN1Integer.getInstance(key.getObjectAt(1)).getValue();
    if (exponent.compareTo(SMALLEST_EXPONENT) < 0
        || exponent.bitLength() > LONGEST_EXPONENT_BITS
        || !exponent.testBit(0)) {
      throw refused("the RSA public exponent must be odd, at least 65537 and at most 256 bits");
    }
    if (modulus.signum() <= 0) {
      throw refused("the RSA modulus is not positive");
    }
    if (!modulus.testBit(0)) {
      throw refused("the RSA modulus is even");
    }
    KeyAlgorithm algorithm =
        switch (modulus.bitLength()) {
          case 2048 -> KeyAlgorithm.RSA_2048;
          case 3072 -> KeyAlgorithm.RSA_3072;
          case 4096 -> KeyAlgorithm.RSA_4096;
          default -> throw refused("an RSA modulus must have 2048, 3072 or 4096 bits");
        };
    Optional<String> weakness = RsaWeakness.of(modulus);
    if (weakness.isPresent()) {
      throw refused(weakness.get());
    }
    return algorithm;
  }

  private static KeyAlgorithm curve(@Nullable ASN1Encodable parameters) throws Refused {
    if (parameters instanceof ASN1ObjectIdentifier curve) {
      if (curve.equals(X9ObjectIdentifiers.prime256v1)) {
        return KeyAlgorithm.EC_P256;
      }
      if (curve.equals(SECObjectIdentifiers.secp384r1)) {
        return KeyAlgorithm.EC_P384;
      }
      if (curve.equals(SECObjectIdentifiers.secp521r1)) {
        return KeyAlgorithm.EC_P521;
      }
    }
    throw refused("an EC key must be on the named curve P-256, P-384 or P-521");
  }

  private static Refused refused(String message) {
    return new Refused(Reason.BAD_PUBLIC_KEY, message);
  }

  /** The SubjectPublicKeyInfo. */
  public Der encoded() {
    return encoded;
  }

  public KeyAlgorithm algorithm() {
    return algorithm;
  }

  /** The key as an object of {@link BouncyCastle#PROVIDER}. */
  public PublicKey key() {
    return key;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SubjectPublicKey that && encoded.equals(that.encoded);
  }

  @Override
  public int hashCode() {
    return encoded.hashCode();
  }

  @Override
  public String toString() {
    return algorithm + " " + encoded;
  }
}
