package dev.chancery.kubernetes;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Speaks to a cluster's API server, trusting the roots in a file. */
final class ClusterHttp implements AutoCloseable {
  private static final int LONGEST_BODY = 1024 * 1024;
  private static final Duration CONNECT = Duration.ofSeconds(5);

  private final HttpClient client;

  /**
   * @param roots a PEM file; the system's when empty
   * @throws IOException when the file cannot be read or has no certificate in it
   */
  ClusterHttp(Optional<Path> roots) throws IOException {
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .connectTimeout(CONNECT)
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER);
    if (roots.isPresent()) {
      builder.sslContext(trusting(roots.get()));
    }
    this.client = builder.build();
  }

  private static SSLContext trusting(Path file) throws IOException {
    try (InputStream stream = Files.newInputStream(file)) {
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, null);
      for (Certificate root :
          CertificateFactory.getInstance("X.509").generateCertificates(stream)) {
        store.setCertificateEntry("root-" + store.size(), root);
      }
      if (store.size() == 0) {
        throw new IOException(file + ": holds no certificate");
      }
      TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
      trust.init(store);
      SSLContext tls = SSLContext.getInstance("TLS");
      tls.init(null, trust.getTrustManagers(), null);
      return tls;
    } catch (GeneralSecurityException e) {
      throw new IOException(file + ": cannot be read as certificates in PEM", e);
    }
  }

  record Response(int status, String body) {}

  /**
   * Sends a request; the answer has at most a mebioctet.
   *
   * @throws IOException when there is no whole answer in time
   */
  Response send(HttpRequest.Builder request) throws IOException {
    try {
      HttpResponse<InputStream> response =
          client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
      try (InputStream stream = response.body()) {
        byte[] octets = stream.readNBytes(LONGEST_BODY + 1);
        if (octets.length > LONGEST_BODY) {
          throw new IOException("the answer is longer than " + LONGEST_BODY + " octets");
        }
        return new Response(response.statusCode(), new String(octets, StandardCharsets.UTF_8));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  @Override
  public void close() {
    client.shutdownNow();
  }
}
