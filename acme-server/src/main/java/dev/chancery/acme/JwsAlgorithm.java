package dev.chancery.acme;

import dev.chancery.core.KeyAlgorithm;
import java.util.Optional;

/**
 * The signature algorithms that account keys may use, each with the keys that it fits (RFC 8555
 * section 6.2, RFC 7518 section 3.1, RFC 8037). No MACs, no "none".
 */
enum JwsAlgorithm {
  // JWS writes an ECDSA signature as r and s side by side, which Bouncy Castle calls plain.
  ES256("ES256", "SHA256withPLAIN-ECDSA", 64),
  ES384("ES384", "SHA384withPLAIN-ECDSA", 96),
  ES512("ES512", "SHA512withPLAIN-ECDSA", 132),
  EDDSA("EdDSA", "Ed25519", 64),
  RS256("RS256", "SHA256withRSA", 0);

  private final String header;
  private final String jcaName;
  private final int signatureLength;

  JwsAlgorithm(String header, String jcaName, int signatureLength) {
    this.header = header;
    this.jcaName = jcaName;
    this.signatureLength = signatureLength;
  }

  static Optional<JwsAlgorithm> named(String header) {
    for (JwsAlgorithm algorithm : values()) {
      if (algorithm.header.equals(header)) {
        return Optional.of(algorithm);
      }
    }
    return Optional.empty();
  }

  String header() {
    return header;
  }

  String jcaName() {
    return jcaName;
  }

  boolean fits(KeyAlgorithm key) {
    return this
        == switch (key) {
          case EC_P256 -> ES256;
          case EC_P384 -> ES384;
          case EC_P521 -> ES512;
          case ED25519 -> EDDSA;
          case RSA_2048, RSA_3072, RSA_4096 -> RS256;
        };
  }

  /** Whether a signature can have this many octets; for RSA the key decides. */
  boolean fitsLength(int octets) {
    return signatureLength == 0 || signatureLength == octets;
  }
}
