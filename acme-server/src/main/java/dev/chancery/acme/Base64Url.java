package dev.chancery.acme;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Base64;
import java.util.UUID;

/** Base64url without padding, in its one canonical spelling (RFC 7515 section 2). */
final class Base64Url {
  private static final Base64.Encoder ENCODER = Base64.getUrlEncoder().withoutPadding();
  private static final int UUID_OCTETS = 16;

  private Base64Url() {}

  static String encode(byte[] octets) {
    return ENCODER.encodeToString(octets);
  }

  /**
   * Reads canonical text.
   *
   * @param what names the text in the refusal
   * @throws AcmeProblem malformed, when the text is not what {@link #encode} would write
   */
  static byte[] decode(String text, String what) throws AcmeProblem {
    try {
      byte[] octets = Base64.getUrlDecoder().decode(text);
      // The decoder takes padding and stray bits; a second spelling of the same bytes is refused.
      if (encode(octets).equals(text)) {
        return octets;
      }
    } catch (IllegalArgumentException e) {
      // Refused below.
    }
    throw AcmeProblem.malformed(what + " is not unpadded base64url");
  }

  /**
   * The same text, once it is known to be canonical.
   *
   * @throws AcmeProblem as {@link #decode}
   */
  static String canonical(String text, String what) throws AcmeProblem {
    return encode(decode(text, what));
  }

  static String encode(UUID id) {
    return encode(
        ByteBuffer.allocate(UUID_OCTETS)
            .putLong(id.getMostSignificantBits())
            .putLong(id.getLeastSignificantBits())
            .array());
  }

  /**
   * The id that a URL names.
   *
   * @throws AcmeProblem not found, when the text is no id: no resource has such a URL
   */
  static UUID decodeId(String text) throws AcmeProblem {
    try {
      byte[] octets = Base64.getUrlDecoder().decode(text);
      if (octets.length == UUID_OCTETS && Arrays.equals(octets, decode(text, "id"))) {
        ByteBuffer buffer = ByteBuffer.wrap(octets);
        return new UUID(buffer.getLong(), buffer.getLong());
      }
    } catch (IllegalArgumentException | AcmeProblem e) {
      // Refused below.
    }
    throw AcmeProblem.notFound();
  }
}
