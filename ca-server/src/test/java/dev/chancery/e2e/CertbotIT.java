package dev.chancery.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.testing.DatabaseKind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * From an empty home to a certificate, its end, and a restart, with the commands that users run.
 */
@DisplayName("quickstart, certbot, openssl")
class CertbotIT {
  private static final Duration PUBLICATION = Duration.ofSeconds(30);

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(DatabaseKind.class)
  @DisplayName("issue, renew, revoke; OCSP and CRL before and after; the same after a restart")
  void lifeOfACertificate(DatabaseKind kind) throws Exception {
    RunningServer.Ports ports = RunningServer.Ports.free();
    List<String> database = RunningServer.database(kind, folder);
    Path root = folder.resolve("home/root.pem");
    Certbot certbot = new Certbot(folder.resolve("certbot"), root, RunningServer.NAME);
    OpenSsl openssl = new OpenSsl(folder, root);
    Path first = certbot.certificate(1);
    Path second = certbot.certificate(2);
    Path chain = certbot.chain(1);
    String rootBefore;

    try (RunningServer server = RunningServer.start(folder, ports, database)) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(root.getParent())))
          .isEqualTo("rwx------");
      assertThat(server.directoryUrl())
          .isEqualTo("https://localhost:" + ports.api() + "/acme/directory");

      certbot.obtain(server.directoryUrl(), ports.http01());
      assertThat(openssl.verify(first, chain).requireDone()).contains("OK");
      assertThat(openssl.ocsp(first, chain)).contains(": good");
      assertThat(openssl.verifyWithCrl(first, chain).requireDone()).contains("OK");

      certbot.renew();
      assertThat(second).exists();
      assertThat(openssl.ocsp(second, chain)).contains(": good");

      certbot.revoke(second, server.directoryUrl());
      requireRevoked(openssl, second, chain);
      assertThat(openssl.ocsp(first, chain)).contains(": good");

      rootBefore = Files.readString(root);
      assertThat(server.stop()).describedAs(server.log()).isIn(0, 143);
    }

    try (RunningServer server = RunningServer.start(folder, ports, database)) {
      assertThat(Files.readString(root)).isEqualTo(rootBefore);
      requireRevoked(openssl, second, chain);
      assertThat(openssl.ocsp(first, chain)).contains(": good");
      assertThat(openssl.verifyWithCrl(first, chain).requireDone()).contains("OK");

      certbot.renew();
      assertThat(openssl.ocsp(certbot.certificate(3), chain)).contains(": good");
      assertThat(server.stop()).describedAs(server.log()).isIn(0, 143);
    }
  }

  private static void requireRevoked(OpenSsl openssl, Path certificate, Path chain)
      throws Exception {
    assertThat(openssl.ocsp(certificate, chain))
        .contains(": revoked")
        .contains("Reason: keyCompromise");
    Awaitility.await("CRL that lists the certificate")
        .atMost(PUBLICATION)
        .untilAsserted(() ->
            assertThat(openssl.verifyWithCrl(certificate, chain).output())
                .contains("certificate revoked"));
  }
}
