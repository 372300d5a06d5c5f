package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.TokenAway;
import dev.chancery.hsm.TokenModule;
import dev.chancery.hsm.TokenUnusable;
import dev.chancery.testing.FaultyModule;
import dev.chancery.testing.Pkcs11Function;
import dev.chancery.testing.SoftHsmToken;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import picocli.CommandLine;

/** Commands in a process of their own, whose module does not come back. */
@DisplayName("A command whose module hangs")
@Timeout(120)
class HangingModuleTest {
  @TempDir Path folder;

  /** As {@code chancery token list}, but less patient than with a person before it. */
  static final class Impatient {
    private Impatient() {}

    public static void main(String[] arguments) throws TokenUnusable {
      CommandLine command = Main.commandLine();
      try {
        command
            .getOut()
            .println(
                TokenModule.load(
                        Path.of(arguments[0]), Map.of(), Optional.empty(), Duration.ofSeconds(1))
                    .tokens());
        Main.end(command, 0);
      } catch (TokenAway e) {
        // Without a line end and a flush: what is left is the business of the end.
        command.getErr().print(Failures.line(e));
        Main.end(command, Main.FAILED);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"C_INITIALIZE", "C_GET_SLOT_LIST", "C_GET_TOKEN_INFO"})
  @DisplayName("says so, and ends with 1 and not by a signal")
  void endsInOrder(Pkcs11Function function) throws Exception {
    SoftHsmToken.create(folder, "hanging-" + function.name().length());
    try (FaultyModule module = FaultyModule.build(folder)) {
      module.hang(function);
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin/java").toString());
      command.addAll(List.of("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"));
      command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp"));
      command.add(System.getProperty("java.class.path"));
      command.add(Impatient.class.getName());
      command.add(module.library().toString());
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      try {
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor(90, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(output).isEqualTo(1);
        assertThat(output).contains("did not answer within").doesNotContain("SIGSEGV");
      } finally {
        process.destroyForcibly();
      }
    }
  }
}
