package dev.chancery.ocsp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.RevocationReason;
import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Base64;
import java.util.Date;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.awaitility.Awaitility;
import org.bouncycastle.cert.X509CertificateHolder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The responder as other people's clients see it. */
final class RelyingPartiesTest {
  private static final BigInteger SERIAL = new BigInteger("7a0000000000000000000001", 16);

  @TempDir Path folder;

  private OcspFixture ocsp;
  private X509CertificateHolder certificate;

  @BeforeEach
  void start() throws Exception {
    ocsp = new OcspFixture();
    certificate = ocsp.authority.endEntity(SERIAL);
    ocsp.set(SERIAL, new CertificateStatus.Good());
    pem("issuer.pem", ocsp.authority.certificate());
    pem("server.pem", certificate);
  }

  @AfterEach
  void stop() {
    ocsp.close();
  }

  private void pem(String name, X509CertificateHolder... holders) throws Exception {
    StringBuilder text = new StringBuilder();
    for (X509CertificateHolder holder : holders) {
      text.append("-----BEGIN CERTIFICATE-----\n")
          .append(Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(holder.getEncoded()))
          .append("\n-----END CERTIFICATE-----\n");
    }
    Files.writeString(folder.resolve(name), text);
  }

  private void revoke() {
    ocsp.set(
        SERIAL,
        new CertificateStatus.Revoked(
            ocsp.clock.instant(), RevocationReason.KEY_COMPROMISE, Optional.empty()));
  }

  private record Ran(int exitCode, String output) {}

  private Ran run(String... command) throws Exception {
    Process process =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    return new Ran(process.exitValue(), output);
  }

  private String openssl(String hash, String nonce) throws Exception {
    Ran ran =
        run(
            "openssl",
            "ocsp",
            "-" + hash,
            "-issuer",
            "issuer.pem",
            "-cert",
            "server.pem",
            "-CAfile",
            "issuer.pem",
            "-url",
            ocsp.url(),
            nonce);
    assertThat(ran.exitCode()).as(ran.output()).isZero();
    return ran.output();
  }

  @ParameterizedTest
  @CsvSource({"sha1,-nonce", "sha1,-no_nonce", "sha256,-nonce", "sha256,-no_nonce"})
  @DisplayName(
      "RFC 6960: openssl ocsp verifies good, then revoked, by both hashes, with a nonce or not")
  void opensslVerifies(String hash, String nonce) throws Exception {
    assertThat(openssl(hash, nonce))
        .contains("Response verify OK")
        .contains("server.pem: good")
        .doesNotContain("WARNING");
    revoke();
    assertThat(openssl(hash, nonce))
        .contains("Response verify OK")
        .contains("server.pem: revoked")
        .contains("Reason: keyCompromise");
  }

  @ParameterizedTest
  @CsvSource({"sha1,-no_nonce", "sha256,-no_nonce", "sha1,-nonce", "sha256,-nonce"})
  @DisplayName("RFC 6960 A.1: openssl ocsp takes the answer to its own request by GET")
  void opensslByGet(String hash, String nonce) throws Exception {
    Ran asked =
        run(
            "openssl",
            "ocsp",
            "-" + hash,
            "-issuer",
            "issuer.pem",
            "-cert",
            "server.pem",
            nonce,
            "-reqout",
            "request.der");
    assertThat(asked.exitCode()).as(asked.output()).isZero();
    String base64 =
        Base64.getEncoder().encodeToString(Files.readAllBytes(folder.resolve("request.der")));
    Files.write(
        folder.resolve("answer.der"),
        ocsp.get(URLEncoder.encode(base64, StandardCharsets.US_ASCII)).body());
    Ran verified =
        run(
            "openssl",
            "ocsp",
            "-respin",
            "answer.der",
            // With whose nonce the answer's is compared.
            "-reqin",
            "request.der",
            "-CAfile",
            "issuer.pem",
            "-resp_text");
    assertThat(verified.output())
        .contains("Response verify OK")
        .contains("Cert Status: good")
        .doesNotContain("WARNING");
  }

  @Test
  @DisplayName("RFC 6960: Java's PKIX accepts the path while good and refuses it once revoked")
  void pkix() throws Exception {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    X509Certificate anchor = certificate(factory, ocsp.authority.certificate());
    X509Certificate server = certificate(factory, certificate);
    CertPathValidator validator = CertPathValidator.getInstance("PKIX");
    PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
    checker.setOcspResponder(URI.create(ocsp.url()));
    checker.setOptions(EnumSet.of(PKIXRevocationChecker.Option.NO_FALLBACK));
    PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(anchor, null)));
    parameters.addCertPathChecker(checker);

    assertThatCode(() -> validator.validate(factory.generateCertPath(List.of(server)), parameters))
        .doesNotThrowAnyException();
    revoke();
    assertThatThrownBy(
            () -> validator.validate(factory.generateCertPath(List.of(server)), parameters))
        .isInstanceOfSatisfying(
            CertPathValidatorException.class,
            e ->
                assertThat(e.getReason())
                    .isEqualTo(CertPathValidatorException.BasicReason.REVOKED));
  }

  @Test
  @DisplayName("RFC 6960: Java's PKIX asks OCSP first, and a CRL when there is no answer")
  void pkixFallsBack() throws Exception {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    X509Certificate anchor = certificate(factory, ocsp.authority.certificate());
    X509Certificate server = certificate(factory, certificate);
    byte[] crl =
        ocsp.authority.crl(
            ocsp.clock.instant().minusSeconds(60),
            ocsp.clock.instant().plusSeconds(3600),
            it -> it.addCRLEntry(SERIAL, Date.from(ocsp.clock.instant()), 1));
    for (boolean answers : new boolean[] {true, false}) {
      CertPathValidator validator = CertPathValidator.getInstance("PKIX");
      PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
      checker.setOcspResponder(URI.create(answers ? ocsp.url() : "http://127.0.0.1:1/"));
      PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(anchor, null)));
      parameters.addCertPathChecker(checker);
      parameters.addCertStore(
          CertStore.getInstance(
              "Collection",
              new CollectionCertStoreParameters(
                  List.of(factory.generateCRL(new ByteArrayInputStream(crl))))));
      ThrowingCallable validate =
          () -> validator.validate(factory.generateCertPath(List.of(server)), parameters);
      // The CRL has it, and OCSP does not: whoever is believed was asked first.
      if (answers) {
        assertThatCode(validate).doesNotThrowAnyException();
      } else {
        assertThatThrownBy(validate).hasMessageContaining("revoked");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"--nonce", "--no-nonce"})
  @DisplayName("RFC 6960: GnuTLS ocsptool verifies good, then revoked, with a nonce or not")
  void gnutls(String nonce) throws Exception {
    String[] command = {
      "ocsptool",
      "--ask=" + ocsp.url(),
      "--load-cert=server.pem",
      "--load-issuer=issuer.pem",
      "--load-trust=issuer.pem",
      nonce
    };
    Ran good = run(command);
    assertThat(good.output())
        .contains("Certificate Status: good")
        .contains("Verifying OCSP Response: Success.");
    assertThat(good.exitCode()).as(good.output()).isZero();
    revoke();
    assertThat(run(command).output())
        .contains("Certificate Status: revoked")
        .contains("Verifying OCSP Response: Success.");
  }

  @Test
  @DisplayName("RFC 6960: NSS takes the chain while good and refuses it once revoked")
  void nss() throws Exception {
    Files.write(
        folder.resolve("server.der"),
        ocsp.authority
            .endEntity(SERIAL, TestAuthority.keyPair().getPublic(), ocsp.url())
            .getEncoded());
    Files.createDirectory(folder.resolve("nss"));
    assertThat(run("certutil", "-N", "-d", "sql:nss", "--empty-password").exitCode()).isZero();
    Ran added =
        run("certutil", "-A", "-d", "sql:nss", "-n", "ca", "-t", "CT,,", "-a", "-i", "issuer.pem");
    assertThat(added.exitCode()).as(added.output()).isZero();
    String[] command = {
      "vfychain",
      "-d",
      "sql:nss",
      "-pp",
      "-u",
      "1",
      "-g",
      "leaf",
      "-m",
      "ocsp",
      "-s",
      "failIfNoInfo",
      "server.der"
    };
    Ran good = run(command);
    assertThat(good.output()).contains("Chain is good!");
    revoke();
    assertThat(run(command).output()).contains("Chain is bad!").containsIgnoringCase("revoked");
  }

  @Test
  @DisplayName("RFC 6066 8: nginx staples the answer, and curl --cert-status takes it while good")
  void stapling() throws Exception {
    stapled("", ran -> assertThat(ran.exitCode()).as(ran.output()).isZero());
  }

  @Test
  @DisplayName("RFC 6066 8: of a revoked certificate curl --cert-status refuses what nginx staples")
  void staplingRevoked() throws Exception {
    revoke();
    // What nginx fetches by itself it staples only while it says good; a file, whatever it says.
    Files.write(folder.resolve("answer.der"), ocsp.post(ocsp.request(SERIAL)).body());
    stapled(
        "ssl_stapling_file answer.der;",
        ran -> {
          assertThat(ran.exitCode()).as(ran.output()).isEqualTo(91);
          assertThat(ran.output()).contains("revocation");
        });
  }

  private void stapled(String more, Consumer<Ran> expectation) throws Exception {
    KeyPair keys = TestAuthority.keyPair();
    // curl finds the issuer, whose key it needs for the CertID, among what the server sends.
    pem(
        "tls.pem",
        ocsp.authority.endEntity(SERIAL, keys.getPublic(), ocsp.url()),
        ocsp.authority.certificate());
    Files.writeString(
        folder.resolve("tls.key"),
        "-----BEGIN PRIVATE KEY-----\n"
            + Base64.getMimeEncoder(64, new byte[] {'\n'})
                .encodeToString(keys.getPrivate().getEncoded())
            + "\n-----END PRIVATE KEY-----\n");
    int port;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    Files.writeString(folder.resolve("nginx.conf"), nginx(port, more));
    Process nginx =
        new ProcessBuilder("nginx", "-p", folder.toString(), "-c", "nginx.conf", "-e", "error.log")
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("nginx.out").toFile())
            .start();
    try {
      String[] curl = {
        "curl",
        "--silent",
        "--show-error",
        "--cert-status",
        "--cacert",
        "issuer.pem",
        "--resolve",
        "localhost:" + port + ":127.0.0.1",
        "https://localhost:" + port + "/"
      };
      // nginx fetches the first answer only when someone has asked for it.
      Awaitility.await()
          .atMost(Duration.ofSeconds(30))
          .untilAsserted(() -> expectation.accept(run(curl)));
    } finally {
      nginx.destroy();
      assertThat(nginx.waitFor(30, TimeUnit.SECONDS)).isTrue();
    }
  }

  private static String nginx(int port, String more) {
    return """
    daemon off;
    master_process off;
    pid nginx.pid;
    events {}
    http {
      access_log off;
      client_body_temp_path body;
      proxy_temp_path proxy;
      fastcgi_temp_path fastcgi;
      uwsgi_temp_path uwsgi;
      scgi_temp_path scgi;
      server {
        listen 127.0.0.1:%d ssl;
        ssl_certificate tls.pem;
        ssl_certificate_key tls.key;
        ssl_stapling on;
        %s
        ssl_stapling_verify on;
        ssl_trusted_certificate issuer.pem;
        location / { return 200 "ok\\n"; }
      }
    }
    """
        .formatted(port, more);
  }

  private static X509Certificate certificate(
      CertificateFactory factory, X509CertificateHolder holder) throws Exception {
    return (X509Certificate)
        factory.generateCertificate(new ByteArrayInputStream(holder.getEncoded()));
  }
}
