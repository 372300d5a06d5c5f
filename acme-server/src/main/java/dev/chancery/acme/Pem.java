package dev.chancery.acme;

import dev.chancery.core.Der;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;

/** Certificates as text (RFC 7468), one after another (RFC 8555 section 9.1). */
final class Pem {
  private static final int LINE = 64;

  private Pem() {}

  static byte[] certificates(List<Der> chain) {
    Base64.Encoder encoder = Base64.getMimeEncoder(LINE, "\n".getBytes(StandardCharsets.US_ASCII));
    StringBuilder text = new StringBuilder();
    for (Der certificate : chain) {
      text.append("-----BEGIN CERTIFICATE-----\n")
          .append(encoder.encodeToString(certificate.bytes()))
          .append("\n-----END CERTIFICATE-----\n");
    }
    return text.toString().getBytes(StandardCharsets.US_ASCII);
  }
}
