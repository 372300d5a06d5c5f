package dev.chancery.acme;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/** A web server on the loopback interface that answers challenges. */
final class WebTarget implements AutoCloseable {
  private record Page(int status, String location, String body) {}

  private final HttpServer server;
  private final Map<String, Page> pages = new ConcurrentHashMap<>();
  private final AtomicInteger requests = new AtomicInteger();

  WebTarget() {
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext(
        "/",
        exchange -> {
          requests.incrementAndGet();
          Page page =
              pages.getOrDefault(
                  exchange.getRequestURI().getPath(), new Page(404, "", "none here"));
          if (!page.location().isEmpty()) {
            exchange.getResponseHeaders().add("Location", page.location());
          }
          // Zero announces a chunked body.
          exchange.sendResponseHeaders(page.status(), 0);
          try (OutputStream body = exchange.getResponseBody()) {
            body.write(page.body().getBytes(StandardCharsets.UTF_8));
          }
        });
    server.start();
  }

  int port() {
    return server.getAddress().getPort();
  }

  int requests() {
    return requests.get();
  }

  void answer(String token, String content) {
    answerAt(path(token), 200, content);
  }

  void answerAt(String path, int status, String content) {
    pages.put(path, new Page(status, "", content));
  }

  void redirect(String path, int status, String location) {
    pages.put(path, new Page(status, location, ""));
  }

  static String path(String token) {
    return "/.well-known/acme-challenge/" + token;
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
