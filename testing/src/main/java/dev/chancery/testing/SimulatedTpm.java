package dev.chancery.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/**
 * A TPM 2.0 in software with a token of tpm2-pkcs11 in it: swtpm, and in front of it the resource
 * manager tpm2-abrmd, without which its few places for keys are full at once, on a D-Bus of their
 * own.
 */
public final class SimulatedTpm implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final String PIN = "test-pin-1234";
  private static final String SECURITY_OFFICER_PIN = "test-so-pin-5678";

  private final Path home;
  private final String label;
  private final Path pinFile;
  private final List<Process> processes = new ArrayList<>();

  private SimulatedTpm(Path home, String label, Path pinFile) {
    this.home = home;
    this.label = label;
    this.pinFile = pinFile;
  }

  /**
   * Makes one.
   *
   * @param folder for its state and its socket; its path must be short
   * @throws IllegalStateException when a part of it is not installed
   */
  public static SimulatedTpm start(Path folder, String label) {
    try {
      Path home = Files.createTempDirectory(folder, "tpm");
      SimulatedTpm tpm =
          new SimulatedTpm(home, label, Files.writeString(home.resolve("pin"), PIN + "\n"));
      try {
        tpm.start();
        return tpm;
      } catch (IOException | RuntimeException e) {
        tpm.close();
        throw e;
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot start a simulated TPM", e);
    }
  }

  private void start() throws IOException {
    Path bus = home.resolve("bus");
    run("dbus-daemon", "--session", "--nofork", "--nopidfile", "--address=unix:path=" + bus);
    await("dbus-daemon", () -> Files.exists(bus));
    int port = freePair();
    run(
        "swtpm",
        "socket",
        "--tpm2",
        "--tpmstate",
        "dir=" + home,
        "--server",
        "type=tcp,bindaddr=127.0.0.1,port=" + port,
        "--ctrl",
        "type=tcp,bindaddr=127.0.0.1,port=" + (port + 1),
        "--flags",
        "not-need-init,startup-clear");
    await("swtpm", () -> listens(port + 1));
    // An opened module has a connection for as long as this process lives; usually there are 27.
    run(
        "tpm2-abrmd",
        "--session",
        "--allow-root",
        "--max-connections=100",
        "--max-transients=100",
        "--tcti=swtpm:host=127.0.0.1,port=" + port);
    String store = Files.createDirectory(home.resolve("store")).toString();
    await("tpm2-abrmd", () -> succeeds("tpm2_ptool", "init", "--path", store));
    if (!succeeds(
        "tpm2_ptool",
        "addtoken",
        "--path",
        store,
        "--pid",
        "1",
        "--label",
        label,
        "--userpin",
        PIN,
        "--sopin",
        SECURITY_OFFICER_PIN)) {
      throw new IllegalStateException("tpm2_ptool makes no token: see " + home.resolve("log"));
    }
  }

  private void run(String... command) throws IOException {
    processes.add(builder(command).start());
  }

  private ProcessBuilder builder(String... command) {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(home.resolve("log").toFile()));
    builder.environment().putAll(environment());
    builder.environment().put("TPM2TOOLS_TCTI", "tabrmd:bus_type=session");
    return builder;
  }

  private boolean succeeds(String... command) {
    try {
      return builder(command).start().waitFor() == 0;
    } catch (IOException e) {
      throw new UncheckedIOException("cannot run " + command[0], e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  private void await(String program, BooleanSupplier ready) throws IOException {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!ready.getAsBoolean()) {
      if (!processes.getLast().isAlive() || System.nanoTime() > end) {
        throw new IOException(program + " does not work: " + Files.readString(home.resolve("log")));
      }
      try {
        Thread.sleep(50);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted", e);
      }
    }
  }

  // The client of swtpm expects the control channel at the next port.
  private static int freePair() throws IOException {
    BindException taken = new BindException();
    for (int i = 0; i < 100; i++) {
      try (ServerSocket first = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
          ServerSocket second =
              new ServerSocket(first.getLocalPort() + 1, 1, InetAddress.getLoopbackAddress())) {
        return second.getLocalPort() - 1;
      } catch (BindException e) {
        taken = e;
      }
    }
    throw taken;
  }

  private static boolean listens(int port) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1000);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** The PKCS #11 module that uses it. */
  public Path library() {
    try (Stream<Path> folders = Files.list(Path.of("/usr/lib"))) {
      return folders
          .map(folder -> folder.resolve("pkcs11/libtpm2_pkcs11.so"))
          .filter(Files::exists)
          .findFirst()
          .orElseThrow(() -> new IllegalStateException("tpm2-pkcs11 is not installed"));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot look for tpm2-pkcs11", e);
    }
  }

  public String label() {
    return label;
  }

  /** Holds the user PIN. */
  public Path pinFile() {
    return pinFile;
  }

  /** Tells the module where it is. */
  public Map<String, String> environment() {
    return Map.of(
        "DBUS_SESSION_BUS_ADDRESS",
        "unix:path=" + home.resolve("bus"),
        "TPM2_PKCS11_STORE",
        home.resolve("store").toString(),
        "TPM2_PKCS11_TCTI",
        "tabrmd:bus_type=session",
        "TPM2_PKCS11_LOG_LEVEL",
        "0",
        "TSS2_LOG",
        "all+none");
  }

  @Override
  public void close() {
    for (Process process : processes.reversed()) {
      process.destroy();
    }
  }
}
