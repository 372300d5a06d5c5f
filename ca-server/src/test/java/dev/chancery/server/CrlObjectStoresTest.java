package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.testing.S3Server;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.bouncycastle.cert.X509CRLHolder;
import org.bouncycastle.cert.X509CertificateHolder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("A server whose CRLs are in a bucket too")
@Timeout(180)
final class CrlObjectStoresTest {
  /** A copy that failed is tried again after a second, then after ever longer times. */
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  private @TempDir Path folder;
  private Path object;
  private Path home;
  private S3Server storage;
  private Server server;
  private Addresses addresses;

  @BeforeEach
  void start() throws Exception {
    storage = S3Server.start(folder);
    Files.createDirectory(folder.resolve("objects").resolve("crls"));
    object = folder.resolve("objects/crls/pki/issuing.crl");
    home = folder.resolve("home");
    assertThat(CommandRun.of("init", "--home", home.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
    Files.writeString(home.resolve("s3-id"), S3Server.ACCESS_KEY_ID + "\n");
    Files.writeString(home.resolve("s3-secret"), S3Server.SECRET_ACCESS_KEY + "\n");
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
                    "listeners.management.port", "0",
                    "crl.objectStores",
                        """
                        [{bucket: crls, prefix: pki/, region: us-east-1, pathStyle: true, endpoint: '%s',
                        accessKeyIdFile: s3-id, secretAccessKeyFile: s3-secret}]\
                        """
                            .formatted(storage.endpoint()))),
            Clock.systemUTC(),
            new SecureRandom(),
            started::set);
    addresses = started.get();
  }

  @AfterEach
  void stop() throws Exception {
    try {
      server.close();
    } finally {
      storage.kill();
    }
  }

  private byte[] served() throws Exception {
    try (HttpClient http = HttpClient.newHttpClient()) {
      return http.send(
              HttpRequest.newBuilder(URI.create(addresses.publicUrl() + "/crl/issuing.crl"))
                  .build(),
              BodyHandlers.ofByteArray())
          .body();
    }
  }

  @Test
  @DisplayName(
      "puts each there at once; what the storage missed while it was down, when it is back")
  void bucket() throws Exception {
    Awaitility.await()
        .atMost(PATIENCE)
        .ignoreExceptionsInstanceOf(NoSuchFileException.class)
        .untilAsserted(() -> assertThat(Files.readAllBytes(object)).isEqualTo(served()));

    storage.kill();
    X509CertificateHolder certificate =
        new X509CertificateHolder(
            Credential.read(home.resolve("tls/api.pem")).orElseThrow().certificate().getEncoded());
    CommandRun revoked =
        CommandRun.of(
            "certificate",
            "revoke",
            "--home",
            home.toString(),
            certificate.getSerialNumber().toString(16));
    assertThat(revoked.exitCode()).as(revoked.err()).isZero();
    Awaitility.await().until(() -> lists(served(), certificate));
    assertThat(lists(Files.readAllBytes(object), certificate)).isFalse();

    storage.startAgain();
    Awaitility.await()
        .atMost(PATIENCE)
        .ignoreExceptionsInstanceOf(NoSuchFileException.class)
        .untilAsserted(() -> assertThat(Files.readAllBytes(object)).isEqualTo(served()));
    assertThat(lists(Files.readAllBytes(object), certificate)).isTrue();
  }

  private static boolean lists(byte[] crl, X509CertificateHolder certificate) throws Exception {
    return new X509CRLHolder(crl).getRevokedCertificate(certificate.getSerialNumber()) != null;
  }
}
