package dev.chancery.crl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.RevocationReason;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.testing.DatabaseKind;
import io.javalin.Javalin;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertPathValidatorException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.cert.X509CRLHolder;
import org.bouncycastle.cert.X509CertificateHolder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** CRLs over a socket, and as OpenSSL and Java's PKIX see them. */
final class CrlHttpTest {
  private static final Duration MONTH = Duration.ofDays(30);

  @TempDir Path folder;

  private final HttpClient http = HttpClient.newHttpClient();
  private CrlFixture crl;
  private CrlPublisher publisher;
  private Javalin server;

  private void start(KeyAlgorithm algorithm, boolean pss) throws Exception {
    crl = new CrlFixture(DatabaseKind.H2, folder, algorithm, pss);
    CrlShelf shelf = crl.shelf();
    publisher = crl.publisher(shelf);
    CrlResource resource = new CrlResource(shelf, crl.clock, Duration.ofHours(1));
    server =
        Javalin.create(
                config -> {
                  config.startup.showJavalinBanner = false;
                  resource.mount(config.routes, "/crl");
                })
            .start("127.0.0.1", 0);
  }

  private void start() throws Exception {
    start(KeyAlgorithm.EC_P256, false);
  }

  @AfterEach
  void stop() {
    server.stop();
    publisher.close();
    crl.close();
    http.close();
  }

  private HttpResponse<byte[]> send(String method, String path, String... headers)
      throws Exception {
    URI uri = URI.create("http://127.0.0.1:" + server.port() + path);
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri).method(method, HttpRequest.BodyPublishers.noBody());
    if (headers.length > 0) {
      request.headers(headers);
    }
    return http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
  }

  private HttpResponse<byte[]> get(String... headers) throws Exception {
    return send("GET", "/crl/issuing.crl", headers);
  }

  private static BigInteger number(HttpResponse<byte[]> response) throws Exception {
    Extension extension = new X509CRLHolder(response.body()).getExtension(Extension.cRLNumber);
    return ASN1Integer.getInstance(extension.getParsedValue()).getValue();
  }

  private static Instant date(HttpResponse<byte[]> response, String header) {
    return ZonedDateTime.parse(
            response.headers().firstValue(header).orElseThrow(),
            DateTimeFormatter.RFC_1123_DATE_TIME)
        .toInstant();
  }

  @Test
  @DisplayName("RFC 2585 4.2: application/pkix-crl, the ledger's octets; HEAD has the same headers")
  void served() throws Exception {
    start();
    publisher.publish(CrlFixture.SCOPE);
    HttpResponse<byte[]> response = get("Accept-Encoding", "gzip");
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.headers().firstValue("Content-Type")).hasValue("application/pkix-crl");
    assertThat(response.headers().firstValue("Content-Encoding")).isEmpty();
    byte[] published = CrlFixture.octets(crl.crls.current(CrlFixture.NAME).orElseThrow().encoded());
    assertThat(response.body()).isEqualTo(published);

    HttpResponse<byte[]> head = send("HEAD", "/crl/issuing.crl");
    assertThat(head.statusCode()).isEqualTo(200);
    assertThat(head.body()).isEmpty();
    assertThat(head.headers().firstValueAsLong("Content-Length")).hasValue(published.length);
    assertThat(head.headers().firstValue("ETag")).isEqualTo(response.headers().firstValue("ETag"));
  }

  @Test
  @DisplayName(
      "RFC 9111: freshness of an hour at most, never beyond nextUpdate; 304 on If-None-Match")
  void caching() throws Exception {
    start();
    publisher.publish(CrlFixture.SCOPE);
    HttpResponse<byte[]> first = get();
    assertThat(first.headers().firstValue("Cache-Control"))
        .hasValue("max-age=3600, public, no-transform, must-revalidate");
    Instant now = crl.clock.instant().truncatedTo(ChronoUnit.SECONDS);
    assertThat(date(first, "Expires")).isEqualTo(now.plusSeconds(3600));
    assertThat(date(first, "Last-Modified")).isEqualTo(now);
    String tag = first.headers().firstValue("ETag").orElseThrow();
    for (String condition : new String[] {tag, "W/" + tag, "\"x\", " + tag, "*"}) {
      HttpResponse<byte[]> same = get("If-None-Match", condition);
      assertThat(same.statusCode()).as(condition).isEqualTo(304);
      assertThat(same.body()).isEmpty();
      assertThat(same.headers().firstValue("ETag")).hasValue(tag);
    }
    publisher.publish(CrlFixture.SCOPE);
    assertThat(get("If-None-Match", tag).statusCode()).isEqualTo(200);

    crl.clock.advance(Duration.ofDays(7).minusMinutes(10));
    HttpResponse<byte[]> late = get();
    assertThat(late.headers().firstValue("Cache-Control").orElseThrow()).startsWith("max-age=599,");
    assertThat(date(late, "Expires")).isBeforeOrEqualTo(now.plus(Duration.ofDays(7)));
    crl.clock.advance(Duration.ofDays(1));
    assertThat(get().headers().firstValue("Cache-Control").orElseThrow()).startsWith("max-age=0,");
  }

  @Test
  @DisplayName(
      "A CRL that another node published is served within a second, and none older after it")
  void anotherNode() throws Exception {
    start();
    publisher.publish(CrlFixture.SCOPE);
    assertThat(number(get())).isEqualTo(crl.crls.numbers().getFirst());
    try (CrlPublisher other = crl.publisher(crl.shelf())) {
      other.publish(CrlFixture.SCOPE);
    }
    crl.clock.advance(Duration.ofSeconds(1));
    BigInteger newest = crl.crls.numbers().get(1);
    assertThat(number(get())).isEqualTo(newest);

    // Nor while nobody can say which is the newest.
    crl.crls.set(FaultyCrlLedger.Fault.EVERYTHING);
    crl.clock.advance(Duration.ofMinutes(1));
    assertThat(number(get())).isEqualTo(newest);
  }

  @Test
  @DisplayName("The root's CRL, which the ceremony put into the ledger, is served like the others")
  void issuerWithoutPublisher() throws Exception {
    start();
    IssuerId root = new IssuerId("root");
    new IssuerRegistry(crl.database).register(root, crl.issuer.key().publicKey());
    CrlIssuer issuer =
        new CrlIssuer(root, crl.issuer.certificate(), crl.issuer.key(), CrlFixture.SETTINGS);
    try (CrlPublisher ceremony =
        new CrlPublisher(
            List.of(issuer), crl.crls, crl.revocations, crl.shelf(), crl.clock, name -> {})) {
      ceremony.publish(CrlScope.unsharded(root));
    }
    assertThat(number(send("GET", "/crl/root.crl"))).isEqualTo(crl.crls.numbers().getLast());
  }

  @Test
  @DisplayName("The last CRL is served while the database is away; without one it is 503, not 404")
  void databaseAway() throws Exception {
    start();
    crl.crls.set(FaultyCrlLedger.Fault.EVERYTHING);
    HttpResponse<byte[]> none = get();
    assertThat(none.statusCode()).isEqualTo(503);
    assertThat(none.headers().firstValue("Retry-After")).hasValue("10");
    assertThat(new String(none.body(), StandardCharsets.UTF_8)).isEqualTo("try again later\n");

    crl.crls.set(FaultyCrlLedger.Fault.NONE);
    publisher.publish(CrlFixture.SCOPE);
    byte[] served = get().body();
    crl.crls.set(FaultyCrlLedger.Fault.EVERYTHING);
    crl.clock.advance(Duration.ofMinutes(5));
    assertThat(get().body()).isEqualTo(served);
  }

  @Test
  @DisplayName("A flood of names that are not there asks the database once a second, up or away")
  void flood() throws Exception {
    start();
    for (int i = 0; i < 50; i++) {
      assertThat(send("GET", "/crl/issuing/" + (i + 1) + ".crl").statusCode()).isEqualTo(404);
      assertThat(send("GET", "/crl/other" + i + ".crl").statusCode()).isEqualTo(404);
    }
    assertThat(crl.crls.looks()).isEqualTo(1);
    crl.clock.advance(Duration.ofSeconds(1));
    crl.crls.set(FaultyCrlLedger.Fault.EVERYTHING);
    for (int i = 0; i < 50; i++) {
      assertThat(send("GET", "/crl/other" + i + ".crl").statusCode()).isEqualTo(503);
    }
    assertThat(crl.crls.looks()).isEqualTo(2);
  }

  @Test
  @DisplayName("Whatever else is asked for is not found")
  void notFound() throws Exception {
    start();
    for (String path :
        new String[] {
          "/crl/issuing.crl",
          "/crl/other.crl",
          "/crl/Issuing.crl",
          "/crl/%2e%2e.crl",
          "/crl/issuing.pem",
          "/crl/.crl",
          "/crl/a%00b.crl",
          "/crl/" + "a".repeat(3000) + ".crl"
        }) {
      HttpResponse<byte[]> response = send("GET", path);
      assertThat(response.statusCode()).as(path).isIn(400, 404);
      assertThat(new String(response.body(), StandardCharsets.UTF_8))
          .as(path)
          .doesNotContain("Exception");
    }
  }

  @ParameterizedTest
  @CsvSource({"EC_P256,false", "RSA_2048,false", "RSA_2048,true"})
  @DisplayName("RFC 5280 6.3: openssl verify -crl_check accepts, and refuses once revoked")
  void openssl(KeyAlgorithm algorithm, boolean pss) throws Exception {
    start(algorithm, pss);
    X509CertificateHolder certificate = crl.issued(MONTH);
    pem("issuer.pem", "CERTIFICATE", crl.issuer.certificate().getEncoded());
    pem("server.pem", "CERTIFICATE", certificate.getEncoded());
    publisher.publish(CrlFixture.SCOPE);
    pem("crl.pem", "X509 CRL", get().body());
    List<String> verify =
        List.of(
            "openssl",
            "verify",
            "-x509_strict",
            "-crl_check",
            "-CAfile",
            "issuer.pem",
            "-CRLfile",
            "crl.pem",
            "server.pem");
    assertThat(run(verify)).contains("server.pem: OK");

    crl.revoke(certificate, RevocationReason.KEY_COMPROMISE, Optional.of(Instant.EPOCH));
    publisher.publish(CrlFixture.SCOPE);
    pem("crl.pem", "X509 CRL", get().body());
    assertThat(run(verify)).contains("certificate revoked");
    assertThat(run(List.of("openssl", "crl", "-in", "crl.pem", "-noout", "-text")))
        .contains("Key Compromise")
        .contains("Invalidity Date");
  }

  private String run(List<String> command) throws Exception {
    Process process =
        new ProcessBuilder(new ArrayList<>(command))
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    return output;
  }

  private void pem(String name, String type, byte[] encoded) throws Exception {
    Files.writeString(
        folder.resolve(name),
        "-----BEGIN "
            + type
            + "-----\n"
            + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(encoded)
            + "\n-----END "
            + type
            + "-----\n");
  }

  @Test
  @DisplayName("RFC 5280 6.3: Java's PKIX accepts, and refuses once revoked")
  void pkix() throws Exception {
    start();
    X509CertificateHolder certificate = crl.issued(MONTH);
    publisher.publish(CrlFixture.SCOPE);
    validate(certificate);

    crl.revoke(certificate, RevocationReason.SUPERSEDED);
    publisher.publish(CrlFixture.SCOPE);
    CertPathValidatorException refused =
        catchThrowableOfType(CertPathValidatorException.class, () -> validate(certificate));
    assertThat(refused.getReason()).isEqualTo(CertPathValidatorException.BasicReason.REVOKED);
  }

  private void validate(X509CertificateHolder holder) throws Exception {
    crl.validate(holder, get().body());
  }
}
