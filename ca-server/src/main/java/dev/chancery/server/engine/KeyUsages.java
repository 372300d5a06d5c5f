package dev.chancery.server.engine;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Profile.KeyUsageBit;
import java.util.EnumSet;
import java.util.Set;

/** Which key usages a kind of key can have. */
final class KeyUsages {
  private KeyUsages() {}

  /**
   * Those of a profile's usages that the key's algorithm has: only RSA keys encipher (RFC 8017
   * section 7), only EC keys agree on keys (RFC 5480 section 3, RFC 8410 section 5).
   */
  static Set<KeyUsageBit> fitting(Set<KeyUsageBit> wanted, KeyAlgorithm algorithm) {
    Set<KeyUsageBit> fitting = EnumSet.noneOf(KeyUsageBit.class);
    fitting.addAll(wanted);
    switch (algorithm) {
      case EC_P256, EC_P384, EC_P521 -> {
        fitting.remove(KeyUsageBit.KEY_ENCIPHERMENT);
        fitting.remove(KeyUsageBit.DATA_ENCIPHERMENT);
      }
      case ED25519 -> {
        fitting.remove(KeyUsageBit.KEY_ENCIPHERMENT);
        fitting.remove(KeyUsageBit.DATA_ENCIPHERMENT);
        fitting.remove(KeyUsageBit.KEY_AGREEMENT);
      }
      case RSA_2048, RSA_3072, RSA_4096 -> fitting.remove(KeyUsageBit.KEY_AGREEMENT);
    }
    return fitting;
  }
}
