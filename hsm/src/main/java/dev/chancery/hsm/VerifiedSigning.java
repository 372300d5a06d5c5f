package dev.chancery.hsm;

import dev.chancery.core.BouncyCastle;
import dev.chancery.core.Digest;
import dev.chancery.core.Octets;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.Signature;

/**
 * Signs with a token's key and verifies with the public key before anything leaves: the only guard
 * against a faulty signature and against a handle that has come to mean another key.
 */
final class VerifiedSigning {
  // No DER object begins with this octet, so that the probe can never be taken for a certificate.
  private static final byte[] PROBE =
      "\u0000chancery: does the token answer?".getBytes(StandardCharsets.US_ASCII);

  private static final String WRONG = "the token gave a signature that does not verify";

  private final TokenKey key;
  private final SubjectPublicKey publicKey;
  private final SigningScheme scheme;

  VerifiedSigning(TokenKey key, SubjectPublicKey publicKey, SigningScheme scheme) {
    this.key = key;
    this.publicKey = publicKey;
    this.scheme = scheme;
  }

  /**
   * A key that has just signed the probe as its public half wants it.
   *
   * @param name the key, for error messages
   * @throws TokenUnusable when the signature is not one of that public key: what the token says of
   *     its public half is wrong
   */
  static VerifiedSigning proven(
      TokenKey key, SubjectPublicKey publicKey, SigningScheme scheme, String name)
      throws TokenUnusable, TokenAway {
    if (scheme != SigningScheme.of(publicKey.algorithm(), scheme == SigningScheme.RSA_PSS_SHA256)) {
      throw new IllegalArgumentException(
          "an " + publicKey.algorithm() + " key does not sign with " + scheme);
    }
    VerifiedSigning signing = new VerifiedSigning(key, publicKey, scheme);
    if (!signing.verifies(PROBE, key.sign(PROBE))) {
      throw new TokenUnusable("the private key " + name + " does not belong to its public key");
    }
    return signing;
  }

  /** What a key signs to prove that it answers. */
  static byte[] probeMessage() {
    return PROBE.clone();
  }

  /**
   * Refuses a key whose signature over the probe is not one of its public half.
   *
   * @throws TokenUnusable when it is not: what the token says of the public half is wrong
   */
  static void requireProof(WantedKey key, String description, byte[] signature)
      throws TokenUnusable {
    if (!isSignature(key.expected(), key.scheme(), PROBE, signature)) {
      throw new TokenUnusable(
          "the private key "
              + key.id()
              + " of "
              + description
              + " does not belong to its public key");
    }
  }

  SigningScheme scheme() {
    return scheme;
  }

  SubjectPublicKey publicKey() {
    return publicKey;
  }

  SignatureValue sign(byte[] message) throws TokenAway {
    TokenKey signer = key.now();
    byte[] signature = signer.sign(message);
    if (!verifies(message, signature)) {
      signer.distrust();
      throw new TokenAway(WRONG);
    }
    return SignatureValue.of(signature);
  }

  /**
   * Signs the digest of octets that may be too many for memory.
   *
   * @param recorded what the digest of the octets must be
   * @throws IllegalStateException when it is another
   */
  SignatureValue sign(Octets octets, Digest recorded) throws TokenAway, IOException {
    if (!Digest.of(scheme, octets).equals(recorded)) {
      throw new IllegalStateException("the octets to be signed are not those that were recorded");
    }
    HashedMessage message = new HashedMessage(recorded, octets);
    TokenKey signer = key.now();
    byte[] signature = signer.sign(message);
    if (!message.isSignedBy(publicKey, scheme, signature)) {
      signer.distrust();
      throw new TokenAway(WRONG);
    }
    return SignatureValue.of(signature);
  }

  void probe() throws TokenAway {
    sign(PROBE);
  }

  private boolean verifies(byte[] message, byte[] signature) {
    return isSignature(publicKey, scheme, message, signature);
  }

  private static boolean isSignature(
      SubjectPublicKey publicKey, SigningScheme scheme, byte[] message, byte[] signature) {
    try {
      Signature verifier = Signature.getInstance(scheme.jcaName(), BouncyCastle.PROVIDER);
      verifier.initVerify(publicKey.key());
      verifier.update(message);
      return verifier.verify(signature);
    } catch (GeneralSecurityException e) {
      // A malformed signature is reported by an exception; it is as wrong as any other.
      return false;
    }
  }
}
