package dev.chancery.server;

import static dev.chancery.server.VaultHome.asCertManager;
import static dev.chancery.server.VaultHome.certificate;
import static dev.chancery.server.VaultHome.requireErrors;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.awaitility.Awaitility;
import org.jooq.Query;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Certificates, CRLs and the state of the server. */
@DisplayName("What the Vault-shaped API shows to anyone")
class VaultReadTest {
  private static final String CERTIFICATE =
      """
      insert into certificates (issuer, serial, state, profile, request_id, public_key_sha256,
        not_before, not_after, recorded_at, tbs, signature_scheme)
      values ('issuing', ?, 'revoked', 'tls-server',
        cast('00000000-0000-0000-0000-000000000000' as uuid), ?, now(),
        now() + interval '9' day, now(), ?, 'ECDSA_SHA256')
      """;
  private static final String REVOCATION =
      """
      insert into revocations (issuer, serial, revoked_at, reason, not_after, requested_by,
        recorded_at)
      values ('issuing', ?, now(), 4, now() + interval '9' day, 'test', now())
      """;

  @TempDir static Path folder;
  private static VaultHome home;

  @BeforeAll
  static void serve() throws Exception {
    home = VaultHome.serve(folder.resolve("home"), Map.of());
    home.workloadRole();
  }

  @AfterAll
  static void stop() {
    home.close();
  }

  @Test
  @DisplayName("health, seal, CA, chain, CRL and certificates are there without a token")
  void reading() throws Exception {
    RawHttps.Answer health = home.get("/v1/sys/health?standbyok=true");
    assertThat(health.status()).isEqualTo(200);
    assertThat(health.json().path("initialized").asBoolean()).isTrue();
    assertThat(health.json().path("sealed").asBoolean(true)).isFalse();
    assertThat(home.api().send("HEAD /v1/sys/health HTTP/1.1\nHost: localhost", "").status())
        .isEqualTo(200);
    assertThat(home.get("/v1/sys/seal-status").json().path("sealed").asBoolean(true)).isFalse();

    X509Certificate root = certificate(Files.readString(home.directory.resolve("root.pem")));
    X509Certificate issuing = certificate(home.get("/v1/pki/ca/pem").text());
    issuing.verify(root.getPublicKey());
    assertThat(home.get("/v1/pki/ca").body()).isEqualTo(issuing.getEncoded());
    assertThat(home.get("/v1/pki/issuer/issuing/der").body()).isEqualTo(issuing.getEncoded());
    assertThat(certificate(home.get("/v1/pki/cert/ca").json().at("/data/certificate").asText()))
        .isEqualTo(issuing);
    assertThat(home.get("/v1/pki/issuer/default/json").json().at("/data/ca_chain")).hasSize(2);
    assertThat(home.get("/v1/pki/ca_chain").text().split("BEGIN CERTIFICATE", -1)).hasSize(3);
    X509CRL crl =
        (X509CRL)
            CertificateFactory.getInstance("X.509")
                .generateCRL(new ByteArrayInputStream(home.get("/v1/pki/crl/pem").body()));
    crl.verify(issuing.getPublicKey());
    assertThat(home.get("/v1/pki/crl").body()).isEqualTo(crl.getEncoded());

    String serial =
        home.signed(
                "pki/sign/web",
                home.token("web"),
                asCertManager("", "", TestCsr.forName("r.corp.test").pem()))
            .json()
            .at("/data/serial_number")
            .asText();
    assertThat(home.get("/v1/pki/cert/" + serial).json().at("/data/revocation_time").asLong(-1))
        .isZero();
    home.command("certificate", "revoke", serial.replace(":", ""), "--reason=superseded");
    JsonNode revoked = home.get("/v1/pki/cert/" + serial.replace(':', '-')).json().path("data");
    assertThat(revoked.path("revocation_time").asLong()).isPositive();
    requireErrors(home.get("/v1/pki/cert/00:11"), 404, "no such certificate");
    requireErrors(home.get("/v1/pki/issuer/nobody/json"), 404, "no such issuer");
  }

  @Test
  @DisplayName("a CRL that is too long for it is refused with where to look, and served elsewhere")
  void longCrl(@TempDir Path elsewhere) throws Exception {
    VaultHome full = VaultHome.serve(elsewhere.resolve("home"), Map.of());
    try {
      assertThat(full.get("/v1/pki/crl").status()).isEqualTo(200);
      full.close();
      try (OpenedHome opened = OpenedHome.open(full.directory, Clock.systemUTC())) {
        opened
            .database()
            .sql()
            .transaction(configuration -> {
              List<Query> rows = new ArrayList<>();
              for (int i = 0; i < 25_000; i++) {
                byte[] serial =
                    BigInteger.valueOf(0x7F00_0000_0000L + i).shiftLeft(80).toByteArray();
                rows.add(configuration.dsl().query(CERTIFICATE, serial, serial, serial));
                rows.add(configuration.dsl().query(REVOCATION, serial));
              }
              configuration.dsl().batch(rows).execute();
            });
      }
      full.start();
      URI list = URI.create(full.addresses().publicUrl() + "/crl/issuing.crl");
      try (HttpClient http = HttpClient.newHttpClient()) {
        Awaitility.await()
            .atMost(Duration.ofSeconds(60))
            .untilAsserted(() ->
                assertThat(
                        http.send(
                                HttpRequest.newBuilder(list).build(),
                                HttpResponse.BodyHandlers.ofByteArray())
                            .body())
                    .hasSizeGreaterThan(1024 * 1024));
      }
      for (String path : List.of("/v1/pki/crl", "/v1/pki/crl/pem", "/v1/pki/cert/crl")) {
        requireErrors(full.get(path), 404, "certificates say where it is");
      }
    } finally {
      full.close();
    }
  }
}
