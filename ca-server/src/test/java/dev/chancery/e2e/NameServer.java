package dev.chancery.e2e;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.awaitility.Awaitility;

/**
 * The DNS server that Debian has beside Pebble: every name is on the loopback address, and TXT
 * records are what it is told over HTTP.
 */
final class NameServer implements AutoCloseable {
  private static final Duration START = Duration.ofSeconds(30);

  private final Process process;
  private final int dnsPort;
  private final int managementPort;

  private NameServer(Process process, int dnsPort, int managementPort) {
    this.process = process;
    this.dnsPort = dnsPort;
    this.managementPort = managementPort;
  }

  /** Starts it and waits until it can be told records. */
  static NameServer start(Path folder) throws IOException {
    Files.createDirectories(folder);
    int dnsPort = freeUdpPort();
    int managementPort = freePort();
    Process process =
        new ProcessBuilder(
                List.of(
                    "pebble-challtestsrv",
                    "-dns01",
                    "127.0.0.1:" + dnsPort,
                    "-defaultIPv4",
                    "127.0.0.1",
                    "-defaultIPv6",
                    "",
                    "-http01",
                    "",
                    "-https01",
                    "",
                    "-tlsalpn01",
                    "",
                    "-management",
                    "127.0.0.1:" + managementPort))
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("names.log").toFile())
            .start();
    NameServer server = new NameServer(process, dnsPort, managementPort);
    try {
      Awaitility.await("DNS server; see " + folder).atMost(START).until(server::answers);
      return server;
    } catch (RuntimeException e) {
      server.close();
      throw e;
    }
  }

  private boolean answers() {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), managementPort)) {
      return socket.isConnected();
    } catch (IOException e) {
      return false;
    }
  }

  static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private static int freeUdpPort() throws IOException {
    try (DatagramSocket socket =
        new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))) {
      return socket.getLocalPort();
    }
  }

  /** Where it answers: address and port. */
  String address() {
    return "127.0.0.1:" + dnsPort;
  }

  /** The setting that has a server ask it. */
  String setting() {
    return "acme.validation.dns.resolvers=[\"" + address() + "\"]";
  }

  /** Where it is told records: set-txt and clear-txt. */
  String managementUrl() {
    return "http://127.0.0.1:" + managementPort;
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
