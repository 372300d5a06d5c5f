package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.chancery.core.KeyAlgorithm;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A module that knows less and tells less than SoftHSM2: src/test/c/reticent-module.c. */
final class ReticentModuleTest {
  @TempDir private Path folder;

  private Path built() throws Exception {
    Path module = folder.resolve("reticent.so");
    Process compiler =
        new ProcessBuilder(
                "gcc",
                "-shared",
                "-fPIC",
                "-Wall",
                "-Werror",
                "-o",
                module.toString(),
                "src/test/c/reticent-module.c",
                "-ldl")
            .redirectErrorStream(true)
            .start();
    String said = new String(compiler.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(compiler.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(compiler.exitValue()).as(said).isZero();
    return module;
  }

  @Test
  void itsKeysAreMadeAndWhatItDoesNotTellIsSaid() throws Exception {
    Pkcs11Settings settings = FreshToken.create(folder, "reticent");
    TokenModule module =
        TokenModule.load(
            built(),
            Map.of(
                "RETICENT_MODULE", settings.library().toString(),
                "SOFTHSM2_CONF", System.getenv("SOFTHSM2_CONF")),
            Duration.ofSeconds(30));

    try (TokenCeremony ceremony =
        module.open(new TokenName(settings.label(), settings.serial()), settings.pinFile())) {
      InspectedKey made = ceremony.generate(TokenContract.freshId(), KeyAlgorithm.EC_P256, false);

      assertThat(made.strict()).isFalse();
      assertThat(made.findings())
          .extracting(finding -> finding.level() + " " + finding.detail())
          .containsExactly(
              "FAIL CKA_NEVER_EXTRACTABLE is unknown to this module",
              "FAIL CKA_SIGN_RECOVER is true: it can do more than sign",
              "WARN CKA_DERIVE is unknown to this module",
              "WARN CKA_DESTROYABLE=false is not kept by this module");
      assertThat(ceremony.check(4))
          .extracting(Finding::level, Finding::detail)
          .contains(tuple(Finding.Level.FAIL, "only 4 at once: 4 threads need 7"));
      assertThat(ceremony.check(1))
          .filteredOn(finding -> finding.subject().equals("sessions"))
          .extracting(Finding::level)
          .containsExactly(Finding.Level.PASS);
    }
  }
}
