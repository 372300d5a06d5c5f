package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The script itself, with a distribution whose launcher runs the classes under test. */
@DisplayName("scripts/quickstart.sh")
class QuickstartTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  @TempDir Path folder;

  private Path distribution;

  @BeforeEach
  void makeDistribution() throws IOException {
    distribution = folder.resolve("distribution");
    Files.createDirectories(distribution.resolve("bin"));
    script(
        "chancery",
        "exec '%s' -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '%s' dev.chancery.server.Main \"$@\""
            .formatted(
                Path.of(System.getProperty("java.home"), "bin/java"),
                System.getProperty("java.class.path")));
    script("warm-up", "exit 0");
  }

  private void script(String name, String line) throws IOException {
    Path file = distribution.resolve("bin").resolve(name);
    Files.writeString(file, "#!/usr/bin/env bash\n" + line + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  @Test
  @DisplayName("a bad override is refused before tokens are made")
  void badOverride() throws Exception {
    Path home = folder.resolve("home");

    String log = refused(home, "--set", "listeners.pubic.port=1");

    assertThat(log).contains("--set listeners.pubic.port: ", "unknown key");
    assertThat(home).doesNotExist();
  }

  @Test
  @DisplayName("an empty home of another user is left as it is")
  void homeOfAnotherUser() throws Exception {
    Path home;
    if (Files.getOwner(folder).getName().equals("root")) {
      home = Files.createDirectory(folder.resolve("home"));
      Files.setAttribute(home, "unix:uid", 65534);
    } else {
      home = Path.of("/opt"); // root's
    }
    Map<String, String> before = DevelopmentHome.snapshot(home, file -> false);

    assertThat(refused(home)).contains(home + ": the home directory belongs to ");

    assertThat(DevelopmentHome.snapshot(home, file -> false)).isEqualTo(before);
  }

  @Test
  @DisplayName("what warms up later starts ends with the server")
  void warmUpEndsWithServer() throws Exception {
    Path home = folder.resolve("home");
    Path started = folder.resolve("warm-up.pid");
    assertThat(CommandRun.of("init", "--home", home.toString(), "--development-key-store"))
        .returns(0, CommandRun::exitCode);
    script(
        "warm-up",
        "echo $$ >'%s.new'; mv '%s.new' '%s'; sleep 600".replace("%s", started.toString()));
    List<String> ports = DevelopmentHome.FREE_PORTS;
    Path log = folder.resolve("log");

    Process server = start(log, home, ports.toArray(String[]::new));
    try {
      Awaitility.await().atMost(PATIENCE).until(() -> Files.readString(log).contains("ready: "));
      Awaitility.await().atMost(PATIENCE).until(() -> Files.exists(started));
      ProcessHandle warmUp =
          ProcessHandle.of(Long.parseLong(Files.readString(started).strip())).orElseThrow();
      List<ProcessHandle> all = new ArrayList<>(warmUp.descendants().toList());
      all.add(warmUp);
      assertThat(all).allMatch(ProcessHandle::isAlive);

      server.destroy();
      assertThat(server.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();

      Awaitility.await()
          .atMost(Duration.ofSeconds(10))
          .until(() -> all.stream().noneMatch(ProcessHandle::isAlive));
    } finally {
      server.destroyForcibly();
    }
  }

  private String refused(Path home, String... arguments) throws Exception {
    Path log = folder.resolve("log");
    Process process = start(log, home, arguments);
    assertThat(process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).describedAs(Files.readString(log)).isEqualTo(1);
    assertThat(Files.readAllLines(log)).hasSize(1);
    return Files.readString(log);
  }

  private Process start(Path log, Path home, String... arguments) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of("../scripts/quickstart.sh").toAbsolutePath().toString(),
                "--home",
                home.toString()));
    command.addAll(List.of(arguments));
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().put("CHANCERY_DISTRIBUTION", distribution.toString());
    builder.environment().remove("SOFTHSM2_CONF");
    return builder.start();
  }
}
