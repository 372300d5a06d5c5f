package dev.chancery.core;

import java.io.IOException;
import java.math.BigInteger;
import java.security.PublicKey;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.edec.EdECObjectIdentifiers;
import org.bouncycastle.asn1.sec.SECObjectIdentifiers;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;

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
   * @throws Refused when it is malformed, or of an algorithm, curve, size or exponent that is not
   *     certified here
   */
  public static SubjectPublicKey of(SubjectPublicKeyInfo info) throws Refused {
    try {
      PublicKey key = BouncyCastle.publicKey(info);
      if (key == null) {
        throw refused("the key's algorithm is not supported");
      }
      return new SubjectPublicKey(Der.of(info.getEncoded("DER")), algorithm(info, key), key);
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

  private static KeyAlgorithm algorithm(SubjectPublicKeyInfo info, PublicKey key) throws Refused {
    if (key instanceof RSAPublicKey rsa) {
      return rsa(rsa);
    }
    if (key instanceof ECPublicKey) {
      return curve(info);
    }
    if (info.getAlgorithm().getAlgorithm().equals(EdECObjectIdentifiers.id_Ed25519)) {
      return KeyAlgorithm.ED25519;
    }
    throw refused("the key's algorithm is not supported");
  }

  private static KeyAlgorithm rsa(RSAPublicKey rsa) throws Refused {
    BigInteger exponent = rsa.getPublicExponent();
    if (exponent.compareTo(SMALLEST_EXPONENT) < 0
        || exponent.bitLength() > LONGEST_EXPONENT_BITS
        || !exponent.testBit(0)) {
      throw refused("the RSA public exponent must be odd, at least 65537 and at most 256 bits");
    }
    if (!rsa.getModulus().testBit(0)) {
      throw refused("the RSA modulus is even");
    }
    return switch (rsa.getModulus().bitLength()) {
      case 2048 -> KeyAlgorithm.RSA_2048;
      case 3072 -> KeyAlgorithm.RSA_3072;
      case 4096 -> KeyAlgorithm.RSA_4096;
      default -> throw refused("an RSA modulus must have 2048, 3072 or 4096 bits");
    };
  }

  private static KeyAlgorithm curve(SubjectPublicKeyInfo info) throws Refused {
    if (info.getAlgorithm().getParameters() instanceof ASN1ObjectIdentifier curve) {
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
