package dev.chancery.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpClient;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The same exchange with this server and with Pebble. Where the answers differ stands, with the
 * reason, in docs/acme-divergences.md.
 */
@DisplayName("this server beside Pebble")
class PebbleIT {
  @TempDir Path folder;

  @Test
  @SuppressWarnings("try") // the web server only has to be there
  @DisplayName("statuses, error types and headers are the same, or the difference is listed")
  void answers() throws Exception {
    RunningServer.Ports ports = RunningServer.Ports.free();
    Answers challenges = new Answers();
    try (ChallengeTarget target = new ChallengeTarget(ports.http01(), challenges::await);
        Pebble pebble = Pebble.start(folder.resolve("pebble"), ports.http01());
        RunningServer server =
            RunningServer.start(
                folder,
                ports,
                List.of(
                    pebble.names().setting(),
                    "acme.endpoints.default.termsOfService=https://pki.example.org/terms"))) {
      Map<String, Observation> here =
          run(folder.resolve("home/root.pem"), server.directoryUrl(), challenges);
      Map<String, Observation> there = run(pebble.certificate(), pebble.directoryUrl(), challenges);

      Divergences found = Divergences.between(here, there);
      Divergences listed =
          Divergences.listed(RunningServer.script("../docs/acme-divergences.md"), here.keySet());
      assertThat(found.without(listed)).as("differs and is not listed").isEmpty();
      assertThat(listed.without(found)).as("is listed and does not differ so").isEmpty();
    }
  }

  private static Map<String, Observation> run(Path trusted, String directory, Answers challenges)
      throws Exception {
    try (HttpClient http =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .sslContext(Trust.in(trusted))
            .build()) {
      return new AcmeScript(http, directory, challenges).run();
    }
  }
}
