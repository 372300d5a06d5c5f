package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.channels.Selector;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Map;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("The threads of a listener")
class HttpListenerThreadsTest {
  private static final int SLOW_CLIENTS = 100;

  @Test
  @DisplayName("are virtual for requests, and platform threads for what waits in the kernel")
  void threads() throws Exception {
    // A name that no listener of another test has.
    BoundPort port = BoundPort.bind("counted", new Configuration.ListenerSection("127.0.0.1", 0));
    try (port;
        HttpListener listener =
            HttpListener.http(
                port,
                UriCompliance.DEFAULT,
                config ->
                    config.routes.get(
                        "/", context -> context.result(Thread.currentThread().toString())));
        HttpClient http = HttpClient.newHttpClient()) {
      URI url = URI.create("http://127.0.0.1:" + port.port() + "/");
      for (int i = 0; i < 20; i++) {
        assertThat(http.send(HttpRequest.newBuilder(url).build(), BodyHandlers.ofString()).body())
            .startsWith("VirtualThread[");
      }

      // Of the platform threads only: virtual ones are not in this list.
      Map<Thread, StackTraceElement[]> threads = Thread.getAllStackTraces();
      List<String> listening =
          threads.keySet().stream()
              .map(Thread::getName)
              .filter(name -> name.startsWith("counted-"))
              .toList();
      assertThat(listening).hasSizeBetween(1, 8);
      assertThat(threads)
          .anySatisfy((thread, stack) -> {
            assertThat(thread.getName()).startsWith("counted-");
            assertThat(Arrays.stream(stack).map(StackTraceElement::getClassName))
                .anyMatch(name -> name.contains(Selector.class.getSimpleName()));
          });
      assertThat(listener).isNotNull();
    }
  }

  @Test
  @DisplayName("over TLS too are virtual, so that no number of slow clients keeps others out")
  void slowOverTls() throws Exception {
    BoundPort port = BoundPort.bind("api", new Configuration.ListenerSection("127.0.0.1", 0));
    List<SSLSocket> slow = new ArrayList<>();
    KeyStore store = selfSigned();
    SSLContext client = clientTls(store);
    try (HttpListener _ =
        HttpListener.https(
            port,
            serverTls(store),
            config ->
                config.routes.post(
                    "/",
                    context -> {
                      int length = context.req().getInputStream().readAllBytes().length;
                      context.result(length + " " + Thread.currentThread());
                    }))) {
      for (int i = 0; i < SLOW_CLIENTS; i++) {
        SSLSocket socket = connect(client, port.port());
        slow.add(socket);
        request(socket, 100, "half of a body");
      }
      // Some go on by an octet, and are no quicker for it.
      for (SSLSocket socket : slow.subList(0, SLOW_CLIENTS / 2)) {
        socket.getOutputStream().write('.');
      }
      for (int i = 0; i < 5; i++) {
        try (SSLSocket quick = connect(client, port.port())) {
          request(quick, 4, "body");
          assertThat(new String(quick.getInputStream().readAllBytes(), StandardCharsets.US_ASCII))
              .startsWith("HTTP/1.1 200")
              .contains("4 VirtualThread[");
        }
      }
    } finally {
      for (SSLSocket socket : slow) {
        socket.close();
      }
    }
  }

  private static void request(SSLSocket socket, int length, String body) throws IOException {
    socket
        .getOutputStream()
        .write(
            ("POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: "
                    + length
                    + "\r\n\r\n"
                    + body)
                .getBytes(StandardCharsets.US_ASCII));
    socket.getOutputStream().flush();
  }

  /** A self-signed certificate, and a context that trusts it alone. */
  private static KeyStore selfSigned() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    KeyPair keys = generator.generateKeyPair();
    X500Name name = new X500Name("CN=localhost");
    X509Certificate certificate =
        new JcaX509CertificateConverter()
            .getCertificate(
                new JcaX509v3CertificateBuilder(
                        name,
                        BigInteger.ONE,
                        Date.from(Instant.now().minusSeconds(60)),
                        Date.from(Instant.now().plusSeconds(3600)),
                        name,
                        keys.getPublic())
                    .build(
                        new JcaContentSignerBuilder("SHA256withECDSA").build(keys.getPrivate())));
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry("tls", keys.getPrivate(), new char[0], new Certificate[] {certificate});
    store.setCertificateEntry("trusted", certificate);
    return store;
  }

  private static SslContextFactory.Server serverTls(KeyStore store) {
    SslContextFactory.Server factory = new SslContextFactory.Server();
    factory.setKeyStore(store);
    factory.setKeyStorePassword("");
    return factory;
  }

  private static SSLContext clientTls(KeyStore store) throws Exception {
    TrustManagerFactory roots = TrustManagerFactory.getInstance("PKIX");
    roots.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, roots.getTrustManagers(), null);
    return context;
  }

  private static SSLSocket connect(SSLContext context, int port) throws IOException {
    SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket("127.0.0.1", port);
    socket.setSoTimeout(20_000);
    return socket;
  }
}
