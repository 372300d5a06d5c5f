package dev.chancery.e2e;

import dev.chancery.testing.TestDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;
import org.jspecify.annotations.Nullable;

/** The distribution's server on one home, started again after each death. */
final class KillableServer implements AutoCloseable {
  private static final Duration START = Duration.ofMinutes(2);
  private static final Pattern DEBUGGER = Pattern.compile("dt_socket at address: (\\d+)");

  private final Path folder;
  private final RunningServer.Ports ports;
  private final List<String> settings;
  private final Path distribution;
  private final Path home;
  private final Path log;
  private final Path classes;
  private final List<String> overrides = new ArrayList<>();
  private int starts;
  private @Nullable Process process;

  KillableServer(Path folder, RunningServer.Ports ports, List<String> settings) throws IOException {
    this.folder = folder;
    this.ports = ports;
    this.settings = List.copyOf(settings);
    this.distribution = RunningServer.distribution();
    this.home = folder.resolve("home");
    this.log = folder.resolve("server.log");
    this.classes = folder.resolve("classes.jsa");
    overrides.addAll(List.of("--home", home.toString()));
    overrides.addAll(ports.overrides());
    settings.forEach(setting -> overrides.addAll(List.of("--set", setting)));
    Files.writeString(folder.resolve("hosts"), "127.0.0.1 localhost " + RunningServer.NAME + "\n");
  }

  /**
   * Makes the home, and the archive of classes that makes later starts twice as fast: the product's
   * own start-up cache is refused by a JVM that listens for a debugger.
   */
  void initialize() throws Exception {
    RunningServer.initialize(folder, ports, settings);
    run(List.of("-XX:ArchiveClassesAtExit=" + classes, "-Xlog:cds=off", "-Xlog:cds+dynamic=off"));
    stop();
  }

  /** Starts and waits until it is ready. */
  KillSwitch start() throws Exception {
    run(
        List.of(
            "-XX:SharedArchiveFile=" + classes,
            "-Xlog:cds=off",
            "-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:0"));
    Matcher port = DEBUGGER.matcher(log());
    if (!port.find()) {
      throw new AssertionError("no port for a debugger:\n" + log());
    }
    return KillSwitch.attach(running(), Integer.parseInt(port.group(1)));
  }

  private void run(List<String> options) throws IOException, InterruptedException {
    if (starts++ > 0) {
      Files.move(log, folder.resolve("server-" + (starts - 1) + ".log"));
    }
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin/java").toString());
    command.addAll(options);
    command.addAll(
        List.of(
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            "--enable-native-access=ALL-UNNAMED",
            "-Djdk.net.hosts.file=" + folder.resolve("hosts"),
            "-cp",
            classPath(),
            "dev.chancery.server.Main",
            "serve"));
    command.addAll(overrides);
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    builder.environment().remove("SOFTHSM2_CONF");
    builder.environment().put(RunningServer.PASSWORD_VARIABLE, TestDatabase.PASSWORD);
    process = builder.start();
    try {
      Awaitility.await("ready line in " + log)
          .atMost(START)
          .pollInterval(Duration.ofMillis(50))
          .until(() -> !running().isAlive() || log().contains("\nready: "));
    } catch (ConditionTimeoutException e) {
      throw new AssertionError("the server hangs at its start:\n" + threads(), e);
    }
    if (!running().isAlive()) {
      throw new AssertionError("the server ended before it was ready:\n" + log());
    }
  }

  /** What each thread waits for, the virtual ones included. */
  private String threads() throws IOException, InterruptedException {
    Path dump = folder.resolve("threads-" + starts + ".txt");
    String platform = CommandResult.ofJvm(folder, running(), "Thread.print", "-l").output();
    CommandResult.ofJvm(folder, running(), "Thread.dump_to_file", dump.toString());
    return platform + (Files.exists(dump) ? Files.readString(dump) : "");
  }

  private String classPath() throws IOException {
    Path libraries = distribution.resolve("lib");
    List<String> jars = new ArrayList<>();
    for (String jar : Files.readAllLines(libraries.resolve("class-path")).get(1).split(":", -1)) {
      jars.add(libraries.resolve(jar).toString());
    }
    return String.join(":", jars);
  }

  Path home() {
    return home;
  }

  /** What the server has said since its last start. */
  String log() throws IOException {
    return Files.readString(log);
  }

  /** Ends it in good order. */
  void stop() throws InterruptedException {
    running().destroy();
    if (!running().waitFor(60, TimeUnit.SECONDS)) {
      throw new AssertionError("the server does not end");
    }
  }

  private Process running() {
    if (process == null) {
      throw new IllegalStateException("never started");
    }
    return process;
  }

  @Override
  public void close() {
    if (process != null) {
      process.destroyForcibly();
    }
  }
}
