package dev.chancery.acme;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.BouncyCastle;
import dev.chancery.core.Der;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Refused;
import dev.chancery.core.SubjectPublicKey;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.security.Signature;
import java.security.interfaces.RSAPublicKey;
import java.util.Arrays;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.edec.EdECObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.sec.SECObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;

/**
 * The public key of an account, or of a certificate that its own key revokes. Decoded by Bouncy
 * Castle and verified with it: several times as fast as the JDK's elliptic curves.
 */
final class AccountKey {
  private final SubjectPublicKey key;

  private AccountKey(SubjectPublicKey key) {
    this.key = key;
  }

  /** The key that was stored as SubjectPublicKeyInfo. */
  static AccountKey stored(byte[] publicKeyInfo) {
    try {
      return new AccountKey(SubjectPublicKey.of(SubjectPublicKeyInfo.getInstance(publicKeyInfo)));
    } catch (Refused e) {
      throw new IllegalStateException("a stored account key cannot be read", e);
    }
  }

  /**
   * Reads a JWK (RFC 7517) with the members that its thumbprint has; others are ignored.
   *
   * @throws AcmeProblem malformed or badPublicKey
   */
  static AccountKey parse(ObjectNode jwk) throws AcmeProblem {
    if (jwk.has("d")) {
      throw new AcmeProblem(AcmeError.BAD_PUBLIC_KEY, "the JWK holds a private key");
    }
    try {
      return new AccountKey(
          SubjectPublicKey.of(
              switch (text(jwk, "kty")) {
                case "EC" -> ellipticCurve(jwk);
                case "RSA" -> rsa(jwk);
                case "OKP" -> edwards(jwk);
                default ->
                    throw new AcmeProblem(
                        AcmeError.BAD_PUBLIC_KEY, "the JWK's kty is not EC, RSA or OKP");
              }));
    } catch (Refused e) {
      throw new AcmeProblem(Problem.of(e));
    }
  }

  private static SubjectPublicKeyInfo ellipticCurve(ObjectNode jwk) throws AcmeProblem {
    String name = text(jwk, "crv");
    ASN1ObjectIdentifier curve =
        switch (name) {
          case "P-256" -> X9ObjectIdentifiers.prime256v1;
          case "P-384" -> SECObjectIdentifiers.secp384r1;
          case "P-521" -> SECObjectIdentifiers.secp521r1;
          default ->
              throw new AcmeProblem(
                  AcmeError.BAD_PUBLIC_KEY, "the JWK's crv is not P-256, P-384 or P-521");
        };
    int size = coordinateLength(name);
    byte[] x = octets(jwk, "x");
    byte[] y = octets(jwk, "y");
    if (x.length != size || y.length != size) {
      throw new AcmeProblem(
          AcmeError.BAD_PUBLIC_KEY, "a coordinate of the JWK has the wrong length");
    }
    byte[] point = new byte[1 + 2 * size];
    point[0] = 4;
    System.arraycopy(x, 0, point, 1, size);
    System.arraycopy(y, 0, point, 1 + size, size);
    return new SubjectPublicKeyInfo(
        new AlgorithmIdentifier(X9ObjectIdentifiers.id_ecPublicKey, curve), point);
  }

  private static int coordinateLength(String curve) {
    return (Integer.parseInt(curve, 2, 5, 10) + 7) / 8;
  }

  private static SubjectPublicKeyInfo rsa(ObjectNode jwk) throws AcmeProblem {
    BigInteger modulus = new BigInteger(1, octets(jwk, "n"));
    BigInteger exponent = new BigInteger(1, octets(jwk, "e"));
    try {
      return new SubjectPublicKeyInfo(
          new AlgorithmIdentifier(PKCSObjectIdentifiers.rsaEncryption, DERNull.INSTANCE),
          new org.bouncycastle.asn1.pkcs.RSAPublicKey(modulus, exponent));
    } catch (IOException e) {
      throw new IllegalStateException("two integers can be encoded", e);
    }
  }

  private static SubjectPublicKeyInfo edwards(ObjectNode jwk) throws AcmeProblem {
    byte[] point = octets(jwk, "x");
    if (!text(jwk, "crv").equals("Ed25519") || point.length != 32) {
      throw new AcmeProblem(AcmeError.BAD_PUBLIC_KEY, "the OKP JWK is not an Ed25519 key");
    }
    return new SubjectPublicKeyInfo(
        new AlgorithmIdentifier(EdECObjectIdentifiers.id_Ed25519), point);
  }

  private static String text(ObjectNode jwk, String member) throws AcmeProblem {
    JsonNode node = jwk.get(member);
    if (node == null || !node.isTextual()) {
      throw AcmeProblem.malformed("the JWK has no text member " + member);
    }
    return node.textValue();
  }

  private static byte[] octets(ObjectNode jwk, String member) throws AcmeProblem {
    return Base64Url.decode(text(jwk, member), "the JWK's " + member);
  }

  Der encoded() {
    return key.encoded();
  }

  /** Whether this is the same key, however either was encoded. */
  boolean isSameAs(PublicKey other) {
    return key.key().equals(other);
  }

  /** SHA-256 of the JWK's required members in their order (RFC 7638). */
  byte[] thumbprint() {
    return Der.of(canonicalJwk().getBytes(StandardCharsets.UTF_8)).sha256();
  }

  private String canonicalJwk() {
    byte[] bits = key.encoded().bytes();
    byte[] point = SubjectPublicKeyInfo.getInstance(bits).getPublicKeyData().getOctets();
    return switch (key.algorithm()) {
      case EC_P256 -> ellipticCurveJwk("P-256", point);
      case EC_P384 -> ellipticCurveJwk("P-384", point);
      case EC_P521 -> ellipticCurveJwk("P-521", point);
      case ED25519 ->
          "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"" + Base64Url.encode(point) + "\"}";
      case RSA_2048, RSA_3072, RSA_4096 -> {
        RSAPublicKey rsa = (RSAPublicKey) key.key();
        yield "{\"e\":\""
            + Base64Url.encode(unsigned(rsa.getPublicExponent()))
            + "\",\"kty\":\"RSA\",\"n\":\""
            + Base64Url.encode(unsigned(rsa.getModulus()))
            + "\"}";
      }
    };
  }

  private static String ellipticCurveJwk(String curve, byte[] point) {
    int size = coordinateLength(curve);
    return "{\"crv\":\""
        + curve
        + "\",\"kty\":\"EC\",\"x\":\""
        + Base64Url.encode(Arrays.copyOfRange(point, 1, 1 + size))
        + "\",\"y\":\""
        + Base64Url.encode(Arrays.copyOfRange(point, 1 + size, 1 + 2 * size))
        + "\"}";
  }

  private static byte[] unsigned(BigInteger value) {
    byte[] octets = value.toByteArray();
    return octets[0] == 0 ? Arrays.copyOfRange(octets, 1, octets.length) : octets;
  }

  KeyAlgorithm algorithm() {
    return key.algorithm();
  }

  /** Whether the signature over these bytes was made by this key's private half. */
  boolean verifies(JwsAlgorithm algorithm, byte[] signed, byte[] signature) {
    if (!algorithm.fits(key.algorithm()) || !algorithm.fitsLength(signature.length)) {
      return false;
    }
    try {
      Signature verifier = Signature.getInstance(algorithm.jcaName(), BouncyCastle.PROVIDER);
      verifier.initVerify(key.key());
      verifier.update(signed);
      return verifier.verify(signature);
    } catch (GeneralSecurityException | RuntimeException e) {
      // Bouncy Castle reports some malformed signatures by exceptions of either kind.
      return false;
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof AccountKey that && key.equals(that.key);
  }

  @Override
  public int hashCode() {
    return key.hashCode();
  }
}
