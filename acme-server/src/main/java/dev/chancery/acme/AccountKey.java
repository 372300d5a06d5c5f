package dev.chancery.acme;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.Der;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Refused;
import dev.chancery.core.SubjectPublicKey;
import java.security.PublicKey;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.jose4j.jwk.EllipticCurveJsonWebKey;
import org.jose4j.jwk.JsonWebKey;
import org.jose4j.jwk.OctetKeyPairJsonWebKey;
import org.jose4j.jwk.PublicJsonWebKey;
import org.jose4j.jwk.RsaJsonWebKey;
import org.jose4j.lang.JoseException;
import org.jspecify.annotations.Nullable;

/**
 * The public key of an account, or of a certificate that its own key revokes. Its JWK and
 * thumbprint are jose4j's, its limits those of every key here; decoded by Bouncy Castle.
 */
final class AccountKey {
  private static final List<String> PUBLIC_MEMBERS = List.of("kty", "crv", "x", "y", "n", "e");
  private static final List<String> PRIVATE_MEMBERS =
      List.of("d", "p", "q", "dp", "dq", "qi", "oth", "k");

  private final SubjectPublicKey key;
  private volatile byte @Nullable [] thumbprint;

  private AccountKey(SubjectPublicKey key) {
    this.key = key;
  }

  /**
   * The key that was stored as SubjectPublicKeyInfo.
   *
   * @throws Refused when it is of a kind that was taken once and no longer is
   */
  static AccountKey stored(byte[] publicKeyInfo) throws Refused {
    return new AccountKey(SubjectPublicKey.of(SubjectPublicKeyInfo.getInstance(publicKeyInfo)));
  }

  /**
   * Reads a JWK (RFC 7517) with the members that its thumbprint has; others are ignored.
   *
   * @throws AcmeProblem malformed or badPublicKey
   */
  static AccountKey parse(ObjectNode jwk) throws AcmeProblem {
    for (String member : PRIVATE_MEMBERS) {
      if (jwk.has(member)) {
        throw new AcmeProblem(AcmeError.BAD_PUBLIC_KEY, "the JWK holds a private key");
      }
    }
    Map<String, Object> members = publicMembers(jwk);
    PublicJsonWebKey key = read(members);
    // A JWK has one right spelling (RFC 7518 section 6: coordinates of full length, integers
    // without leading zeros, base64url without padding): what jose4j would write for the key. It
    // also reads others, and would not notice octets that do not fit into the key.
    if (!key.toParams(JsonWebKey.OutputControlLevel.PUBLIC_ONLY).equals(members)) {
      throw new AcmeProblem(
          AcmeError.BAD_PUBLIC_KEY, "a member of the JWK is not spelled as RFC 7518 says");
    }
    try {
      return new AccountKey(SubjectPublicKey.of(key.getPublicKey()));
    } catch (Refused e) {
      throw new AcmeProblem(Problem.of(e));
    }
  }

  /** Keeps jose4j from looking at what is not needed, such as a chain of certificates. */
  private static Map<String, Object> publicMembers(ObjectNode jwk) throws AcmeProblem {
    Map<String, Object> members = new HashMap<>();
    for (String member : PUBLIC_MEMBERS) {
      JsonNode value = jwk.get(member);
      if (value != null && !value.isTextual()) {
        throw AcmeProblem.malformed("the JWK's member " + member + " is not text");
      }
      if (value != null) {
        members.put(member, value.textValue());
      }
    }
    return members;
  }

  private static PublicJsonWebKey read(Map<String, Object> members) throws AcmeProblem {
    try {
      return PublicJsonWebKey.Factory.newPublicJwk(members);
    } catch (JoseException | RuntimeException e) {
      // The JDK's key factories report some impossible numbers by unchecked exceptions.
      throw new AcmeProblem(
          AcmeError.BAD_PUBLIC_KEY, "the JWK is not an EC, RSA or Ed25519 public key");
    }
  }

  SubjectPublicKey subjectPublicKey() {
    return key;
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
    byte[] calculated = thumbprint;
    if (calculated == null) {
      calculated = jwk().calculateThumbprint("SHA-256");
      thumbprint = calculated;
    }
    return calculated.clone();
  }

  private PublicJsonWebKey jwk() {
    try {
      return PublicJsonWebKey.Factory.newPublicJwk(key.key());
    } catch (JoseException e) {
      throw new IllegalStateException("an account key has a JWK", e);
    }
  }

  /** The JWK's kty. */
  String keyType() {
    return switch (key.algorithm()) {
      case EC_P256, EC_P384, EC_P521 -> EllipticCurveJsonWebKey.KEY_TYPE;
      case RSA_2048, RSA_3072, RSA_4096 -> RsaJsonWebKey.KEY_TYPE;
      case ED25519 -> OctetKeyPairJsonWebKey.KEY_TYPE;
    };
  }

  KeyAlgorithm algorithm() {
    return key.algorithm();
  }

  /** The key as the object that Bouncy Castle verifies with. */
  PublicKey verificationKey() {
    return key.key();
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
