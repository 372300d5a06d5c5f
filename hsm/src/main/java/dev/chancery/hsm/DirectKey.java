package dev.chancery.hsm;

import dev.chancery.core.SigningScheme;
import dev.chancery.core.TokenAway;
import java.io.IOException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.DigestInfo;

/**
 * A private key that signs in the session in which it was found, for the probe of an inspection: it
 * needs no certificate beside it, which SunPKCS11 would.
 */
final class DirectKey implements TokenKey {
  private final String description;
  private final CryptokiSession session;
  private final CryptokiObject key;
  private final SigningScheme scheme;

  DirectKey(String description, CryptokiSession session, CryptokiObject key, SigningScheme scheme) {
    this.description = description;
    this.session = session;
    this.key = key;
    this.scheme = scheme;
  }

  @Override
  public byte[] sign(byte[] message) throws TokenAway {
    try {
      return switch (scheme) {
        case ECDSA_SHA256 -> ecdsa(hash("SHA-256", message));
        case ECDSA_SHA384 -> ecdsa(hash("SHA-384", message));
        case RSA_SHA256 ->
            session.sign(CryptokiMechanism.CKM_RSA_PKCS.code(), key, digestInfo(message));
        case RSA_PSS_SHA256 -> throw new IllegalArgumentException("a probe is not signed with PSS");
      };
    } catch (CryptokiError e) {
      throw new TokenAway(description + " failed: " + e.getMessage(), e);
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalStateException("a hash cannot be made", e);
    }
  }

  // PKCS #11 v2.40 section 2.3.1: r and s of the same length, where certificates have ASN.1.
  private byte[] ecdsa(byte[] hash) throws CryptokiError, IOException {
    byte[] signature = session.sign(CryptokiMechanism.CKM_ECDSA.code(), key, hash);
    int half = signature.length / 2;
    ASN1Integer r = new ASN1Integer(new BigInteger(1, Arrays.copyOf(signature, half)));
    ASN1Integer s =
        new ASN1Integer(new BigInteger(1, Arrays.copyOfRange(signature, half, signature.length)));
    return new DERSequence(new ASN1Integer[] {r, s}).getEncoded(ASN1Encoding.DER);
  }

  // RFC 8017 section 9.2.
  private static byte[] digestInfo(byte[] message) throws GeneralSecurityException, IOException {
    return new DigestInfo(
            new AlgorithmIdentifier(NISTObjectIdentifiers.id_sha256, DERNull.INSTANCE),
            hash("SHA-256", message))
        .getEncoded(ASN1Encoding.DER);
  }

  private static byte[] hash(String algorithm, byte[] message) throws GeneralSecurityException {
    return MessageDigest.getInstance(algorithm).digest(message);
  }
}
