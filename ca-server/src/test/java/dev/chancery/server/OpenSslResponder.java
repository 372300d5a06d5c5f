package dev.chancery.server;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * {@code openssl ocsp}, which takes a connection for each request. OpenSSL 3.0 hangs for good now
 * and then, reading from a connection whose client reads too; then it is started anew.
 */
final class OpenSslResponder implements AutoCloseable {
  static final String INDEX = "index.txt";
  static final String AUTHORITY = "ca.pem";
  static final String SIGNER = "signer.pem";
  static final String SIGNER_KEY = "signer.key";

  private static final int TRIES = 10;

  private final Path folder;
  private Process process;
  private int port;
  private int hung;

  private OpenSslResponder(Path folder) {
    this.folder = folder;
  }

  /** Starts it on the files of this folder. */
  static OpenSslResponder start(Path folder) throws Exception {
    OpenSslResponder responder = new OpenSslResponder(folder);
    responder.start();
    return responder;
  }

  private void start() throws Exception {
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    Path log = folder.resolve("openssl.log");
    Files.deleteIfExists(log);
    process =
        new ProcessBuilder(
                "openssl",
                "ocsp",
                "-port",
                Integer.toString(port),
                "-index",
                INDEX,
                "-CA",
                AUTHORITY,
                "-rsigner",
                SIGNER,
                "-rkey",
                SIGNER_KEY,
                "-multi",
                "2")
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    // Not by a connection: one without a request hangs it for good.
    while (process.isAlive() && !Files.readString(log).contains("ACCEPT")) {
      Thread.sleep(100);
    }
    // Its children read the index anew.
    Thread.sleep(5000);
  }

  /** Answers a second. */
  double drive(Path request) throws Exception {
    for (int i = 0; i < TRIES; i++) {
      Optional<Double> perSecond = ApacheBench.run(port, "/", request);
      if (perSecond.isPresent()) {
        return perSecond.get();
      }
      hung++;
      close();
      start();
    }
    throw new IllegalStateException("openssl ocsp hung " + TRIES + " times in a row");
  }

  /** How many times it hung. */
  int hung() {
    return hung;
  }

  @Override
  public void close() {
    // By force: a child that hangs does not take a request to end.
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly().onExit().join();
  }
}
