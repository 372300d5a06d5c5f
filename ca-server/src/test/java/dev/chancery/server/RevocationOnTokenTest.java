package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.chancery.testing.SoftHsmToken;
import java.io.ByteArrayInputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.bouncycastle.asn1.x509.CRLDistPoint;
import org.bouncycastle.asn1.x509.DistributionPointName;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.IssuingDistributionPoint;
import org.bouncycastle.cert.X509CRLHolder;
import org.bouncycastle.cert.X509CertificateHolder;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * A whole server with shards, delta CRLs, a directory and its OCSP signer's key in a token, judged
 * by what other people wrote. What is revoked stays so: the tests have an order.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@DisplayName("Revocation by a whole server")
final class RevocationOnTokenTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String OWN = "tls/api.pem";

  private static Path home;
  private static int publicPort;
  private static int managementPort;
  private static final Map<String, String> SETTINGS = new HashMap<>();
  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static Server server;
  private static X509CertificateHolder revoked;
  private static X509CertificateHolder good;

  @BeforeAll
  static void start(@TempDir Path folder) throws Exception {
    home = folder.resolve("home");
    assertThat(CommandRun.of("init", "--home", home.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
    SoftHsmToken token =
        SoftHsmToken.create(folder, "ocsp-" + UUID.randomUUID().toString().substring(0, 8));
    // SoftHSM2 sees no token that is made after it was loaded: a copy with a state of its own.
    Path module = Files.copy(token.library().toRealPath(), folder.resolve("libsofthsm2.so"));
    publicPort = free();
    managementPort = free();
    SETTINGS.putAll(
        Map.of(
            "listeners.public", "{host: 127.0.0.1, port: " + publicPort + "}",
            "listeners.api", "{host: 127.0.0.1, port: 0}",
            "listeners.admin.port", "0",
            "listeners.management.port", Integer.toString(managementPort),
            "tokens",
                "{hsm: {library: %s, label: %s, pinFile: %s}}"
                    .formatted(module, token.label(), token.pinFile()),
            "issuers.0.ocspToken", "hsm",
            "crl.shards", "2",
            "crl.delta", "{validity: 1d, base: 3d}",
            "crl.directories", "[" + Files.createDirectory(folder.resolve("www")) + "]"));
    // Two certificates of the server's own, of which only the second one is in use.
    serve();
    revoked = own();
    server.close();
    Files.delete(home.resolve(OWN));
    serve();
    good = own();
  }

  private static int free() throws Exception {
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return free.getLocalPort();
    }
  }

  private static void serve() throws Exception {
    Home opened = Home.open(home);
    AtomicReference<Addresses> started = new AtomicReference<>();
    server =
        Server.start(
            opened,
            Configuration.read(opened, SETTINGS),
            Clock.systemUTC(),
            new SecureRandom(),
            started::set);
    assertThat(started).doesNotHaveNullValue();
  }

  @AfterAll
  static void stop() {
    server.close();
    HTTP.close();
  }

  private static CommandRun command(String... arguments) {
    List<String> command = new ArrayList<>(List.of(arguments));
    command.addAll(2, List.of("--home", home.toString(), "--output", "json"));
    return CommandRun.of(command.toArray(String[]::new));
  }

  private static JsonNode done(CommandRun run) throws Exception {
    assertThat(run.exitCode()).as(run.err() + run.out()).isZero();
    return JSON.readTree(run.out());
  }

  private static String serial(X509CertificateHolder certificate) {
    String digits = certificate.getSerialNumber().toString(16);
    return digits.length() % 2 == 0 ? digits : "0" + digits;
  }

  private static byte[] get(String url) throws Exception {
    HttpResponse<byte[]> answer =
        HTTP.send(
            HttpRequest.newBuilder(URI.create(url)).build(),
            HttpResponse.BodyHandlers.ofByteArray());
    assertThat(answer.statusCode()).as(url).isEqualTo(200);
    return answer.body();
  }

  private static String place(String path) {
    return "http://localhost:" + publicPort + path;
  }

  private static X509CertificateHolder own() throws Exception {
    return new X509CertificateHolder(
        Credential.read(home.resolve(OWN)).orElseThrow().certificate().getEncoded());
  }

  private static X509CertificateHolder revoked() {
    return revoked;
  }

  private static X509CertificateHolder good() {
    return good;
  }

  private static String distributionPoint(X509CertificateHolder certificate) {
    return names(
            CRLDistPoint.getInstance(
                    certificate.getExtension(Extension.cRLDistributionPoints).getParsedValue())
                .getDistributionPoints()[0]
                .getDistributionPoint())
        .getFirst();
  }

  private static List<String> names(DistributionPointName name) {
    List<String> names = new ArrayList<>();
    for (var each : GeneralNames.getInstance(name.getName()).getNames()) {
      names.add(each.getName().toString());
    }
    return names;
  }

  private static String deltaOf(String complete) {
    return complete.replace(".crl", "-delta.crl");
  }

  private static String pem(String name, String type, byte[]... all) throws Exception {
    StringBuilder text = new StringBuilder();
    for (byte[] each : all) {
      text.append("-----BEGIN ")
          .append(type)
          .append("-----\n")
          .append(Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(each))
          .append("\n-----END ")
          .append(type)
          .append("-----\n");
    }
    Files.writeString(home.resolve(name), text);
    return name;
  }

  private static String run(String... command) throws Exception {
    Process process =
        new ProcessBuilder(command).directory(home.toFile()).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    return output;
  }

  private static String verified(X509CertificateHolder certificate, byte[]... lists)
      throws Exception {
    return run(
        "openssl",
        "verify",
        "-x509_strict",
        "-crl_check_all",
        "-extended_crl",
        "-use_deltas",
        "-CAfile",
        "root.pem",
        "-untrusted",
        "ca/issuing.pem",
        "-CRLfile",
        pem("lists.pem", "X509 CRL", lists),
        pem("leaf.pem", "CERTIFICATE", certificate.getEncoded()));
  }

  private static boolean isListed(String url, X509CertificateHolder certificate) throws Exception {
    return new X509CRLHolder(get(url)).getRevokedCertificate(certificate.getSerialNumber()) != null;
  }

  @Test
  @Order(1)
  @DisplayName("crl verify finds every list, and the metrics of the alerts are there")
  void served() throws Exception {
    JsonNode rows = done(command("crl", "verify"));
    assertThat(rows).hasSize(6);
    assertThat(rows)
        .allSatisfy(row -> assertThat(row.path("usable").asBoolean()).isTrue())
        .allSatisfy(row -> assertThat(row.path("newest").asBoolean()).isTrue());
    Awaitility.await()
        .atMost(Duration.ofSeconds(60))
        .untilAsserted(() -> {
          String metrics =
              new String(
                  get("http://localhost:" + managementPort + "/metrics"), StandardCharsets.UTF_8);
          assertThat(metrics)
              .containsPattern("chancery_crl_seen_newest\\{crl=\"issuing/1.crl\",url=.*} 1")
              .containsPattern("chancery_crl_end_seconds\\{crl=\"issuing/2.crl\"} [1-9]")
              .containsPattern("chancery_crl_due_seconds\\{crl=\"issuing/delta.crl\"} [1-9]")
              .containsPattern("chancery_ocsp_delegate_end_seconds\\{issuer=\"issuing\"} [1-9]");
        });
  }

  @Test
  @Order(2)
  @DisplayName(
      "openssl -crl_check_all: the root's list, the shard's, and a delta with an older one")
  void openssl() throws Exception {
    byte[] root = get(place("/crl/root.crl"));
    String ofRevoked = distributionPoint(revoked());
    byte[] before = get(ofRevoked);
    assertThat(ofRevoked).matches(place("/crl/issuing/[12]\\.crl"));
    assertThat(verified(revoked(), root, before)).contains("leaf.pem: OK");
    assertThat(verified(revoked(), before)).contains("unable to get certificate CRL");

    done(command("certificate", "revoke", serial(revoked())));
    Awaitility.await()
        .atMost(Duration.ofSeconds(30))
        .until(() -> isListed(ofRevoked, revoked()) && isListed(deltaOf(ofRevoked), revoked()));
    assertThat(verified(revoked(), root, get(ofRevoked))).contains("certificate revoked");
    assertThat(verified(revoked(), root, before, get(deltaOf(ofRevoked))))
        .contains("certificate revoked");
    assertThat(verified(good(), root, get(distributionPoint(good())))).contains("leaf.pem: OK");

    Path copied = home.resolveSibling("www").resolve(URI.create(ofRevoked).getPath().substring(5));
    Awaitility.await()
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(() -> assertThat(copied).hasBinaryContent(get(ofRevoked)));
  }

  private static void pkix(X509CertificateHolder certificate, byte[]... lists) throws Exception {
    PKIXRevocationChecker checker = checker();
    checker.setOptions(
        EnumSet.of(
            PKIXRevocationChecker.Option.PREFER_CRLS, PKIXRevocationChecker.Option.NO_FALLBACK));
    pkix(certificate, checker, lists);
  }

  private static PKIXRevocationChecker checker() throws Exception {
    return (PKIXRevocationChecker) CertPathValidator.getInstance("PKIX").getRevocationChecker();
  }

  private static void pkix(
      X509CertificateHolder certificate, PKIXRevocationChecker checker, byte[]... lists)
      throws Exception {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    X509Certificate anchor = certificate(factory, Files.readAllBytes(home.resolve("root.pem")));
    CertPath path =
        factory.generateCertPath(
            List.of(
                certificate(factory, certificate.getEncoded()),
                certificate(factory, Files.readAllBytes(home.resolve("ca/issuing.pem")))));
    PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(anchor, null)));
    parameters.addCertPathChecker(checker);
    List<Object> crls = new ArrayList<>();
    for (byte[] list : lists) {
      crls.add(factory.generateCRL(new ByteArrayInputStream(list)));
    }
    parameters.addCertStore(
        CertStore.getInstance("Collection", new CollectionCertStoreParameters(crls)));
    CertPathValidator.getInstance("PKIX").validate(path, parameters);
  }

  private static X509Certificate certificate(CertificateFactory factory, byte[] encoded)
      throws Exception {
    return (X509Certificate) factory.generateCertificate(new ByteArrayInputStream(encoded));
  }

  @Test
  @Order(3)
  @DisplayName("Java's PKIX fetches the list from the URL in the certificate")
  void pkixByUrl() throws Exception {
    byte[] root = get(place("/crl/root.crl"));
    String before = System.getProperty("com.sun.security.enableCRLDP", "false");
    System.setProperty("com.sun.security.enableCRLDP", "true");
    try {
      assertThatCode(() -> pkix(good(), root)).doesNotThrowAnyException();
      assertThatThrownBy(() -> pkix(revoked(), root))
          .isInstanceOfSatisfying(
              CertPathValidatorException.class,
              e ->
                  assertThat(e.getReason())
                      .isEqualTo(CertPathValidatorException.BasicReason.REVOKED));
    } finally {
      System.setProperty("com.sun.security.enableCRLDP", before);
    }
    assertThatCode(() -> pkix(good(), root, get(distributionPoint(good()))))
        .doesNotThrowAnyException();
    assertThatThrownBy(() -> pkix(revoked(), root, get(distributionPoint(revoked()))))
        .hasMessageContaining("revoked");
  }

  @Test
  @Order(3)
  @DisplayName("Java's PKIX asks OCSP first, and takes the CRLs when nobody answers")
  void pkixFallsBack() throws Exception {
    byte[] root = get(place("/crl/root.crl"));
    for (X509CertificateHolder certificate : List.of(good(), revoked())) {
      byte[] list = get(distributionPoint(certificate));
      PKIXRevocationChecker checker = checker();
      checker.setOcspResponder(URI.create("http://127.0.0.1:1/"));
      if (certificate.equals(good())) {
        assertThatCode(() -> pkix(certificate, checker, root, list)).doesNotThrowAnyException();
      } else {
        assertThatThrownBy(() -> pkix(certificate, checker, root, list))
            .hasMessageContaining("revoked");
      }
    }
  }

  private static String ocsp(X509CertificateHolder certificate, String hash, String nonce)
      throws Exception {
    return run(
        "openssl",
        "ocsp",
        hash,
        "-issuer",
        "ca/issuing.pem",
        "-cert",
        pem("leaf.pem", "CERTIFICATE", certificate.getEncoded()),
        "-CAfile",
        "root.pem",
        "-url",
        place("/ocsp"),
        nonce,
        "-resp_text");
  }

  @Test
  @Order(4)
  @DisplayName("openssl ocsp takes answers by the signer whose key is in the token")
  void opensslOcsp() throws Exception {
    for (String hash : List.of("-sha1", "-sha256")) {
      for (String nonce : List.of("-nonce", "-no_nonce")) {
        assertThat(ocsp(good(), hash, nonce))
            .contains("Response verify OK", "leaf.pem: good", "OCSP signer");
        assertThat(ocsp(revoked(), hash, nonce))
            .contains("Response verify OK", "leaf.pem: revoked");
      }
    }
  }

  @Test
  @Order(5)
  @DisplayName("a signer revoked for keyCompromise gets another key at once, and a restart has it")
  void revokedSigner() throws Exception {
    String before = signer();
    done(command("certificate", "revoke", "--reason", "keyCompromise", before));
    Awaitility.await()
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(() -> assertThat(signer()).isNotEqualTo(before));
    String after = signer();
    assertThat(ocsp(good(), "-sha256", "-nonce")).contains("Response verify OK", "leaf.pem: good");

    server.close();
    serve();
    assertThat(signer()).isEqualTo(after);
    assertThat(ocsp(good(), "-sha256", "-no_nonce"))
        .contains("Response verify OK", "leaf.pem: good");
  }

  /** The serial number of the certificate that came with an answer. */
  private static String signer() throws Exception {
    String shown = ocsp(good(), "-sha256", "-nonce");
    String certificate = shown.substring(shown.indexOf("-----BEGIN CERTIFICATE-----"));
    Files.writeString(home.resolve("signer.pem"), certificate);
    return run("openssl", "x509", "-in", "signer.pem", "-noout", "-serial")
        .strip()
        .replace("serial=", "")
        .toLowerCase(Locale.ROOT);
  }

  @Test
  @Order(6)
  @DisplayName("with another public URL every list names both before the server says it is ready")
  void anotherUrl() throws Exception {
    server.close();
    SETTINGS.put("externalUrls.public", "http://127.0.0.1:" + publicPort);
    serve();
    for (String list : List.of("/crl/issuing/1.crl", "/crl/issuing/2.crl", "/crl/issuing.crl")) {
      Extension idp =
          new X509CRLHolder(get(place(list))).getExtension(Extension.issuingDistributionPoint);
      assertThat(
              names(
                  IssuingDistributionPoint.getInstance(idp.getParsedValue())
                      .getDistributionPoint()))
          .containsExactly(place(list), "http://127.0.0.1:" + publicPort + list);
    }
    // Both URLs of each complete list, and the one that FreshestCRL names.
    assertThat(done(command("crl", "verify"))).hasSize(9);
    assertThat(verified(good(), get(place("/crl/root.crl")), get(distributionPoint(good()))))
        .contains("leaf.pem: OK");
  }
}
