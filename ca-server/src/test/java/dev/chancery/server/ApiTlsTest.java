package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.testing.AdjustableClock;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
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
      ApiTls tls =
          new ApiTls(
              opened.authority(),
              OpenedHome.ISSUING,
              BaseUrl.parse("https://localhost:8443"),
              file,
              clock,
              opened.ids());
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

  /** What the factory has loaded, not what it was told to. */
  private static X509Certificate shown(SslContextFactory.Server listener) {
    return listener.getX509("tls").getCertificate();
  }

  private static X509Certificate kept(Path file) throws Exception {
    return Credential.read(file).orElseThrow().certificate();
  }
}
