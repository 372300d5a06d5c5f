package dev.chancery.server;

import static java.util.stream.Collectors.joining;

import io.javalin.Javalin;
import io.javalin.config.JavalinConfig;
import io.javalin.event.HandlerMetaInfo;
import io.javalin.http.Context;
import io.javalin.http.Handler;
import io.javalin.http.HandlerType;
import io.javalin.http.MethodNotAllowedResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.eclipse.jetty.alpn.server.ALPNServerConnectionFactory;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.http.UriCompliance;
import org.eclipse.jetty.http2.server.HTTP2ServerConnectionFactory;
import org.eclipse.jetty.io.SelectorManager;
import org.eclipse.jetty.server.ConnectionFactory;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.SecureRequestCustomizer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.SslConnectionFactory;
import org.eclipse.jetty.server.handler.GracefulHandler;
import org.eclipse.jetty.util.VirtualThreads;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.eclipse.jetty.util.thread.Scheduler;

/** One listening port with routes of its own; what a port carries, no other port carries. */
final class HttpListener implements AutoCloseable {
  private static final Duration IDLE = Duration.ofSeconds(30);
  private static final int LONGEST_HEADERS = 16 * 1024;
  private static final List<HandlerType> METHODS =
      List.of(
          HandlerType.GET,
          HandlerType.HEAD,
          HandlerType.POST,
          HandlerType.PUT,
          HandlerType.PATCH,
          HandlerType.DELETE,
          HandlerType.OPTIONS,
          HandlerType.TRACE);

  /** One selects, and one takes over from it. */
  private static final int LEAST_THREADS = 2;

  private static final int MOST_THREADS = 8;

  private final Javalin javalin;

  private HttpListener(Javalin javalin) {
    this.javalin = javalin;
  }

  /** Serves plain HTTP. */
  static HttpListener http(
      BoundPort port, UriCompliance compliance, Consumer<JavalinConfig> routes) {
    return start(
        port,
        Duration.ZERO,
        routes,
        configuration -> {
          configuration.setUriCompliance(compliance);
          return new ConnectionFactory[] {plain(configuration)};
        });
  }

  /** Serves HTTP/1.1 and HTTP/2 over TLS; the end cuts off what is under way. */
  static HttpListener https(
      BoundPort port, SslContextFactory.Server tls, Consumer<JavalinConfig> routes) {
    return https(port, tls, Duration.ZERO, routes);
  }

  /**
   * Serves HTTP/1.1 and HTTP/2 over TLS.
   *
   * @param drain how long the end waits for requests that are under way to be answered, while new
   *     ones are refused
   */
  static HttpListener https(
      BoundPort port,
      SslContextFactory.Server tls,
      Duration drain,
      Consumer<JavalinConfig> routes) {
    return start(
        port,
        drain,
        routes,
        configuration -> {
          // Clients reach this server by names that its certificate need not list: the check of the
          // Host header against it is left to them.
          configuration.addCustomizer(new SecureRequestCustomizer(false));
          ALPNServerConnectionFactory alpn = new ALPNServerConnectionFactory();
          alpn.setDefaultProtocol(HttpVersion.HTTP_1_1.asString());
          return new ConnectionFactory[] {
            new SslConnectionFactory(tls, alpn.getProtocol()),
            alpn,
            new HTTP2ServerConnectionFactory(configuration),
            plain(configuration)
          };
        });
  }

  private interface Protocols {
    ConnectionFactory[] over(HttpConfiguration configuration);
  }

  private static HttpListener start(
      BoundPort port, Duration drain, Consumer<JavalinConfig> routes, Protocols protocols) {
    Javalin javalin =
        Javalin.create(config -> {
          config.startup.showJavalinBanner = false;
          config.jetty.threadPool = threads(port.key());
          if (drain.isPositive()) {
            config.jetty.modifyServer(server -> {
              server.setHandler(new GracefulHandler());
              server.setStopTimeout(drain.toMillis());
            });
          }
          config.jetty.addConnector(
              (server, shared) -> connector(server, port, protocols.over(own(shared))));
          List<HandlerMetaInfo> added = new ArrayList<>();
          config.events.handlerAdded(added::add);
          routes.accept(config);
          completeMethods(config, List.copyOf(added));
        });
    javalin.start();
    return new HttpListener(javalin);
  }

  /**
   * For what waits in the kernel for connections and octets, and nothing else: a virtual thread
   * that does so holds one of the few threads that carry all of them (one per processor), and on a
   * small machine a few listeners would hold them all.
   */
  private static QueuedThreadPool threads(String name) {
    QueuedThreadPool threads = new QueuedThreadPool(MOST_THREADS, LEAST_THREADS);
    threads.setName(name);
    threads.setDaemon(true);
    threads.setVirtualThreadsExecutor(requests(name));
    return threads;
  }

  /** Requests run on virtual threads: as many as there are may wait for their clients. */
  private static Executor requests(String name) {
    return VirtualThreads.getNamedVirtualThreadsExecutor(name + "-request-");
  }

  /**
   * Gives every path the methods that it lacks. HEAD has the handler of GET (RFC 9110 section
   * 9.3.2; the web server leaves out the content): without one Javalin answers 200 and asks nobody.
   * The others are refused with what is allowed (section 15.5.6).
   */
  private static void completeMethods(JavalinConfig config, List<HandlerMetaInfo> added) {
    Map<String, Map<HandlerType, Handler>> paths = new LinkedHashMap<>();
    added.stream()
        .filter(route -> METHODS.contains(route.getHttpMethod()))
        .forEach(route ->
            paths
                .computeIfAbsent(route.getPath(), path -> new LinkedHashMap<>())
                .put(route.getHttpMethod(), route.getHandler()));
    paths.forEach((path, handlers) -> {
      Set<HandlerType> own = Set.copyOf(handlers.keySet());
      Handler get = handlers.get(HandlerType.GET);
      if (get != null) {
        handlers.putIfAbsent(HandlerType.HEAD, get);
      }
      String allowed =
          METHODS.stream()
              .filter(handlers::containsKey)
              .map(HandlerType::name)
              .collect(joining(", "));
      METHODS.stream()
          .filter(method -> !own.contains(method))
          .forEach(method ->
              config.routes.addHttpHandler(
                  method,
                  path,
                  handlers.getOrDefault(method, context -> refuseMethod(context, allowed))));
    });
  }

  private static void refuseMethod(Context context, String allowed) {
    context.header("Allow", allowed);
    throw new MethodNotAllowedResponse();
  }

  private static HttpConfiguration own(HttpConfiguration shared) {
    HttpConfiguration configuration = new HttpConfiguration(shared);
    configuration.setSendServerVersion(false);
    configuration.setSendXPoweredBy(false);
    configuration.setRequestHeaderSize(LONGEST_HEADERS);
    configuration.setUriCompliance(UriCompliance.DEFAULT);
    return configuration;
  }

  private static HttpConnectionFactory plain(HttpConfiguration configuration) {
    return new HttpConnectionFactory(configuration);
  }

  private static ServerConnector connector(
      Server server, BoundPort port, ConnectionFactory[] protocols) {
    // Connections run on this executor, TLS and all that is above it too: on the server's own, a
    // few clients that send slowly over TLS would hold all of its threads. The selector accepts.
    Executor requests = requests(port.key());
    ServerConnector connector =
        new ServerConnector(server, requests, null, null, 0, 1, protocols) {
          @Override
          protected SelectorManager newSelectorManager(
              Executor unused, Scheduler scheduler, int selectors) {
            return super.newSelectorManager(server.getThreadPool(), scheduler, selectors);
          }
        };
    connector.setIdleTimeout(IDLE.toMillis());
    try {
      connector.open(port.channel());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return connector;
  }

  @Override
  public void close() {
    javalin.stop();
  }
}
