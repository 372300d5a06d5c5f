package dev.chancery.kubernetes;

import dev.chancery.core.Der;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.stream.Collectors;

/** Text as RFC 7468 has it, without a line feed at its end: so clients of Vault have it. */
final class Pem {
  private static final int LINE = 64;

  private Pem() {}

  static String certificate(Der certificate) {
    return text("CERTIFICATE", certificate);
  }

  static String certificates(List<Der> chain) {
    return chain.stream().map(Pem::certificate).collect(Collectors.joining("\n"));
  }

  static String crl(Der crl) {
    return text("X509 CRL", crl);
  }

  private static String text(String label, Der content) {
    Base64.Encoder encoder = Base64.getMimeEncoder(LINE, "\n".getBytes(StandardCharsets.US_ASCII));
    return "-----BEGIN "
        + label
        + "-----\n"
        + encoder.encodeToString(content.bytes())
        + "\n-----END "
        + label
        + "-----";
  }
}
