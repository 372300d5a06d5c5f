package dev.chancery.server;

import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.store.RootRollovers.Rollover;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.Header;
import io.javalin.http.HttpStatus;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cms.CMSAbsentContent;
import org.bouncycastle.cms.CMSException;
import org.bouncycastle.cms.CMSSignedDataGenerator;
import org.bouncycastle.util.CollectionStore;
import org.jspecify.annotations.Nullable;

/**
 * The certificates that clients build chains from (RFC 5280 section 4.2.2.1): of each CA its own in
 * DER and PEM, and all that there are over its key, cross-certificates included, as a certs-only
 * message (RFC 5272 section 4.1); and the roots to trust.
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

  private record Kept(TrustView.Snapshot of, Map<String, Download> downloads) {}

  private final Map<IssuerId, List<X509CertificateHolder>> authorities;
  private final TrustView view;
  private volatile @Nullable Kept kept;

  /**
   * What can be downloaded.
   *
   * @param authorities the certificates of each CA of the configuration, its own first
   */
  CertificateDownloads(Map<IssuerId, List<X509CertificateHolder>> authorities, TrustView view) {
    this.authorities = Map.copyOf(authorities);
    this.view = view;
  }

  void routes(JavalinConfig config) {
    config.routes.get("/roots.pem", context -> send(context, "/roots.pem"));
    config.routes.get("/ca/{file}", context -> send(context, "/ca/" + context.pathParam("file")));
  }

  private void send(Context context, String path) {
    Download download = downloads().get(path);
    if (download == null) {
      context.status(HttpStatus.NOT_FOUND).contentType("text/plain").result("not found\n");
      return;
    }
    // Shorter than it takes to publish a root and to rely on it by far.
    context.header(Header.ETAG, download.tag).header(Header.CACHE_CONTROL, "public, max-age=3600");
    if (matches(context.header(Header.IF_NONE_MATCH), download.tag)) {
      context.status(HttpStatus.NOT_MODIFIED);
    } else {
      context.contentType(download.type).result(download.body);
    }
  }

  private Map<String, Download> downloads() {
    TrustView.Snapshot now = view.now();
    Kept last = kept;
    if (last == null || last.of() != now) {
      last = new Kept(now, made(now));
      kept = last;
    }
    return last.downloads();
  }

  private Map<String, Download> made(TrustView.Snapshot now) {
    Map<IssuerId, Set<X509CertificateHolder>> all = new TreeMap<>();
    authorities.forEach((name, certificates) -> all.put(name, new LinkedHashSet<>(certificates)));
    for (Rollover rollover : now.rollovers()) {
      Set<X509CertificateHolder> old =
          all.computeIfAbsent(rollover.oldRoot().name(), name -> new LinkedHashSet<>());
      Set<X509CertificateHolder> fresh =
          all.computeIfAbsent(rollover.newRoot().name(), name -> new LinkedHashSet<>());
      old.add(TrustView.decoded(rollover.oldRoot().certificate()));
      fresh.add(TrustView.decoded(rollover.newRoot().certificate()));
      rollover
          .crossCertificates()
          .ifPresent(crossed -> {
            old.add(TrustView.decoded(crossed.oldByNew()));
            fresh.add(TrustView.decoded(crossed.newByOld()));
          });
    }
    Map<String, Download> made = new HashMap<>();
    all.forEach((name, certificates) -> {
      X509CertificateHolder own = certificates.iterator().next();
      made.put("/ca/" + name + ".crt", new Download("application/pkix-cert", der(own)));
      made.put("/ca/" + name + ".pem", pem(PemFile.text(List.of(own))));
      made.put(
          "/ca/" + name + ".p7c",
          new Download("application/pkcs7-mime", certsOnly(new ArrayList<>(certificates))));
    });
    made.put("/roots.pem", pem(now.bundle().pem()));
    return Map.copyOf(made);
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

  private static byte[] certsOnly(List<X509CertificateHolder> certificates) {
    try {
      CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
      generator.addCertificates(new CollectionStore<>(certificates));
      return generator.generate(new CMSAbsentContent()).getEncoded();
    } catch (CMSException | IOException e) {
      throw new IllegalStateException("certificates cannot be encoded", e);
    }
  }
}
