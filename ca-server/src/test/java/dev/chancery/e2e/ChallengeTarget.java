package dev.chancery.e2e;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.UnaryOperator;

/** A web server that answers http-01 challenges (RFC 8555 section 8.3). */
final class ChallengeTarget implements AutoCloseable {
  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

  /** Answers every challenge of the account whose key has this thumbprint. */
  ChallengeTarget(int port, String thumbprint) throws IOException {
    this(port, token -> token + "." + thumbprint);
  }

  /**
   * @param answers from a token to what is answered, on any thread
   */
  ChallengeTarget(int port, UnaryOperator<String> answers) throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 100);
    server.setExecutor(threads);
    server.createContext(
        "/.well-known/acme-challenge/",
        exchange -> {
          String path = exchange.getRequestURI().getPath();
          byte[] answer =
              answers
                  .apply(path.substring(path.lastIndexOf('/') + 1))
                  .getBytes(StandardCharsets.US_ASCII);
          exchange.sendResponseHeaders(200, answer.length);
          exchange.getResponseBody().write(answer);
          exchange.close();
        });
    server.start();
  }

  @Override
  public void close() {
    server.stop(0);
    threads.close();
  }
}
