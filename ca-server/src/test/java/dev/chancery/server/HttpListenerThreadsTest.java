package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.channels.Selector;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.eclipse.jetty.http.UriCompliance;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("The threads of a listener")
class HttpListenerThreadsTest {
  @Test
  @DisplayName("are virtual for requests, and platform threads for what waits in the kernel")
  void threads() throws Exception {
    BoundPort port = BoundPort.bind("public", new Configuration.ListenerSection("127.0.0.1", 0));
    try (port;
        HttpListener listener =
            HttpListener.http(
                port,
                UriCompliance.DEFAULT,
                config ->
                    config.routes.get(
                        "/", context -> context.result(Thread.currentThread().toString())));
        HttpClient http = HttpClient.newHttpClient()) {
      URI url = URI.create("http://127.0.0.1:" + port.port() + "/");
      for (int i = 0; i < 20; i++) {
        assertThat(http.send(HttpRequest.newBuilder(url).build(), BodyHandlers.ofString()).body())
            .startsWith("VirtualThread[");
      }

      // Of the platform threads only: virtual ones are not in this list.
      Map<Thread, StackTraceElement[]> threads = Thread.getAllStackTraces();
      List<String> listening =
          threads.keySet().stream()
              .map(Thread::getName)
              .filter(name -> name.startsWith("public-"))
              .toList();
      assertThat(listening).hasSizeBetween(2, 8).anyMatch(name -> name.contains("acceptor"));
      assertThat(threads)
          .anySatisfy((thread, stack) -> {
            assertThat(thread.getName()).startsWith("public-");
            assertThat(Arrays.stream(stack).map(StackTraceElement::getClassName))
                .anyMatch(name -> name.contains(Selector.class.getSimpleName()));
          });
      assertThat(listener).isNotNull();
    }
  }
}
