package dev.chancery.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/** Sends the octets of a request over TLS as they are, and reads one HTTP/1.1 answer. */
final class RawHttps {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int PATIENCE_MILLIS = 60_000;

  private final SSLContext tls;
  private final int port;

  private RawHttps(SSLContext tls, int port) {
    this.tls = tls;
    this.port = port;
  }

  static RawHttps trusting(Path roots, int port, Optional<Credential> credential) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    try (InputStream file = Files.newInputStream(roots)) {
      for (Certificate root : CertificateFactory.getInstance("X.509").generateCertificates(file)) {
        store.setCertificateEntry("root" + store.size(), root);
      }
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(store);
    KeyManager[] keys = null;
    if (credential.isPresent()) {
      KeyManagerFactory factory = KeyManagerFactory.getInstance("PKIX");
      factory.init(credential.get().keyStore(), new char[0]);
      keys = factory.getKeyManagers();
    }
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(keys, trust.getTrustManagers(), null);
    return new RawHttps(tls, port);
  }

  SSLContext context() {
    return tls;
  }

  /** Values of a header that comes more than once stand one on a line. */
  @SuppressWarnings("ArrayRecordComponent") // read, never compared as a whole
  record Answer(int status, Map<String, String> headers, byte[] body) {
    JsonNode json() {
      try {
        return JSON.readTree(body);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    String text() {
      return new String(body, StandardCharsets.UTF_8);
    }

    @Override
    public String toString() {
      return status + " " + headers + " " + text();
    }
  }

  /** A request whose body, if it has one, is sent with its length. */
  Answer send(String head, String body) throws IOException {
    byte[] content = body.getBytes(StandardCharsets.UTF_8);
    String lines = head.strip().replace("\n", "\r\n");
    String length = content.length == 0 ? "" : "Content-Length: " + content.length + "\r\n";
    return exchange(
        (lines + "\r\n" + length + "Connection: close\r\n\r\n" + body)
            .getBytes(StandardCharsets.UTF_8));
  }

  /** A request that is sent as it stands; its answer says how long it is. */
  Answer verbatim(String request) throws IOException {
    return exchange(request.getBytes(StandardCharsets.UTF_8));
  }

  private Answer exchange(byte[] octets) throws IOException {
    try (SSLSocket socket = (SSLSocket) tls.getSocketFactory().createSocket("localhost", port)) {
      socket.setSoTimeout(PATIENCE_MILLIS);
      OutputStream output = socket.getOutputStream();
      output.write(octets);
      output.flush();
      return read(new BufferedInputStream(socket.getInputStream()));
    }
  }

  private static Answer read(InputStream stream) throws IOException {
    String status = line(stream);
    Map<String, String> headers = new TreeMap<>();
    for (String line = line(stream); !line.isEmpty(); line = line(stream)) {
      int colon = line.indexOf(':');
      headers.merge(
          line.substring(0, colon).toLowerCase(Locale.ROOT),
          line.substring(colon + 1).strip(),
          (first, second) -> first + "\n" + second);
    }
    byte[] body =
        "chunked".equals(headers.get("transfer-encoding"))
            ? chunks(stream)
            : stream.readNBytes(Integer.parseInt(headers.getOrDefault("content-length", "0")));
    if ("gzip".equals(headers.get("content-encoding"))) {
      try (InputStream unzipped = new GZIPInputStream(new ByteArrayInputStream(body))) {
        body = unzipped.readAllBytes();
      }
    }
    return new Answer(Integer.parseInt(status.split(" ", 3)[1]), headers, body);
  }

  private static byte[] chunks(InputStream stream) throws IOException {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    for (int length = chunk(stream); length > 0; length = chunk(stream)) {
      body.write(stream.readNBytes(length));
      line(stream);
    }
    return body.toByteArray();
  }

  private static int chunk(InputStream stream) throws IOException {
    return Integer.parseInt(line(stream), 16);
  }

  private static String line(InputStream stream) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int octet = stream.read(); octet != '\n'; octet = stream.read()) {
      if (octet < 0) {
        throw new IOException("no whole answer: " + line);
      }
      line.append((char) octet);
    }
    return line.toString().strip();
  }
}
