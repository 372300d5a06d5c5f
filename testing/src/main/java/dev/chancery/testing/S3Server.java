package dev.chancery.testing;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * S3Proxy, which checks signatures, in a process of its own; it can be killed and started again at
 * the same address, with what is in its buckets.
 */
public final class S3Server implements AutoCloseable {
  public static final String ACCESS_KEY_ID = "test-access-key";
  public static final String SECRET_ACCESS_KEY = "test-secret-key";

  /** Put there by the build of this module, for its dependencies would be in the way of ours. */
  private static final Path PROGRAM = Path.of("..", "testing", "target", "s3proxy", "s3proxy.jar");

  private final Path folder;
  private final int port;
  private Process process;

  private S3Server(Path folder) throws IOException, InterruptedException {
    this.folder = folder;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      this.port = free.getLocalPort();
    }
    Files.createDirectory(folder.resolve("objects"));
    Files.writeString(
        folder.resolve("s3proxy.properties"),
        """
        s3proxy.endpoint=http://127.0.0.1:%d
        s3proxy.authorization=aws-v4
        s3proxy.identity=%s
        s3proxy.credential=%s
        jclouds.provider=filesystem-nio2
        jclouds.filesystem.basedir=%s
        """
            .formatted(port, ACCESS_KEY_ID, SECRET_ACCESS_KEY, folder.resolve("objects")));
    this.process = listening();
  }

  /** Serves the buckets of a folder, which has none yet; a bucket is a folder in `objects`. */
  public static S3Server start(Path folder) throws IOException, InterruptedException {
    return new S3Server(folder);
  }

  private Process listening() throws IOException, InterruptedException {
    Process started =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:TieredStopAtLevel=1",
                "-DLOG_LEVEL=warn",
                "-jar",
                PROGRAM.toString(),
                "--properties",
                folder.resolve("s3proxy.properties").toString())
            .redirectErrorStream(true)
            .redirectOutput(Redirect.appendTo(folder.resolve("s3proxy.log").toFile()))
            .start();
    for (int i = 0; i < 600 && started.isAlive(); i++) {
      try (Socket _ = new Socket(InetAddress.getLoopbackAddress(), port)) {
        return started;
      } catch (ConnectException e) {
        Thread.sleep(100);
      }
    }
    started.destroyForcibly();
    throw new IOException(Files.readString(folder.resolve("s3proxy.log")));
  }

  public URI endpoint() {
    return URI.create("http://127.0.0.1:" + port);
  }

  /** SIGKILL. */
  public void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** As after {@link #kill}. */
  public void startAgain() throws IOException, InterruptedException {
    process = listening();
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
