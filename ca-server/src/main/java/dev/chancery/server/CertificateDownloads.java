package dev.chancery.server;

import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.Header;
import io.javalin.http.HttpStatus;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bouncycastle.cert.X509CertificateHolder;
import org.jspecify.annotations.Nullable;

/**
 * The certificates that clients build chains from: issuers' (RFC 5280 section 4.2.2.1, in DER and
 * PEM) and the roots'.
 */
final class CertificateDownloads {
  private static final class Download {
    private final String type;
    private final byte[] body;
    private final String tag;

    Download(String type, byte[] body) {
      this.type = type;
      this.body = body;
      this.tag = "\"" + HexFormat.of().formatHex(Der.of(body).sha256(), 0, 16) + "\"";
    }
  }

  private final Map<String, Download> downloads = new HashMap<>();

  CertificateDownloads(Map<IssuerId, X509CertificateHolder> issuers, TrustBundle trust) {
    issuers.forEach((issuer, certificate) -> {
      downloads.put(
          "/ca/" + issuer + ".crt", new Download("application/pkix-cert", der(certificate)));
      downloads.put("/ca/" + issuer + ".pem", pem(pem(certificate)));
    });
    downloads.put("/roots.pem", pem(trust.pem()));
  }

  void routes(JavalinConfig config) {
    downloads.forEach(
        (path, download) -> config.routes.get(path, context -> send(context, download)));
  }

  private static void send(Context context, Download download) {
    context.header(Header.ETAG, download.tag).header(Header.CACHE_CONTROL, "public, max-age=3600");
    if (matches(context.header(Header.IF_NONE_MATCH), download.tag)) {
      context.status(HttpStatus.NOT_MODIFIED);
    } else {
      context.contentType(download.type).result(download.body);
    }
  }

  /** RFC 9110 section 13.1.2: the comparison is a weak one. */
  private static boolean matches(@Nullable String ifNoneMatch, String tag) {
    return ifNoneMatch != null
        && Stream.of(ifNoneMatch.split(","))
            .map(sent -> sent.strip().replaceFirst("^W/", ""))
            .anyMatch(sent -> sent.equals("*") || sent.equals(tag));
  }

  private static Download pem(String text) {
    return new Download("application/x-pem-file", text.getBytes(StandardCharsets.US_ASCII));
  }

  private static byte[] der(X509CertificateHolder certificate) {
    try {
      return certificate.getEncoded();
    } catch (IOException e) {
      throw new IllegalStateException("a certificate cannot be encoded", e);
    }
  }

  private static String pem(X509CertificateHolder certificate) {
    return new TrustBundle(List.of(certificate)).pem();
  }
}
