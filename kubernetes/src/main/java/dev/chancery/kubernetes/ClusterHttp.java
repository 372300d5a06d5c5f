package dev.chancery.kubernetes;

import java.io.ByteArrayInputStream;
import java.io.IOException;
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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Speaks to a cluster's API server: trusts the roots in one file, and shows the token in another.
 * Clusters replace both, so a changed file is read anew.
 */
final class ClusterHttp implements AutoCloseable {
  private static final int LONGEST_BODY = 1024 * 1024;
  private static final Duration CONNECT = Duration.ofSeconds(5);
  private static final Duration LIMIT = Duration.ofSeconds(10);

  private static final Logger LOG = LoggerFactory.getLogger(ClusterHttp.class);

  private final Optional<Path> roots;
  private final Optional<Path> tokenFile;
  private Trusting trusting;

  /** Connections by what the roots' file held at a time. */
  private record Trusting(String roots, HttpClient client) {}

  /**
   * @param roots a PEM file; the system's when empty
   * @param tokenFile a token that every request shows
   * @throws IOException when the file of roots cannot be read or has no certificate in it
   */
  ClusterHttp(Optional<Path> roots, Optional<Path> tokenFile) throws IOException {
    this.roots = roots;
    this.tokenFile = tokenFile;
    this.trusting = trusting(content());
  }

  private String content() throws IOException {
    return roots.isPresent() ? Files.readString(roots.get(), StandardCharsets.ISO_8859_1) : "";
  }

  /** What cannot be read, as a file that is just being replaced, leaves what was trusted before. */
  private synchronized HttpClient client() {
    try {
      String content = content();
      if (!content.equals(trusting.roots())) {
        Trusting before = trusting;
        trusting = trusting(content);
        // Lets its requests end, and waits for none.
        before.client().shutdown();
        LOG.info("{}: has changed and is read anew", roots.orElseThrow());
      }
    } catch (IOException e) {
      LOG.error("the roots of a cluster stay what they were: {}", e.toString());
    }
    return trusting.client();
  }

  private Trusting trusting(String content) throws IOException {
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .connectTimeout(CONNECT)
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER);
    if (roots.isPresent()) {
      builder.sslContext(context(roots.get(), content));
    }
    return new Trusting(content, builder.build());
  }

  private static SSLContext context(Path file, String content) throws IOException {
    try {
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, null);
      for (Certificate root :
          CertificateFactory.getInstance("X.509")
              .generateCertificates(
                  new ByteArrayInputStream(content.getBytes(StandardCharsets.ISO_8859_1)))) {
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
   * Sends a request within ten seconds; the answer has at most a mebioctet.
   *
   * @throws IOException when there is no whole answer in time
   */
  Response send(HttpRequest.Builder request) throws IOException {
    if (tokenFile.isPresent()) {
      authorize(request, tokenFile.get());
    }
    CompletableFuture<HttpResponse<String>> answer =
        client()
            .sendAsync(
                request.build(),
                HttpResponse.BodyHandlers.limiting(
                    HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8), LONGEST_BODY));
    try {
      HttpResponse<String> response = answer.get(LIMIT.toMillis(), TimeUnit.MILLISECONDS);
      return new Response(response.statusCode(), response.body());
    } catch (TimeoutException e) {
      // The request's own limit, were there one, would end with the head of the answer.
      throw new IOException("no whole answer within " + LIMIT.toSeconds() + " seconds", e);
    } catch (ExecutionException e) {
      throw new IOException(String.valueOf(e.getCause()), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      answer.cancel(true);
    }
  }

  private static void authorize(HttpRequest.Builder request, Path file) throws IOException {
    String token = Files.readString(file).strip();
    try {
      request.header("Authorization", "Bearer " + token);
    } catch (IllegalArgumentException e) {
      // Without its message: that is about a header, and the header holds the token.
      throw new IOException(file + ": holds no token that can be sent");
    }
  }

  @Override
  public synchronized void close() {
    trusting.client().shutdownNow();
  }
}
