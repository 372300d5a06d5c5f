package dev.chancery.hsm;

import dev.chancery.core.SigningScheme;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import org.bouncycastle.asn1.ASN1EncodableVector;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.DERSequence;

/**
 * One signature by calling the module directly: how a token is tried before SunPKCS11 is let near
 * it, since what SunPKCS11 has opened is never freed again.
 */
final class NativeSigning {
  // Parameters of RSASSA-PSS: a hash and a CK_RSA_PKCS_MGF_TYPE, PKCS #11 v2.40, pkcs11t.h.
  private static final long CKM_SHA256 = 0x250;
  private static final long CKG_MGF1_SHA256 = 0x2;
  private static final long SALT_LENGTH = 32;

  private NativeSigning() {}

  /** The signature over a message, as certificates carry it. */
  static byte[] sign(
      CryptokiSession session, CryptokiObject key, SigningScheme scheme, byte[] message)
      throws CryptokiError {
    return switch (scheme) {
      case ECDSA_SHA256 ->
          ecdsa(session.sign(CryptokiMechanism.CKM_ECDSA.code(), key, digest("SHA-256", message)));
      case ECDSA_SHA384 ->
          ecdsa(session.sign(CryptokiMechanism.CKM_ECDSA.code(), key, digest("SHA-384", message)));
      case RSA_SHA256 -> rsa(session, key, message);
      case RSA_PSS_SHA256 ->
          session.sign(
              CryptokiMechanism.CKM_RSA_PKCS_PSS.code(),
              key,
              digest("SHA-256", message),
              parameter(CKM_SHA256, CKG_MGF1_SHA256, SALT_LENGTH));
    };
  }

  // The same order as SunPKCS11's: what it will not use proves nothing. tpm2-pkcs11 makes the bare
  // one of a decryption, which a key for signing only refuses.
  private static byte[] rsa(CryptokiSession session, CryptokiObject key, byte[] message)
      throws CryptokiError {
    try {
      return session.sign(CryptokiMechanism.CKM_SHA256_RSA_PKCS.code(), key, message);
    } catch (CryptokiError e) {
      if (!e.is(ReturnValue.CKR_MECHANISM_INVALID)) {
        throw e;
      }
      return session.sign(
          CryptokiMechanism.CKM_RSA_PKCS.code(),
          key,
          HashedMessage.digestInfo(digest("SHA-256", message)));
    }
  }

  private static byte[] digest(String algorithm, byte[] message) {
    try {
      return MessageDigest.getInstance(algorithm).digest(message);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has " + algorithm, e);
    }
  }

  // The module gives r and s one after the other; RFC 3279 section 2.2.3 wants a SEQUENCE.
  private static byte[] ecdsa(byte[] halves) {
    ASN1EncodableVector both = new ASN1EncodableVector();
    int half = halves.length / 2;
    both.add(new ASN1Integer(new BigInteger(1, Arrays.copyOfRange(halves, 0, half))));
    both.add(new ASN1Integer(new BigInteger(1, Arrays.copyOfRange(halves, half, halves.length))));
    return encoded(new DERSequence(both));
  }

  private static byte[] encoded(ASN1Primitive value) {
    try {
      return value.getEncoded(ASN1Encoding.DER);
    } catch (IOException e) {
      throw new IllegalStateException("a value that was just built has no encoding", e);
    }
  }

  // CK_RSA_PKCS_PSS_PARAMS: three CK_ULONG.
  private static byte[] parameter(long... numbers) {
    ByteBuffer octets =
        ByteBuffer.allocate(numbers.length * Long.BYTES).order(ByteOrder.nativeOrder());
    for (long number : numbers) {
      octets.putLong(number);
    }
    return octets.array();
  }
}
