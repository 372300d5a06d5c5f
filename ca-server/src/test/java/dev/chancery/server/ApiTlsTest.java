package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.testing.AdjustableClock;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DisplayName("The certificate of the API listeners")
class ApiTlsTest {
  @TempDir Path folder;

  @Test
  @DisplayName("reaches every listener, one that fails to take it at the next attempt")
  void failedReload() throws Exception {
    Path directory = folder.resolve("home");
    assertThat(CommandRun.of("init", "--home", directory.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
    AdjustableClock clock = new AdjustableClock(Instant.now());
    try (OpenedHome opened = OpenedHome.open(directory, clock)) {
      Path file = opened.home().privateDirectory("tls").resolve("api.pem");
      ApiTls tls = apiTls(opened, file, clock);
      SslContextFactory.Server failing = tls.listener();
      SslContextFactory.Server working = tls.listener();
      failing.start();
      working.start();
      X509Certificate first = shown(working);
      String algorithm = failing.getKeyManagerFactoryAlgorithm();
      failing.setKeyManagerFactoryAlgorithm("none such");
      clock.advance(Duration.ofDays(21));

      assertThatThrownBy(tls::renewIfDue)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("1 of 2 listeners");
      X509Certificate second = shown(working);
      assertThat(second).isNotEqualTo(first).isEqualTo(kept(file));

      failing.setKeyManagerFactoryAlgorithm(algorithm);
      tls.renewIfDue();
      assertThat(shown(failing)).isEqualTo(second).isEqualTo(kept(file));
      assertThat(shown(working)).isEqualTo(second);
    }
  }

  @Test
  @DisplayName("is renewed at once when it was revoked, at the next look or at the next start")
  void revoked() throws Exception {
    Path directory = folder.resolve("home");
    assertThat(CommandRun.of("init", "--home", directory.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
    try (OpenedHome opened = OpenedHome.open(directory, Clock.systemUTC())) {
      Path file = opened.home().privateDirectory("tls").resolve("api.pem");
      ApiTls tls = apiTls(opened, file, Clock.systemUTC());
      X509Certificate first = kept(file);
      tls.renewIfDue();
      assertThat(kept(file)).isEqualTo(first);

      revoke(opened, first);
      tls.renewIfDue();
      X509Certificate second = kept(file);
      assertThat(second).isNotEqualTo(first);

      revoke(opened, second);
      apiTls(opened, file, Clock.systemUTC());
      assertThat(kept(file)).isNotEqualTo(second);
    }
  }

  private static ApiTls apiTls(OpenedHome opened, Path file, Clock clock) throws Exception {
    return new ApiTls(
        opened.authority(),
        OpenedHome.ISSUING,
        BaseUrl.parse("https://localhost:8443"),
        file,
        clock,
        opened.ids());
  }

  private static void revoke(OpenedHome opened, X509Certificate certificate) throws Exception {
    opened
        .authority()
        .revoke(
            new Revocation(
                OpenedHome.ISSUING,
                SerialNumber.of(certificate.getSerialNumber()),
                RevocationReason.SUPERSEDED,
                Instant.now().truncatedTo(ChronoUnit.SECONDS),
                Optional.empty(),
                "a test"));
  }

  /** What the factory has loaded, not what it was told to. */
  private static X509Certificate shown(SslContextFactory.Server listener) {
    return listener.getX509("tls").getCertificate();
  }

  private static X509Certificate kept(Path file) throws Exception {
    return Credential.read(file).orElseThrow().certificate();
  }
}
