package dev.chancery.acme;

import dev.chancery.core.Der;

/**
 * What is kept of a CSR once its order is settled: enough to know it when it comes again.
 *
 * @param sha256 in base64url
 */
record CsrDigest(String sha256) {
  static CsrDigest of(Der csr) {
    return stored(Sha256.of(csr.bytes()));
  }

  static CsrDigest stored(byte[] sha256) {
    return new CsrDigest(Base64Url.encode(sha256));
  }
}
