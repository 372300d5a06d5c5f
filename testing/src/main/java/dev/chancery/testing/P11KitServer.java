package dev.chancery.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * A token behind `p11-kit server`, which has a process for each of its connections. They can all be
 * killed, stopped and continued, and the server started again at the same address.
 */
public final class P11KitServer implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  // Of the whole process, as are the modules that it has loaded.
  private static final AtomicInteger SPELLINGS = new AtomicInteger();

  private final Path module;
  private final String token;
  private final Map<String, String> modulesEnvironment;
  private final Path socket;
  private final Path log;
  private Process process;

  private P11KitServer(
      Path folder, String token, Path module, Map<String, String> modulesEnvironment)
      throws IOException {
    this.module = module;
    this.modulesEnvironment = Map.copyOf(modulesEnvironment);
    this.token = "pkcs11:token=" + token;
    Path home = Files.createTempDirectory(folder, "p11-kit");
    this.socket = home.resolve("socket");
    this.log = home.resolve("log");
    this.process = listening();
  }

  /** Serves the token from the module it is in. */
  public static P11KitServer start(Path folder, SoftHsmToken token) {
    return start(folder, token, token.library());
  }

  /**
   * Serves the token from another module that has it too, as {@link FaultyModule#library} does.
   *
   * @param folder for the socket; its path must be short
   * @param token its label must be of letters, digits, - and _
   */
  public static P11KitServer start(Path folder, SoftHsmToken token, Path module) {
    return start(folder, token.label(), module, Map.of());
  }

  /**
   * Serves a token that another than this JVM has made.
   *
   * @param environment tells the module where the token is
   */
  public static P11KitServer start(
      Path folder, String label, Path module, Map<String, String> environment) {
    try {
      return new P11KitServer(folder, label, module, environment);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot start a p11-kit server", e);
    }
  }

  /** The PKCS #11 module that talks to a server. */
  public static Path installedClient() {
    try (Stream<Path> folders = Files.list(Path.of("/usr/lib"))) {
      return Stream.concat(folders, Stream.of(Path.of("/usr/lib"), Path.of("/usr/lib64")))
          .map(folder -> folder.resolve("pkcs11/p11-kit-client.so"))
          .filter(Files::exists)
          .findFirst()
          .orElseThrow(() -> new IllegalStateException("p11-kit-client.so is not installed"));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot look for p11-kit-client.so", e);
    }
  }

  /**
   * The client's path, spelled as never before: whoever loads it by this name gets a connection of
   * his own.
   */
  public static Path nextClient() {
    Path client = installedClient();
    String again = "/.".repeat(SPELLINGS.incrementAndGet());
    return Path.of(client.getParent() + again, client.getFileName().toString());
  }

  /** Tells a client where this server is. */
  public Map<String, String> environment() {
    return Map.of("P11_KIT_SERVER_ADDRESS", "unix:path=" + socket);
  }

  /** Kills the server and its connections, none of which can do anything before it dies. */
  public synchronized void kill() {
    List<ProcessHandle> processes = stopped();
    processes.forEach(ProcessHandle::destroyForcibly);
    processes.forEach(P11KitServer::awaitEnd);
  }

  /** Starts a server again at the same address, after killing one that still runs. */
  public synchronized void restart() {
    kill();
    try {
      process = listening();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot start the p11-kit server again", e);
    }
  }

  /** Stops the server and its connections: calls wait, and so does whoever connects. */
  public synchronized void suspend() {
    stopped();
  }

  /** Lets them go on after {@link #suspend}. */
  public synchronized void resume() {
    List<ProcessHandle> processes = new ArrayList<>(List.of(process.toHandle()));
    process.descendants().forEach(processes::add);
    signal("CONT", processes);
  }

  @Override
  public synchronized void close() {
    kill();
  }

  // The server first: while it is stopped, it takes no further connection.
  private List<ProcessHandle> stopped() {
    List<ProcessHandle> processes = new ArrayList<>(List.of(process.toHandle()));
    signal("STOP", processes);
    process.descendants().forEach(processes::add);
    signal("STOP", processes);
    return processes;
  }

  private static void signal(String name, List<ProcessHandle> processes) {
    StringBuilder pids = new StringBuilder();
    for (ProcessHandle one : processes) {
      if (one.isAlive()) {
        pids.append(' ').append(one.pid());
      }
    }
    if (pids.isEmpty()) {
      return;
    }
    try {
      // The shell's own kill. A connection may end just now, which is as good.
      Command.run("sh", "-c", "kill -" + name + pids + " || true");
    } catch (IOException e) {
      throw new UncheckedIOException("cannot send a signal", e);
    }
  }

  private static void awaitEnd(ProcessHandle process) {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (runs(process)) {
      if (System.nanoTime() > end) {
        throw new IllegalStateException("process " + process.pid() + " does not end");
      }
      pause();
    }
  }

  // A connection whose server is killed too becomes a child of process 1, which may take seconds to
  // bury it. Until then Java calls it alive, though its memory and its sockets are gone.
  private static boolean runs(ProcessHandle process) {
    try {
      String status = Files.readString(Path.of("/proc/" + process.pid() + "/stat"));
      return process.isAlive() && status.charAt(status.lastIndexOf(')') + 2) != 'Z';
    } catch (IOException e) {
      return false;
    }
  }

  private Process listening() throws IOException {
    Files.deleteIfExists(socket);
    ProcessBuilder server =
        new ProcessBuilder(
            "p11-kit",
            "server",
            "-f",
            "-n",
            socket.toString(),
            "--provider",
            module.toString(),
            token);
    server.environment().putAll(modulesEnvironment);
    Process started =
        server
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
            .start();
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!connects()) {
      if (!started.isAlive() || System.nanoTime() > end) {
        started.destroyForcibly();
        throw new IOException("p11-kit server does not listen: " + Files.readString(log));
      }
      pause();
    }
    return started;
  }

  private boolean connects() {
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      return channel.connect(UnixDomainSocketAddress.of(socket));
    } catch (IOException e) {
      return false;
    }
  }

  private static void pause() {
    try {
      Thread.sleep(2);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
