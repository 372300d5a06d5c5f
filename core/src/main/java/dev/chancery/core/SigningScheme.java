package dev.chancery.core;

import java.util.Locale;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.operator.DefaultSignatureAlgorithmIdentifierFinder;

/** How a CA key signs: the hash goes with the strength of the key. */
public enum SigningScheme {
  ECDSA_SHA256("SHA256withECDSA"),
  ECDSA_SHA384("SHA384withECDSA"),
  RSA_SHA256("SHA256withRSA"),
  RSA_PSS_SHA256("SHA256withRSAandMGF1");

  private final String jcaName;

  @SuppressWarnings("ImmutableEnumChecker") // an AlgorithmIdentifier has no way to change
  private final AlgorithmIdentifier identifier;

  SigningScheme(String jcaName) {
    this.jcaName = jcaName;
    this.identifier = new DefaultSignatureAlgorithmIdentifierFinder().find(jcaName);
  }

  /**
   * The scheme of a CA key.
   *
   * @param pss whether an RSA key signs with RSASSA-PSS (RFC 4055) instead of PKCS #1 v1.5
   * @throws IllegalArgumentException when a key of this algorithm cannot be a CA key here
   */
  public static SigningScheme of(KeyAlgorithm algorithm, boolean pss) {
    return switch (algorithm) {
      case EC_P256 -> ECDSA_SHA256;
      case EC_P384 -> ECDSA_SHA384;
      case RSA_2048, RSA_3072, RSA_4096 -> pss ? RSA_PSS_SHA256 : RSA_SHA256;
      case EC_P521, ED25519 ->
          throw new IllegalArgumentException(algorithm + " keys cannot be CA keys here");
    };
  }

  /** The name by which Bouncy Castle's Signature knows the scheme. */
  public String jcaName() {
    return jcaName;
  }

  /** The hash that a message is reduced to before it is signed, by its JCA name. */
  public String hashName() {
    return switch (this) {
      case ECDSA_SHA256, RSA_SHA256, RSA_PSS_SHA256 -> "SHA-256";
      case ECDSA_SHA384 -> "SHA-384";
    };
  }

  /** The AlgorithmIdentifier that certificates, CRLs and OCSP answers carry. */
  public AlgorithmIdentifier identifier() {
    return identifier;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
