package dev.chancery.e2e;

import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;

/** The distribution, started by scripts/quickstart.sh and serving. */
final class RunningServer implements AutoCloseable {
  /** The name that the server's own resolver maps to the loopback address. */
  static final String NAME = "www.chancery.test";

  static final String PASSWORD_VARIABLE = "CHANCERY_TEST_DATABASE_PASSWORD";
  private static final Duration START = Duration.ofMinutes(2);
  private static final int STOP_SECONDS = 30;

  private final Process process;
  private final Path log;
  private final String directoryUrl;

  private RunningServer(Process process, Path log, String directoryUrl) {
    this.process = process;
    this.log = log;
    this.directoryUrl = directoryUrl;
  }

  /** Where the server listens and validates; the same before and after a restart. */
  record Ports(int publicListener, int api, int admin, int management, int http01) {
    /** Free ones: all sockets are open at once, so none is given twice. */
    static Ports free() throws IOException {
      try (ServerSocket a = open();
          ServerSocket b = open();
          ServerSocket c = open();
          ServerSocket d = open();
          ServerSocket e = open()) {
        return new Ports(
            a.getLocalPort(),
            b.getLocalPort(),
            c.getLocalPort(),
            d.getLocalPort(),
            e.getLocalPort());
      }
    }

    /** The same, but it validates http-01 where another server does. */
    Ports validatingAt(int port) {
      return new Ports(publicListener, api, admin, management, port);
    }

    private static ServerSocket open() throws IOException {
      return new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    }

    List<String> overrides() {
      List<String> overrides = new ArrayList<>();
      for (String override :
          List.of(
              "listeners.public.host=127.0.0.1",
              "listeners.public.port=" + publicListener,
              "listeners.api.host=127.0.0.1",
              "listeners.api.port=" + api,
              "listeners.admin.port=" + admin,
              "listeners.management.port=" + management,
              "acme.validation.http01.port=" + http01)) {
        overrides.add("--set");
        overrides.add(override);
      }
      return overrides;
    }
  }

  /** The settings for an empty database of a kind; the embedded one is in the home by default. */
  static List<String> database(DatabaseKind kind, Path folder) {
    return switch (kind) {
      case H2 -> List.of();
      case POSTGRESQL -> settings(kind.create(folder));
    };
  }

  /** The settings for a PostgreSQL database. */
  static List<String> settings(TestDatabase database) {
    return List.of(
        "database.url=" + database.url(),
        "database.user=" + database.user(),
        "database.passwordVariable=" + PASSWORD_VARIABLE);
  }

  /**
   * Starts on a home, which is made when it is not there, and waits until it can issue.
   *
   * @param overrides of the configuration, each KEY=VALUE
   */
  static RunningServer start(Path folder, Ports ports, List<String> overrides) throws IOException {
    return start(folder, ports, overrides, "");
  }

  /**
   * As the other.
   *
   * @param jvmOptions besides those that the launcher gives
   */
  static RunningServer start(Path folder, Ports ports, List<String> overrides, String jvmOptions)
      throws IOException {
    Path distribution = distribution();
    Path hosts = Files.writeString(folder.resolve("hosts"), "127.0.0.1 localhost " + NAME + "\n");
    Path log = folder.resolve("server.log");
    List<String> command = new ArrayList<>();
    command.add(script("quickstart.sh").toString());
    command.addAll(List.of("--home", folder.resolve("home").toString()));
    command.addAll(ports.overrides());
    overrides.forEach(override -> command.addAll(List.of("--set", override)));
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    builder.environment().remove("SOFTHSM2_CONF");
    builder.environment().put("CHANCERY_DISTRIBUTION", distribution.toString());
    builder.environment().put(PASSWORD_VARIABLE, TestDatabase.PASSWORD);
    // The JDK's own hosts file: names that the test validates need no change to the machine.
    builder
        .environment()
        .put("CHANCERY_JAVA_OPTS", "-Djdk.net.hosts.file=" + hosts + " " + jvmOptions);
    Process process = builder.start();
    try {
      Awaitility.await("ready line in " + log)
          .atMost(START)
          .pollInterval(Duration.ofMillis(50))
          .until(() -> !process.isAlive() || readyUrl(log).isPresent());
      return new RunningServer(process, log, readyUrl(log).orElseThrow(() -> notReady(log)));
    } catch (RuntimeException | AssertionError e) {
      process.destroyForcibly();
      throw e;
    }
  }

  /** Makes a home with its tokens and issuers, without starting a server. */
  static void initialize(Path folder, Ports ports, List<String> overrides)
      throws IOException, InterruptedException {
    Path home = folder.resolve("home");
    for (String label : List.of("chancery", "chancery-root")) {
      CommandResult.of(
              folder,
              Map.of(),
              script("softhsm-init.sh").toString(),
              "--dir",
              home.resolve("token").toString(),
              "--label",
              label)
          .requireDone();
    }
    List<String> init = new ArrayList<>();
    init.addAll(List.of(distribution() + "/bin/chancery", "init", "--home", home.toString()));
    init.addAll(ports.overrides());
    overrides.forEach(override -> init.addAll(List.of("--set", override)));
    CommandResult.of(
            folder, Map.of(PASSWORD_VARIABLE, TestDatabase.PASSWORD), init.toArray(String[]::new))
        .requireDone();
  }

  private static AssertionError notReady(Path log) {
    try {
      return new AssertionError("the server ended before it was ready:\n" + Files.readString(log));
    } catch (IOException e) {
      return new AssertionError("the server ended before it was ready", e);
    }
  }

  /** A script of the source tree that the distribution was built in. */
  static Path script(String name) {
    return distribution().resolve("../../../scripts").resolve(name).normalize();
  }

  static Path distribution() {
    String folder = System.getProperty("chancery.distribution");
    if (folder == null || !Files.isExecutable(Path.of(folder, "bin/chancery"))) {
      throw new IllegalStateException(
          "this test runs the built distribution: start it with mvn verify");
    }
    return Path.of(folder);
  }

  private static Optional<String> readyUrl(Path log) throws IOException {
    return Files.readAllLines(log).stream()
        .filter(line -> line.startsWith("ready: "))
        .map(line -> line.substring("ready: ".length()))
        .findFirst();
  }

  String directoryUrl() {
    return directoryUrl;
  }

  /** The process of the server itself: the scripts that start it become it. */
  long pid() {
    return process.pid();
  }

  /** Has the server's JVM do something, as an operator with jcmd would. */
  String command(String... arguments) throws IOException, InterruptedException {
    return CommandResult.ofJvm(log.getParent(), process, arguments).requireDone();
  }

  String log() throws IOException {
    return Files.readString(log);
  }

  /** Ends the server as Ctrl-C or a service manager does; its exit code. */
  int stop() throws InterruptedException {
    process.destroy();
    if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
      throw new AssertionError("the server has not ended " + STOP_SECONDS + " s after SIGTERM");
    }
    return process.exitValue();
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
