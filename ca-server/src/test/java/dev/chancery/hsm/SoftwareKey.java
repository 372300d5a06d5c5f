package dev.chancery.hsm;

import dev.chancery.core.BouncyCastle;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Refused;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;

/** A key outside of any token, for tests that need signing to fail at a chosen moment. */
public final class SoftwareKey {
  /** What happens when the key is asked to sign. */
  public enum Fault {
    NONE,
    /** It fails, and no signature was made. */
    FAILED,
    /** It fails, after a signature was made. */
    FAILED_AFTER_IT_WAS_DONE,
    /** It gives a signature of something else. */
    WRONG_SIGNATURE,
  }

  private final KeyPair pair;
  private final SubjectPublicKey publicKey;
  private final SigningScheme scheme;
  private volatile Fault fault = Fault.NONE;
  private volatile Runnable beforeSigning = () -> {};
  private volatile int signatures;

  private SoftwareKey(KeyPair pair, SubjectPublicKey publicKey, SigningScheme scheme) {
    this.pair = pair;
    this.publicKey = publicKey;
    this.scheme = scheme;
  }

  public static SoftwareKey generate(KeyAlgorithm algorithm) {
    try {
      KeyPair pair = pair(algorithm);
      SubjectPublicKey publicKey = SubjectPublicKey.of(pair.getPublic());
      SigningScheme scheme =
          algorithm == KeyAlgorithm.EC_P521 || algorithm == KeyAlgorithm.ED25519
              ? SigningScheme.ECDSA_SHA256
              : SigningScheme.of(algorithm, false);
      return new SoftwareKey(pair, publicKey, scheme);
    } catch (GeneralSecurityException | Refused e) {
      throw new IllegalStateException(e);
    }
  }

  private static KeyPair pair(KeyAlgorithm algorithm) throws GeneralSecurityException {
    String name = algorithm.toString();
    if (algorithm == KeyAlgorithm.ED25519) {
      return KeyPairGenerator.getInstance("Ed25519", BouncyCastle.PROVIDER).generateKeyPair();
    }
    if (name.startsWith("ec-")) {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", BouncyCastle.PROVIDER);
      generator.initialize(new ECGenParameterSpec(name.replace("ec-p", "P-")));
      return generator.generateKeyPair();
    }
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA", BouncyCastle.PROVIDER);
    generator.initialize(Integer.parseInt(name.substring("rsa-".length())));
    return generator.generateKeyPair();
  }

  public void fail(Fault fault) {
    this.fault = fault;
  }

  public void beforeSigning(Runnable action) {
    this.beforeSigning = action;
  }

  /** How many signatures were made. */
  public int signatures() {
    return signatures;
  }

  public SubjectPublicKey publicKey() {
    return publicKey;
  }

  public IssuerKey issuerKey() {
    return new IssuerKey(new VerifiedSigning(this::sign, publicKey, scheme));
  }

  private synchronized byte[] sign(byte[] message) throws TokenAway {
    beforeSigning.run();
    if (fault == Fault.FAILED) {
      throw new TokenAway("the token does not answer");
    }
    try {
      Signature signature = Signature.getInstance(scheme.jcaName(), BouncyCastle.PROVIDER);
      signature.initSign(pair.getPrivate());
      signature.update(fault == Fault.WRONG_SIGNATURE ? new byte[] {1} : message);
      byte[] value = signature.sign();
      signatures++;
      if (fault == Fault.FAILED_AFTER_IT_WAS_DONE) {
        throw new TokenAway("the token did not answer in time");
      }
      return value;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }
}
