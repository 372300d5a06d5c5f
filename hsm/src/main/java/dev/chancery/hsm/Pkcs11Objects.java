package dev.chancery.hsm;

import dev.chancery.core.Refused;
import dev.chancery.core.SubjectPublicKey;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.RSAPublicKey;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.Certificate;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x9.X9ObjectIdentifiers;

/** The objects of a token, looked up by CKA_ID, in one session. */
final class Pkcs11Objects {
  /** CK_OBJECT_CLASS. */
  static final long CKO_CERTIFICATE = 1;

  static final long CKO_PUBLIC_KEY = 2;
  static final long CKO_PRIVATE_KEY = 3;

  /** CK_KEY_TYPE. */
  static final long CKK_RSA = 0;

  static final long CKK_EC = 3;

  private final String description;
  private final CryptokiSession session;

  Pkcs11Objects(String description, CryptokiSession session) {
    this.description = description;
    this.session = session;
  }

  /** Whether any object of the token has this id. */
  boolean taken(KeyId id) throws CryptokiError {
    return !session
        .find(new CryptokiTemplate().with(CryptokiAttribute.CKA_ID, id.octets()))
        .isEmpty();
  }

  /**
   * The one private key with this id.
   *
   * @return empty when there is none
   * @throws TokenUnusable when there are several: no one could say which of them signs
   */
  Optional<CryptokiObject> privateKey(KeyId id) throws TokenUnusable, CryptokiError {
    List<CryptokiObject> keys = objects(CKO_PRIVATE_KEY, id);
    if (keys.size() > 1) {
      throw new TokenUnusable(
          description + " has " + keys.size() + " private keys with the id " + id);
    }
    return keys.stream().findFirst();
  }

  /**
   * The public half of a private key: an EC private key does not tell it, so it is read from the
   * public key or else the certificate with the same id.
   */
  SubjectPublicKey publicHalf(KeyId id, CryptokiObject privateKey)
      throws TokenUnusable, CryptokiError {
    Set<SubjectPublicKey> halves = new LinkedHashSet<>();
    for (CryptokiObject object : objects(CKO_PUBLIC_KEY, id)) {
      halves.add(publicKey(id, object));
    }
    if (halves.isEmpty() && keyType(privateKey) == CKK_RSA) {
      halves.add(publicKey(id, privateKey));
    }
    if (halves.isEmpty()) {
      for (CryptokiObject object : objects(CKO_CERTIFICATE, id)) {
        halves.add(certifiedKey(id, object));
      }
    }
    if (halves.size() != 1) {
      throw new TokenUnusable(
          description
              + " has "
              + halves.size()
              + " public keys for the private key with the id "
              + id);
    }
    return halves.iterator().next();
  }

  /** Whether a certificate with this id is over this key: SunPKCS11 sees no key without one. */
  boolean certified(KeyId id, SubjectPublicKey publicKey) throws TokenUnusable, CryptokiError {
    for (CryptokiObject object : objects(CKO_CERTIFICATE, id)) {
      if (certifiedKey(id, object).equals(publicKey)) {
        return true;
      }
    }
    return false;
  }

  KeyAttributes attributes(CryptokiObject privateKey) {
    return new KeyAttributes(
        flag(privateKey, CryptokiAttribute.CKA_SENSITIVE, false),
        flag(privateKey, CryptokiAttribute.CKA_ALWAYS_SENSITIVE, false),
        flag(privateKey, CryptokiAttribute.CKA_EXTRACTABLE, true),
        flag(privateKey, CryptokiAttribute.CKA_NEVER_EXTRACTABLE, false),
        flag(privateKey, CryptokiAttribute.CKA_SIGN, false),
        flag(privateKey, CryptokiAttribute.CKA_DECRYPT, true),
        flag(privateKey, CryptokiAttribute.CKA_UNWRAP, true));
  }

  /** The key that a public key object, or an RSA private key, describes. */
  SubjectPublicKey publicKey(KeyId id, CryptokiObject object) throws TokenUnusable, CryptokiError {
    long type = keyType(object);
    try {
      if (type == CKK_RSA) {
        return SubjectPublicKey.of(rsa(id, object));
      }
      if (type == CKK_EC) {
        return SubjectPublicKey.of(ec(id, object));
      }
      throw new TokenUnusable(described(id) + " is neither an RSA nor an EC key");
    } catch (Refused e) {
      throw new TokenUnusable(described(id) + ": " + e.getMessage(), e);
    } catch (IOException | RuntimeException e) {
      throw new TokenUnusable(described(id) + " has a public half that cannot be decoded", e);
    }
  }

  private SubjectPublicKeyInfo rsa(KeyId id, CryptokiObject object)
      throws TokenUnusable, CryptokiError, IOException {
    BigInteger modulus = new BigInteger(1, required(id, object, CryptokiAttribute.CKA_MODULUS));
    BigInteger exponent =
        new BigInteger(1, required(id, object, CryptokiAttribute.CKA_PUBLIC_EXPONENT));
    return new SubjectPublicKeyInfo(
        new AlgorithmIdentifier(PKCSObjectIdentifiers.rsaEncryption, DERNull.INSTANCE),
        new RSAPublicKey(modulus, exponent));
  }

  private SubjectPublicKeyInfo ec(KeyId id, CryptokiObject object)
      throws TokenUnusable, CryptokiError, IOException {
    byte[] curve = required(id, object, CryptokiAttribute.CKA_EC_PARAMS);
    byte[] point = required(id, object, CryptokiAttribute.CKA_EC_POINT);
    return new SubjectPublicKeyInfo(
        new AlgorithmIdentifier(
            X9ObjectIdentifiers.id_ecPublicKey, ASN1Primitive.fromByteArray(curve)),
        bare(point));
  }

  // PKCS #11 v2.40 section 2.3.3 wants the point inside a DER OCTET STRING; some modules give it
  // bare. Both begin with the octet 4. A bare point is 1 octet and two coordinates long, and the
  // wrapped ones of the curves used here have other lengths.
  private static byte[] bare(byte[] point) {
    return switch (point.length) {
      case 65, 97, 133 -> point;
      default -> ASN1OctetString.getInstance(point).getOctets();
    };
  }

  /** The key that a certificate object certifies. */
  SubjectPublicKey certifiedKey(KeyId id, CryptokiObject object)
      throws TokenUnusable, CryptokiError {
    byte[] encoded = required(id, object, CryptokiAttribute.CKA_VALUE);
    try {
      return SubjectPublicKey.of(Certificate.getInstance(encoded).getSubjectPublicKeyInfo());
    } catch (Refused e) {
      throw new TokenUnusable(described(id) + ": " + e.getMessage(), e);
    } catch (RuntimeException e) {
      throw new TokenUnusable(described(id) + " has a certificate that cannot be decoded", e);
    }
  }

  List<CryptokiObject> objects(long objectClass, KeyId id) throws CryptokiError {
    return session.find(
        new CryptokiTemplate()
            .with(CryptokiAttribute.CKA_CLASS, objectClass)
            .with(CryptokiAttribute.CKA_ID, id.octets()));
  }

  /** CK_KEY_TYPE, or -1 when the token does not tell it. */
  long keyType(CryptokiObject key) throws CryptokiError {
    return session
        .attribute(key, CryptokiAttribute.CKA_KEY_TYPE)
        .value()
        .filter(octets -> octets.length == Long.BYTES)
        .map(octets -> ByteBuffer.wrap(octets).order(ByteOrder.nativeOrder()).getLong())
        .orElse(-1L);
  }

  private boolean flag(CryptokiObject key, CryptokiAttribute attribute, boolean unknown) {
    try {
      return flag(key, attribute).value().orElse(unknown);
    } catch (CryptokiError e) {
      // Read at a start, which has the key sign next: what failed here is told by that, as long as
      // the key is not taken for one that may not sign.
      return unknown || attribute == CryptokiAttribute.CKA_SIGN;
    }
  }

  /** A CK_BBOOL. */
  AttributeAnswer<Boolean> flag(CryptokiObject object, CryptokiAttribute attribute)
      throws CryptokiError {
    return switch (session.attribute(object, attribute)) {
      // Nothing is neither true nor false.
      case AttributeAnswer.Told<byte[]>(byte[] octets) when octets.length == 0 ->
          new AttributeAnswer.Unknown<>();
      case AttributeAnswer.Told<byte[]>(byte[] octets) ->
          new AttributeAnswer.Told<>(!Arrays.equals(octets, new byte[octets.length]));
      case AttributeAnswer.Unknown<byte[]> _ -> new AttributeAnswer.Unknown<>();
      case AttributeAnswer.Withheld<byte[]> _ -> new AttributeAnswer.Withheld<>();
    };
  }

  private byte[] required(KeyId id, CryptokiObject object, CryptokiAttribute attribute)
      throws TokenUnusable, CryptokiError {
    return session
        .attribute(object, attribute)
        .value()
        .orElseThrow(() -> new TokenUnusable(described(id) + " does not tell its " + attribute));
  }

  private String described(KeyId id) {
    return "the key " + id + " of " + description;
  }
}
