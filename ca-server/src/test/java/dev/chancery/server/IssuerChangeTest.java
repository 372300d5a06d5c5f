package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.chancery.core.IssuerId;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.e2e.TestRoot;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.testing.AdjustableClock;
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import org.awaitility.Awaitility;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.ocsp.BasicOCSPResp;
import org.bouncycastle.cert.ocsp.CertificateID;
import org.bouncycastle.cert.ocsp.OCSPReqBuilder;
import org.bouncycastle.cert.ocsp.OCSPResp;
import org.bouncycastle.cert.ocsp.RevokedStatus;
import org.bouncycastle.cert.ocsp.SingleResp;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** By the command line, on a running server; what is signed is asked for as clients of Vault do. */
@DisplayName("An issuer that takes the place of another")
class IssuerChangeTest {
  private final AdjustableClock clock = new AdjustableClock(Instant.now());
  @TempDir Path folder;
  private VaultHome home;
  private String token;

  @BeforeEach
  void serve() throws Exception {
    home = VaultHome.serveTwoIssuers(folder.resolve("home"), clock);
    home.command(
        "role", "create", "web", "--issuer", "issuing", "--profile", "workload", "--name=dns:*");
    token = home.token("web");
  }

  @AfterEach
  void stop() {
    home.close();
  }

  private X509Certificate signed() throws Exception {
    RawHttps.Answer answer =
        home.sign(
            "pki/sign/web",
            token,
            VaultHome.object(
                "csr",
                TestCsr.of(
                        new X500Name("CN=www.corp.test"),
                        new GeneralName(GeneralName.dNSName, "www.corp.test"))
                    .pem()));
    assertThat(answer.status()).as(answer.toString()).isEqualTo(200);
    return VaultHome.certificate(answer.json().at("/data/certificate").asText());
  }

  private static String issuer(X509Certificate certificate) {
    return certificate.getIssuerX500Principal().getName();
  }

  private JsonNode listed(String name) throws Exception {
    for (JsonNode issuer : home.command("issuer", "list")) {
      if (issuer.path("name").asText().equals(name)) {
        return issuer;
      }
    }
    throw new AssertionError("no issuer " + name);
  }

  private void refused(String why, String... words) {
    CommandRun run = home.attempt(words);
    assertThat(run.exitCode()).as(run.out()).isEqualTo(1);
    assertThat(run.err()).contains(why);
  }

  @Test
  @DisplayName(
      "signs at once and without a restart; the other retires when nothing of its own is alive")
  void rollover() throws Exception {
    X509Certificate before = signed();
    assertThat(listed("issuing").path("live").asInt()).isEqualTo(1);
    assertThat(listed("issuing").path("endpoints").path(0).asText()).isEqualTo("default");
    assertThat(listed("second").path("state").asText()).isEqualTo("active");
    refused("issuer issuing still signs", "issuer", "retire", "issuing");
    refused("no such issuer", "issuer", "activate", "third");
    refused("is the one that signs", "issuer", "activate", "issuing");
    refused("no issuer third", "issuer", "activate", "second", "--instead-of", "third");
    refused("no issuer root to be", "issuer", "activate", "second", "--instead-of", "root");
    refused("is not served here", "issuer", "activate", "root");
    refused("root is a root", "issuer", "retire", "root");

    home.command("issuer", "activate", "second");
    X509Certificate after = signed();
    assertThat(issuer(after)).isNotEqualTo(issuer(before));
    assertThat(listed("issuing").path("successor").asText()).isEqualTo("second");
    assertThat(listed("second").path("endpoints").path(0).asText()).isEqualTo("default");
    refused(
        "was replaced already, by second", "issuer", "activate", "second", "--instead-of=issuing");

    // It can be taken back, and done again.
    home.command("issuer", "activate", "issuing", "--instead-of", "second");
    assertThat(issuer(signed())).isEqualTo(issuer(before));
    home.command("issuer", "activate", "second", "--instead-of", "issuing");

    refused("may be under way until", "issuer", "retire", "issuing");
    // A node whose clock is ahead of that of the one that activated waits no less.
    clock.advance(Duration.ofMinutes(10));
    refused("may be under way until", "issuer", "retire", "issuing");
    aMinuteLater();
    refused("issuing has 2 live certificates, the last of which", "issuer", "retire", "issuing");
    JsonNode revoked =
        home.command(
            "certificate",
            "revoke-matching",
            "--issuer=issuing",
            "--profile=workload",
            "--reason=superseded",
            "--certificates=2");
    assertThat(revoked.isObject()).isTrue();
    retireWhenRevoked();
    assertThat(listed("issuing").path("state").asText()).isEqualTo("retired");
    refused("issuing is retired", "issuer", "activate", "issuing", "--instead-of", "second");
    refused("issuing is retired", "issuer", "retire", "issuing");

    // It signs for nobody after the next start, although the configuration and the role name it.
    home.stop();
    home.start();
    token = home.token("web");
    assertThat(issuer(signed())).isEqualTo(issuer(after));
    assertThat(Instant.parse(listed("issuing").path("answersUntil").asText()))
        .isAfterOrEqualTo(before.getNotAfter().toInstant());
    requireRevoked(before);

    // A client that got no answer would take what was revoked for good: both sources go on.
    clock.advance(Duration.ofDays(8));
    home.stop();
    home.start();
    requireRevoked(before);

    // With all of it ended there is one CRL more, and after that nothing.
    clock.advance(Duration.ofDays(120));
    home.stop();
    home.start();
    assertThat(crl().getThisUpdate()).isAfter(before.getNotAfter());
    home.stop();
    home.start();
    assertThat(asked(before).getStatus()).isEqualTo(OCSPResp.UNAUTHORIZED);
  }

  /** By the database's clock, which no test can put forward. */
  private void aMinuteLater() throws Exception {
    home.stop();
    try (OpenedHome opened = OpenedHome.open(home.directory, clock)) {
      opened
          .database()
          .sql()
          .execute(
              "update issuer_successions set replaced_at = replaced_at - interval '61' second");
    }
    home.start();
  }

  @Test
  @DisplayName("dates what a node records by the database's clock, however far its own is ahead")
  void recordedInCommonTime() throws Exception {
    clock.advance(Duration.ofMinutes(10));
    token = home.token("web");
    String serial = signed().getSerialNumber().toString(16);

    JsonNode shown =
        home.command("certificate", "show", (serial.length() % 2 == 0 ? "" : "0") + serial);

    Instant now = Instant.now();
    assertThat(Instant.parse(shown.path("recordedAt").asText()))
        .isBetween(now.minusSeconds(60), now.plusSeconds(60));
  }

  @Test
  @DisplayName(
      "leaves a node that does not serve it in the state to start, and to answer for the rest")
  void notServedHere() throws Exception {
    X509Certificate before = signed();
    home.command("issuer", "activate", "second");
    home.stop();
    Path file = home.directory.resolve("chancery.yaml");
    String both = Files.readString(file);
    Files.writeString(file, both.replaceAll("(?m)^ +- \\{name: second,.*\n", ""));

    // Its certificate is from the other node's issuer, or from the one before: both go on.
    home.start();
    assertThat(asked(before).getStatus()).isEqualTo(OCSPResp.SUCCESSFUL);
    JsonNode credential = home.command("role", "credential", "create", "web");
    assertThat(home.login(credential).status()).as("come later").isEqualTo(503);

    // Nor does it need a credential of its own yet.
    home.stop();
    Files.delete(home.directory.resolve("admin/admin.pem"));
    home.start();
    home.stop();
    Files.writeString(file, both);
    home.start();
    token = home.token("web");
    assertThat(issuer(signed())).isNotEqualTo(issuer(before));
  }

  @Test
  @DisplayName("takes the place of one that is served nowhere any more, below the only root")
  void servedNowhere() throws Exception {
    home.stop();
    IssuerId gone = new IssuerId("gone");
    try (OpenedHome opened = OpenedHome.open(home.directory, clock)) {
      KeyPairGenerator keys = KeyPairGenerator.getInstance("Ed25519");
      new IssuerRegistry(opened.database())
          .register(gone, SubjectPublicKey.of(keys.generateKeyPair().getPublic()));
    }
    home.start();

    home.command("issuer", "activate", "second", "--instead-of", "gone");
    assertThat(listed("gone").path("successor").asText()).isEqualTo("second");
  }

  @Test
  @DisplayName("of another root waits by the database's clock, which no node's own puts forward")
  void commonClock() throws Exception {
    home.stop();
    TestRoot.write(
        home.directory.resolve("new-root.pem"), new TestRoot("O=Tests,CN=New Root").certificate());
    Path file = home.directory.resolve("chancery.yaml");
    Files.writeString(file, Files.readString(file) + "rollover: {root: new-root.pem}\n");
    home.start();
    clock.advance(Duration.ofMinutes(-30));

    home.command("rollover", "prepare");
    home.command("rollover", "publish");

    JsonNode status = home.command("rollover", "status");
    assertThat(Instant.parse(status.path("bothRootsSince").asText()))
        .isAfter(clock.instant().plus(Duration.ofMinutes(20)));
  }

  private void requireRevoked(X509Certificate certificate) throws Exception {
    OCSPResp answer = asked(certificate);
    assertThat(answer.getStatus()).isEqualTo(OCSPResp.SUCCESSFUL);
    SingleResp single = ((BasicOCSPResp) answer.getResponseObject()).getResponses()[0];
    assertThat(single.getCertStatus()).isInstanceOf(RevokedStatus.class);
    Awaitility.await()
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(() -> {
          X509CRL crl = crl();
          assertThat(crl.getNextUpdate()).isAfter(Date.from(clock.instant()));
          assertThat(crl.getRevokedCertificate(certificate.getSerialNumber())).isNotNull();
        });
  }

  private OCSPResp asked(X509Certificate certificate) throws Exception {
    X509CertificateHolder issuer =
        PemFile.certificates(home.directory.resolve("ca/issuing.pem")).getFirst();
    CertificateID id =
        new CertificateID(
            new JcaDigestCalculatorProviderBuilder().build().get(CertificateID.HASH_SHA1),
            issuer,
            certificate.getSerialNumber());
    byte[] request = new OCSPReqBuilder().addRequest(id).build().getEncoded();
    return new OCSPResp(
        sent(
            HttpRequest.newBuilder(URI.create(home.addresses().publicUrl() + "/ocsp"))
                .header("Content-Type", "application/ocsp-request")
                .POST(HttpRequest.BodyPublishers.ofByteArray(request))
                .build()));
  }

  private X509CRL crl() throws Exception {
    byte[] octets =
        sent(
            HttpRequest.newBuilder(URI.create(home.addresses().publicUrl() + "/crl/issuing.crl"))
                .build());
    return (X509CRL)
        CertificateFactory.getInstance("X.509").generateCRL(new ByteArrayInputStream(octets));
  }

  private static byte[] sent(HttpRequest request) throws Exception {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client.send(request, HttpResponse.BodyHandlers.ofByteArray()).body();
    }
  }

  private void retireWhenRevoked() throws Exception {
    for (int turn = 0; turn < 100; turn++) {
      if (home.attempt("issuer", "retire", "issuing").exitCode() == 0) {
        return;
      }
      Thread.sleep(200);
    }
    throw new AssertionError(home.attempt("issuer", "retire", "issuing").err());
  }
}
