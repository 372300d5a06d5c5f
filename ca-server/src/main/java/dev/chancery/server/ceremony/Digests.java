package dev.chancery.server.ceremony;

import dev.chancery.core.Der;
import java.util.HexFormat;

/** SHA-256 digests as a ceremony writes them: 64 lower-case hexadecimal digits. */
final class Digests {
  private Digests() {}

  static String sha256(byte[] octets) {
    return HexFormat.of().formatHex(Der.of(octets).sha256());
  }
}
