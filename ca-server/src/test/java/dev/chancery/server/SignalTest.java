package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The server in a process of its own, to which a signal comes at a bad moment. */
@DisplayName("A signal that ends the server")
@Timeout(120)
class SignalTest {
  private static final int TERMINATED = 128 + 15;

  @TempDir Path folder;
  private Path home;

  /** The command line at a terminal that takes its time for what was flushed. */
  static final class SlowTerminal {
    private SlowTerminal() {}

    public static void main(String[] arguments) {
      PrintWriter out =
          new PrintWriter(System.out, false, StandardCharsets.UTF_8) {
            @Override
            public void flush() {
              super.flush();
              try {
                Thread.sleep(3000);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            }
          };
      System.exit(Main.commandLine().setOut(out).execute(arguments));
    }
  }

  @BeforeEach
  void init() {
    home = folder.resolve("home");
    assertThat(CommandRun.of("init", "--home", home.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
  }

  @Test
  @DisplayName("right after the ready line closes it in order")
  void whenJustReady() throws Exception {
    List<String> output = signalledAfter("ready: ");

    assertThat(output).last().asString().endsWith("the server has ended");
    assertThat(output).noneMatch(SignalTest::complains);
  }

  @Test
  @DisplayName("while it starts closes it in order, and it never says that it is ready")
  void whileStarting() throws Exception {
    List<String> output = signalledAfter(" issued ");

    assertThat(output).last().asString().endsWith("the server has ended");
    assertThat(output).noneMatch(SignalTest::complains);
    assertThat(output).noneMatch(line -> line.startsWith("ready: "));
  }

  /** Whether a line is a warning, other than that the keys are for development. */
  private static boolean complains(String line) {
    return line.contains(" ERROR ") || (line.contains(" WARN ") && !line.contains("PKCS #12"));
  }

  /** All that the process said, when it was ended after a line with this text. */
  private List<String> signalledAfter(String text) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin/java").toString());
    command.addAll(
        List.of(
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Dlogback.configurationFile=logback.xml",
            "-cp",
            System.getProperty("java.class.path"),
            SlowTerminal.class.getName(),
            "serve",
            "--home",
            home.toString()));
    command.addAll(DevelopmentHome.FREE_PORTS);
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    List<String> output = new ArrayList<>();
    try (BufferedReader reader = process.inputReader(StandardCharsets.UTF_8)) {
      boolean signalled = false;
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        output.add(line);
        if (!signalled && line.contains(text)) {
          // Process.destroy() would close the stream that the rest comes from.
          process.toHandle().destroy();
          signalled = true;
        }
      }
      assertThat(signalled).describedAs(String.join("\n", output)).isTrue();
      assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).describedAs(output.toString()).isEqualTo(TERMINATED);
    } finally {
      process.destroyForcibly();
    }
    return output;
  }
}
