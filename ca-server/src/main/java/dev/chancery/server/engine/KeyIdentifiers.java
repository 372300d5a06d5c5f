package dev.chancery.server.engine;

import dev.chancery.core.Der;
import dev.chancery.core.SubjectPublicKey;
import java.util.Arrays;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;

/** Makes key identifiers. */
final class KeyIdentifiers {
  private KeyIdentifiers() {}

  /**
   * RFC 7093 section 2 method 1: the left-most 160 bits of the SHA-256 digest of the public key's
   * bit string. As long as RFC 5280's SHA-1 form, without SHA-1.
   */
  static Der of(SubjectPublicKey key) {
    SubjectPublicKeyInfo info = SubjectPublicKeyInfo.getInstance(key.encoded().bytes());
    byte[] digest = Der.of(info.getPublicKeyData().getOctets()).sha256();
    return Der.of(Arrays.copyOf(digest, 20));
  }
}
