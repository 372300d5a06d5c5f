package dev.chancery.acme;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/**
 * Answers every connection on the loopback interface with given octets, and keeps what it is asked.
 */
final class RawServer implements AutoCloseable {
  /** Writes an answer. */
  interface Answer {
    void write(OutputStream output) throws IOException, InterruptedException;
  }

  private final ServerSocket socket;
  private volatile String request = "";

  RawServer(Answer answer) {
    try {
      socket = new ServerSocket(0, 50, InetAddress.ofLiteral("127.0.0.1"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Thread.ofVirtual().start(() -> serve(answer));
  }

  static RawServer of(String answer) {
    return new RawServer(output -> output.write(answer.getBytes(StandardCharsets.ISO_8859_1)));
  }

  private void serve(Answer answer) {
    while (!socket.isClosed()) {
      try (Socket connection = socket.accept()) {
        byte[] octets = new byte[4096];
        int length = connection.getInputStream().read(octets);
        if (length > 0) {
          request = new String(octets, 0, length, StandardCharsets.ISO_8859_1);
          answer.write(connection.getOutputStream());
        }
      } catch (IOException | InterruptedException e) {
        // The client or the test went away.
      }
    }
  }

  /** The last request, in its own words. */
  String request() {
    return request;
  }

  int port() {
    return socket.getLocalPort();
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
