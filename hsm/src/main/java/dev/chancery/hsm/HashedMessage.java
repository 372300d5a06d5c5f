package dev.chancery.hsm;

import dev.chancery.core.BouncyCastle;
import dev.chancery.core.Digest;
import dev.chancery.core.Octets;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import java.io.IOException;
import java.io.InputStream;
import java.security.GeneralSecurityException;
import java.security.Signature;
import java.security.SignatureException;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.DigestInfo;

/**
 * A message too long for memory, and its digest by the hash of a scheme.
 *
 * @param octets the message again, for a signer that takes no digest
 */
record HashedMessage(Digest digest, Octets octets) {
  static final PSSParameterSpec PSS_SHA256 =
      new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1);
  private static final int BUFFER = 64 * 1024;

  /** RFC 8017 section 9.2: what PKCS #1 v1.5 pads, the hash with the name of its algorithm. */
  static byte[] digestInfo(byte[] sha256) {
    AlgorithmIdentifier algorithm =
        new AlgorithmIdentifier(NISTObjectIdentifiers.id_sha256, DERNull.INSTANCE);
    try {
      return new DigestInfo(algorithm, sha256).getEncoded(ASN1Encoding.DER);
    } catch (IOException e) {
      throw new IllegalStateException("a value that was just built has no encoding", e);
    }
  }

  byte[] whole() throws IOException {
    try (InputStream in = octets.open()) {
      return in.readAllBytes();
    }
  }

  /** Has a signature hash the message, a little of it at a time. */
  void feed(Signature signature) throws IOException, SignatureException {
    byte[] buffer = new byte[BUFFER];
    try (InputStream in = octets.open()) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        signature.update(buffer, 0, read);
      }
    }
  }

  /** Whether a signature is one of this digest. */
  boolean isSignedBy(SubjectPublicKey publicKey, SigningScheme scheme, byte[] signature) {
    try {
      Signature verifier =
          Signature.getInstance(
              switch (scheme) {
                case ECDSA_SHA256, ECDSA_SHA384 -> "NONEwithECDSA";
                case RSA_SHA256 -> "NONEwithRSA";
                case RSA_PSS_SHA256 -> "NONEwithRSAPSS";
              },
              BouncyCastle.PROVIDER);
      if (scheme == SigningScheme.RSA_PSS_SHA256) {
        verifier.setParameter(PSS_SHA256);
      }
      verifier.initVerify(publicKey.key());
      verifier.update(
          scheme == SigningScheme.RSA_SHA256 ? digestInfo(digest.value()) : digest.value());
      return verifier.verify(signature);
    } catch (GeneralSecurityException e) {
      // A malformed signature is reported by an exception; it is as wrong as any other.
      return false;
    }
  }
}
