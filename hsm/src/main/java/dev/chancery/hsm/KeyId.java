package dev.chancery.hsm;

import java.util.HexFormat;

/**
 * The CKA_ID of a key (PKCS #11 v2.40 section 4.4), 1 to 64 octets; configuration writes it in
 * hexadecimal digits, as pkcs11-tool does.
 */
public record KeyId(String hex) {
  public KeyId {
    if (!hex.matches("([0-9a-f]{2}){1,64}")) {
      throw new IllegalArgumentException(
          "a key id is 1 to 64 octets in lower-case hexadecimal digits, not " + hex);
    }
  }

  public byte[] octets() {
    return HexFormat.of().parseHex(hex);
  }

  @Override
  public String toString() {
    return hex;
  }
}
