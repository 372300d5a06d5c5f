package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.chancery.core.AccountId;
import dev.chancery.core.Approval;
import dev.chancery.core.DnsName;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.ProfileId;
import dev.chancery.core.RequestId;
import dev.chancery.core.SubjectPublicKey;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.bouncycastle.asn1.x500.RDN;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.cert.X509CertificateHolder;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Holds, bulk revocations and what relying parties see, by the command line of a running server.
 */
@DisplayName("Revocation, by administrators")
final class RevocationsApiTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static Path home;
  private static Server server;
  private static Addresses addresses;
  private static int managementPort;
  private static final List<X509CertificateHolder> CERTIFICATES = new ArrayList<>();

  @BeforeAll
  static void start(@TempDir Path folder) throws Exception {
    home = folder.resolve("home");
    assertThat(CommandRun.of("init", "--home", home.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      managementPort = free.getLocalPort();
    }
    for (String name : List.of("a.example", "b.example", "c.example", "c.example", "d.example")) {
      CERTIFICATES.add(issue(name));
    }
    Home opened = Home.open(home);
    AtomicReference<Addresses> started = new AtomicReference<>();
    server =
        Server.start(
            opened,
            Configuration.read(
                opened,
                Map.of(
                    "listeners.public", "{host: 127.0.0.1, port: 0}",
                    "listeners.api", "{host: 127.0.0.1, port: 0}",
                    "listeners.admin.port", "0",
                    "listeners.management.port", Integer.toString(managementPort),
                    "revocation.hold", "true",
                    "issuers.0.ocspToken", "memory")),
            Clock.systemUTC(),
            new SecureRandom(),
            started::set);
    addresses = started.get();
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  private static X509CertificateHolder issue(String name) throws Exception {
    try (OpenedHome opened = OpenedHome.open(home, Clock.systemUTC())) {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(256);
      return new X509CertificateHolder(
          opened
              .authority()
              .issue(
                  new IssuanceRequest(
                      OpenedHome.ISSUING,
                      new ProfileId("tls-server"),
                      SubjectPublicKey.of(generator.generateKeyPair().getPublic()),
                      new X500Name(new RDN[0]),
                      Set.of(DnsName.parse(name)),
                      Optional.empty(),
                      Optional.empty(),
                      new Approval.ValidatedOrder(
                          new AccountId(opened.ids().next()), new RequestId(opened.ids().next()))))
              .encoded()
              .bytes());
    }
  }

  private static CommandRun run(String... arguments) {
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

  private static JsonNode checked(X509CertificateHolder certificate, String... more)
      throws Exception {
    List<String> command =
        new ArrayList<>(List.of("ocsp", "check", "--url", addresses.publicUrl() + "/ocsp"));
    command.addAll(List.of(more));
    command.add(serial(certificate));
    return done(run(command.toArray(String[]::new)));
  }

  private static Path pem(X509CertificateHolder certificate) throws Exception {
    Path file = home.resolve("shown-" + serial(certificate) + ".pem");
    Files.writeString(
        file,
        "-----BEGIN CERTIFICATE-----\n"
            + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(certificate.getEncoded())
            + "\n-----END CERTIFICATE-----\n");
    return file;
  }

  @Test
  @DisplayName("a hold shows at once, its release too; twice is refused")
  void hold() throws Exception {
    X509CertificateHolder certificate = CERTIFICATES.get(0);
    assertThat(checked(certificate).path("status").asText()).isEqualTo("good");

    done(run("certificate", "revoke", "--reason", "certificateHold", serial(certificate)));
    JsonNode held = checked(certificate, "--hash", "sha256", "--nonce");
    assertThat(held.path("status").asText()).isEqualTo("revoked");
    assertThat(held.path("reason").asText()).isEqualTo("certificateHold");
    assertThat(held.path("verified").asBoolean()).isTrue();

    JsonNode released = done(run("certificate", "release", serial(certificate)));
    assertThat(released.path("state").asText()).isEqualTo("issued");
    assertThat(checked(certificate).path("status").asText()).isEqualTo("good");
    CommandRun twice = run("certificate", "release", serial(certificate));
    assertThat(twice.exitCode()).isEqualTo(1);
    assertThat(twice.err()).contains("not on hold");
    assertThat(run("certificate", "release", "0abc").err()).contains("no such certificate");
  }

  @Test
  @DisplayName("by the certificate itself; another one with its serial number revokes nothing")
  void byCertificate() throws Exception {
    X509CertificateHolder certificate = CERTIFICATES.get(1);
    Path file = pem(certificate);
    JsonNode asked =
        done(run("ocsp", "check", "--url", addresses.publicUrl() + "/ocsp", "" + file));
    assertThat(asked.path("status").asText()).isEqualTo("good");
    assertThat(asked.path("signer").asText()).contains("OCSP signer");

    JsonNode revoked = done(run("certificate", "revoke", "--reason", "superseded", "" + file));
    assertThat(revoked.path("state").asText()).isEqualTo("revoked");
    assertThat(checked(certificate).path("reason").asText()).isEqualTo("superseded");
  }

  @Test
  @DisplayName("many at once: counted, confirmed, done, and seen by OCSP")
  void bulk() throws Exception {
    String[] dryRun = {
      "certificate",
      "revoke-matching",
      "--name",
      "c.example",
      "--profile",
      "tls-server",
      "--reason",
      "cessationOfOperation",
      "--dry-run"
    };
    JsonNode counted = done(run(dryRun));
    assertThat(counted.path("certificates").asInt()).isEqualTo(2);
    assertThat(checked(CERTIFICATES.get(2)).path("status").asText()).isEqualTo("good");

    String[] command = dryRun.clone();
    command[command.length - 1] = "--certificates=3";
    CommandRun wrong = run(command);
    assertThat(wrong.exitCode()).isEqualTo(1);
    assertThat(wrong.err()).contains("does not mean 3 certificates");
    assertThat(checked(CERTIFICATES.get(2)).path("status").asText()).isEqualTo("good");

    command[command.length - 1] = "--certificates=2";
    JsonNode done = done(run(command));
    assertThat(done.path("state").asText()).isEqualTo("done");
    assertThat(done.path("revoked").asInt()).isEqualTo(2);
    for (int i = 2; i < 4; i++) {
      assertThat(checked(CERTIFICATES.get(i)).path("reason").asText())
          .isEqualTo("cessationOfOperation");
    }
    assertThat(checked(CERTIFICATES.get(4)).path("status").asText()).isEqualTo("good");
    assertThat(done(run(dryRun)).path("certificates").asInt()).isZero();
  }

  @Test
  @DisplayName("what does not say which certificates, or how many, is wrong usage or refused")
  void usage() {
    assertThat(run("certificate", "revoke-matching", "--dry-run").exitCode()).isEqualTo(2);
    assertThat(run("certificate", "revoke-matching", "--name", "a.example").exitCode())
        .isEqualTo(2);
    for (String[] wrong :
        new String[][] {
          {"--key", "00", "key"},
          {"--account", "x", "account"},
          {"--issued-from", "yesterday", "issuedFrom"},
          {"--name", "a b", "name"},
          {"--profile", "A B", "profile"}
        }) {
      CommandRun refused = run("certificate", "revoke-matching", wrong[0], wrong[1], "--dry-run");
      assertThat(refused.exitCode()).as(refused.err()).isEqualTo(1);
      assertThat(refused.err()).contains(wrong[2]);
    }
  }

  @Test
  @DisplayName("ocsp check says what is wrong with an answer, and ends with 1")
  void checkFails() throws Exception {
    X509CertificateHolder certificate = CERTIFICATES.get(4);
    CommandRun nobody =
        run("ocsp", "check", "--url", "http://127.0.0.1:1/ocsp", "" + pem(certificate));
    assertThat(nobody.exitCode()).isEqualTo(1);
    assertThat(nobody.err()).startsWith("chancery: no answer from");
    CommandRun stranger =
        run(
            "ocsp",
            "check",
            "--url",
            addresses.publicUrl() + "/ocsp",
            "--issuer",
            home.resolve("root.pem").toString(),
            "" + pem(certificate));
    assertThat(stranger.exitCode()).isEqualTo(1);
    assertThat(stranger.err()).contains("--issuer");
  }

  @Test
  @DisplayName("how long a revocation takes to show is measured on each node")
  void visible() throws Exception {
    X509CertificateHolder certificate = issuedByServer();
    done(run("certificate", "revoke", serial(certificate)));
    try (HttpClient http = HttpClient.newHttpClient()) {
      Awaitility.await()
          .untilAsserted(() -> {
            String metrics =
                http.send(
                        HttpRequest.newBuilder(
                                URI.create("http://127.0.0.1:" + managementPort + "/metrics"))
                            .build(),
                        BodyHandlers.ofString())
                    .body();
            assertThat(metrics)
                .containsPattern(
                    "chancery_revocation_visible_seconds_count\\{place=\"ocsp\"\\} [1-9]")
                .contains("chancery_ocsp_status_age_seconds");
          });
    }
  }

  /** The server's own certificate for its API, which nothing here needs. */
  private static X509CertificateHolder issuedByServer() throws Exception {
    return new X509CertificateHolder(
        Credential.read(home.resolve("tls/api.pem")).orElseThrow().certificate().getEncoded());
  }
}
