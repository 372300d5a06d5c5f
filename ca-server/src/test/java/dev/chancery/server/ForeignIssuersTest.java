package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import dev.chancery.core.BouncyCastle;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.hsm.KeyId;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509v2CRLBuilder;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A server that answers for another CA as well, over its sockets. */
@DisplayName("OCSP for a CA that is not run here")
@Execution(ExecutionMode.CONCURRENT)
final class ForeignIssuersTest {
  private static final X500Name OLD = new X500Name("CN=Old CA");
  private static final BigInteger REVOKED = BigInteger.valueOf(4711);

  @TempDir Path folder;

  private final Instant now = Clock.systemUTC().instant();
  private Path home;
  private ContentSigner signing;
  private X509CertificateHolder old;
  private SubjectPublicKey responder;

  @BeforeEach
  void prepare() throws Exception {
    home = folder.resolve("home");
    assertThat(CommandRun.of("init", "--home", home.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
    try (OpenedHome opened = OpenedHome.open(home, Clock.systemUTC())) {
      responder =
          opened.tokens().all().get("default").generate(new KeyId("0f"), KeyAlgorithm.EC_P256);
    }
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", BouncyCastle.PROVIDER);
    generator.initialize(256);
    KeyPair keys = generator.generateKeyPair();
    signing =
        new JcaContentSignerBuilder("SHA256withECDSA")
            .setProvider(BouncyCastle.PROVIDER)
            .build(keys.getPrivate());
    old = certificate(OLD, BigInteger.ONE, keys.getPublic().getEncoded(), true);
    pem("old.pem", old);
    pem("signer.pem", certificate("CN=Old responder", 2, KeyPurposeId.id_kp_OCSPSigning));
    pem("server.pem", certificate("CN=server", 4711, KeyPurposeId.id_kp_serverAuth));
    Files.write(home.resolve("old.crl"), crl(1, REVOKED));
  }

  private X509CertificateHolder certificate(String subject, int serial, KeyPurposeId purpose)
      throws Exception {
    return builder(new X500Name(subject), BigInteger.valueOf(serial), responder.encoded().bytes())
        .addExtension(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(purpose))
        .build(signing);
  }

  private X509CertificateHolder certificate(
      X500Name subject, BigInteger serial, byte[] key, boolean authority) throws Exception {
    return builder(subject, serial, key)
        .addExtension(Extension.basicConstraints, true, new BasicConstraints(authority))
        .build(signing);
  }

  private X509v3CertificateBuilder builder(X500Name subject, BigInteger serial, byte[] key) {
    return new X509v3CertificateBuilder(
        OLD,
        serial,
        Date.from(now.minusSeconds(600)),
        Date.from(now.plus(Duration.ofDays(2))),
        subject,
        SubjectPublicKeyInfo.getInstance(key));
  }

  private byte[] crl(int age, BigInteger... revoked) throws Exception {
    X509v2CRLBuilder crl = new X509v2CRLBuilder(OLD, Date.from(now.minusSeconds(60L * age)));
    crl.setNextUpdate(Date.from(now.plusSeconds(3600)));
    for (BigInteger serial : revoked) {
      crl.addCRLEntry(serial, Date.from(now.minusSeconds(300)), 4);
    }
    return crl.build(signing).getEncoded();
  }

  private void pem(String name, X509CertificateHolder certificate) throws Exception {
    Files.writeString(
        home.resolve(name),
        "-----BEGIN CERTIFICATE-----\n"
            + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(certificate.getEncoded())
            + "\n-----END CERTIFICATE-----\n");
  }

  private static Map<String, String> foreign(String crl, String signer) {
    Map<String, String> overrides =
        new TreeMap<>(
            Map.of(
                "listeners.public", "{host: 127.0.0.1, port: 0}",
                "listeners.api", "{host: 127.0.0.1, port: 0}",
                "listeners.admin.port", "0",
                "listeners.management.port", "0"));
    overrides.put(
        "ocsp.foreign",
        "[{name: old-ca, certificate: old.pem, crl: '"
            + crl
            + "', refresh: 1s, signerCertificate: "
            + signer
            + ", signerKeyId: '0f'}]");
    return overrides;
  }

  private Server start(Map<String, String> overrides, AtomicReference<Addresses> started)
      throws Exception {
    Home opened = Home.open(home);
    return Server.start(
        opened,
        Configuration.read(opened, overrides),
        Clock.systemUTC(),
        new SecureRandom(),
        started::set);
  }

  private JsonNode asked(Addresses addresses) throws Exception {
    CommandRun run =
        CommandRun.of(
            "ocsp",
            "check",
            "--home",
            home.toString(),
            "--output",
            "json",
            "--url",
            addresses.publicUrl() + "/ocsp",
            "--issuer",
            home.resolve("old.pem").toString(),
            home.resolve("server.pem").toString());
    return new ObjectMapper().readTree(run.out());
  }

  @Test
  @DisplayName("from a file, read anew again and again; an older one changes nothing")
  void file() throws Exception {
    AtomicReference<Addresses> started = new AtomicReference<>();
    try (Server _ = start(foreign("old.crl", "signer.pem"), started)) {
      JsonNode revoked = asked(started.get());
      assertThat(revoked.path("status").asText()).as(revoked.toString()).isEqualTo("revoked");
      assertThat(revoked.path("verified").asBoolean()).isTrue();
      assertThat(revoked.path("signer").asText()).isEqualTo("CN=Old responder");

      Files.write(home.resolve("old.crl"), crl(0));
      Awaitility.await()
          .atMost(Duration.ofSeconds(30))
          .until(() -> asked(started.get()).path("status").asText().equals("good"));
      Files.write(home.resolve("old.crl"), crl(5, REVOKED));
      Thread.sleep(2500);
      assertThat(asked(started.get()).path("status").asText()).isEqualTo("good");
    }
  }

  @Test
  @DisplayName("from a URL; as long as that does not answer: tryLater, and all else works")
  void url() throws Exception {
    AtomicReference<byte[]> published = new AtomicReference<>();
    HttpServer web =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    web.createContext(
        "/old.crl",
        exchange -> {
          byte[] content = published.get();
          exchange.sendResponseHeaders(content == null ? 503 : 200, 0);
          try (var body = exchange.getResponseBody()) {
            body.write(content == null ? new byte[] {1} : content);
          }
        });
    web.start();
    AtomicReference<Addresses> started = new AtomicReference<>();
    String crl = "http://127.0.0.1:" + web.getAddress().getPort() + "/old.crl";
    Map<String, String> overrides = foreign(crl, "signer.pem");
    // The first one is not waited for as long as each of the others.
    overrides.computeIfPresent("ocsp.foreign", (_, text) -> text.replace("1s", "1h"));
    try (Server _ = start(overrides, started)) {
      assertThat(asked(started.get()).path("response").asText()).isEqualTo("tryLater");
      published.set(crl(0, REVOKED));
      Awaitility.await()
          .atMost(Duration.ofSeconds(30))
          .until(() -> asked(started.get()).path("status").asText().equals("revoked"));
    } finally {
      web.stop(0);
    }
  }

  @Test
  @DisplayName("a certificate for the signer is asked for, and until it is there all else works")
  void requested() throws Exception {
    Map<String, String> overrides = foreign("old.crl", "later.pem");
    Home opened = Home.open(home);
    OfflineRoot root =
        new OfflineRoot(
            opened,
            Configuration.read(opened, overrides),
            Clock.systemUTC(),
            new SecureRandom(),
            name -> null);
    assertThatThrownBy(() ->
            root.requestSigner(
                new IssuerId("other"), KeyAlgorithm.EC_P256, new X500Name("CN=Old responder")))
        .hasMessageContaining("ocsp.foreign has no CA named other");

    Path request =
        root.requestSigner(
            new IssuerId("old-ca"), KeyAlgorithm.EC_P256, new X500Name("CN=Old responder"));
    assertThat(request).isEqualTo(home.resolve("ca/old-ca.csr"));
    assertThat(PemFile.request(request).publicKey()).isEqualTo(responder);

    AtomicReference<Addresses> started = new AtomicReference<>();
    try (Server _ = start(overrides, started)) {
      assertThat(asked(started.get()).path("response").asText()).isEqualTo("unauthorized");
    }
    Files.copy(home.resolve("signer.pem"), home.resolve("later.pem"));
    try (Server _ = start(overrides, started)) {
      assertThat(asked(started.get()).path("status").asText()).isEqualTo("revoked");
    }
  }

  @Test
  @DisplayName("a CRL that never ends is given up")
  void dripping() throws Exception {
    HttpServer web =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    web.createContext(
        "/old.crl",
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          try (var body = exchange.getResponseBody()) {
            for (int i = 0; i < 300; i++) {
              body.write(1);
              body.flush();
              Thread.sleep(100);
            }
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
    web.start();
    try (HttpClient http = HttpClient.newHttpClient()) {
      HttpRequest request =
          HttpRequest.newBuilder(
                  URI.create("http://127.0.0.1:" + web.getAddress().getPort() + "/old.crl"))
              .build();
      assertThatThrownBy(() -> ForeignIssuers.whole(http, request, Duration.ofMillis(500)))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("no whole answer");
    } finally {
      web.stop(0);
    }
  }

  @Test
  @DisplayName("RFC 6960 4.2.2.2: a start with a certificate that is for something else is refused")
  void notDelegated() {
    assertThatThrownBy(
            () -> start(foreign("old.crl", "server.pem"), new AtomicReference<>()).close())
        .isInstanceOf(ConfigurationInvalid.class)
        .hasMessageContaining("not for signing OCSP answers");
  }
}
