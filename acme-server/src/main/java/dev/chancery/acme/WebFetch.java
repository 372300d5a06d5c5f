package dev.chancery.acme;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import org.apache.hc.client5.http.DnsResolver;
import org.apache.hc.client5.http.classic.methods.HttpGet;
import org.apache.hc.client5.http.config.ConnectionConfig;
import org.apache.hc.client5.http.config.RequestConfig;
import org.apache.hc.client5.http.impl.DefaultSchemePortResolver;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.client5.http.impl.io.ManagedHttpClientConnectionFactory;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManager;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManagerBuilder;
import org.apache.hc.client5.http.impl.routing.DefaultRoutePlanner;
import org.apache.hc.client5.http.ssl.ClientTlsStrategyBuilder;
import org.apache.hc.client5.http.ssl.HostnameVerificationPolicy;
import org.apache.hc.client5.http.ssl.NoopHostnameVerifier;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.Header;
import org.apache.hc.core5.http.HttpEntity;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.HttpHost;
import org.apache.hc.core5.http.config.Http1Config;
import org.apache.hc.core5.util.Timeout;

/**
 * Single GET requests to addresses that the caller has chosen. Follows nothing, resolves nothing,
 * keeps no cookies, trusts any certificate (RFC 8555 section 8.3: the answer is what is checked),
 * and reads little.
 */
final class WebFetch implements AutoCloseable {
  private static final int LONGEST_BODY = 8 * 1024;
  private static final int LONGEST_LINE = 8 * 1024;
  private static final int MOST_HEADERS = 100;
  private static final Timeout CONNECT = Timeout.ofSeconds(5);
  private static final Timeout SILENCE = Timeout.ofSeconds(10);

  private final CloseableHttpClient client;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("acme-fetch-deadline").factory());

  /**
   * @param mostConnections how many requests run at once
   */
  WebFetch(int mostConnections, SecureRandom random) {
    PoolingHttpClientConnectionManager connections =
        PoolingHttpClientConnectionManagerBuilder.create()
            .setTlsSocketStrategy(
                ClientTlsStrategyBuilder.create()
                    .setSslContext(TrustAny.context(random))
                    .setHostVerificationPolicy(HostnameVerificationPolicy.CLIENT)
                    .setHostnameVerifier(NoopHostnameVerifier.INSTANCE)
                    .buildClassic())
            .setDnsResolver(new NoResolver())
            .setConnectionFactory(
                ManagedHttpClientConnectionFactory.builder()
                    .http1Config(
                        Http1Config.custom()
                            .setMaxLineLength(LONGEST_LINE)
                            .setMaxHeaderCount(MOST_HEADERS)
                            .build())
                    .build())
            .setDefaultConnectionConfig(
                ConnectionConfig.custom()
                    .setConnectTimeout(CONNECT)
                    .setSocketTimeout(SILENCE)
                    .build())
            .setMaxConnTotal(mostConnections)
            .setMaxConnPerRoute(mostConnections)
            .build();
    this.client =
        HttpClients.custom()
            .setConnectionManager(connections)
            .setConnectionReuseStrategy((request, response, context) -> false)
            .setRoutePlanner(new DefaultRoutePlanner(DefaultSchemePortResolver.INSTANCE))
            .setDefaultRequestConfig(RequestConfig.custom().setResponseTimeout(SILENCE).build())
            .setUserAgent("chancery")
            .disableRedirectHandling()
            .disableAutomaticRetries()
            .disableCookieManagement()
            .disableAuthCaching()
            .disableContentCompression()
            .build();
  }

  /**
   * What a web server answered.
   *
   * @param body its octets, one a character
   * @param complete whether the body ended within what is read of it
   */
  record Answer(
      int status, Optional<String> location, String body, boolean complete, InetAddress address) {}

  /** There was no answer; the message says at which address and why. */
  static final class Unreachable extends Exception {
    private static final long serialVersionUID = 1L;

    Unreachable(String message) {
      super(message, null, false, false);
    }
  }

  /**
   * Sends one request.
   *
   * @param host the Host header's and, for https, the server name asked for
   * @param address where to connect
   */
  Answer get(
      boolean secure,
      String host,
      InetAddress address,
      int port,
      String pathAndQuery,
      Deadline deadline)
      throws Unreachable {
    // Not HttpGet(pathAndQuery), which reads a path that begins with // as the name of a host.
    HttpGet request = new HttpGet("/");
    request.setPath(pathAndQuery);
    // With its address given, the host is not resolved again: no rebinding between check and use.
    HttpHost target = new HttpHost(secure ? "https" : "http", address, host, port);
    // The library's limits are per read; a server that drips octets is cut off here.
    Future<?> cut =
        timer.schedule(request::cancel, Math.max(0, deadline.nanosLeft()), TimeUnit.NANOSECONDS);
    try {
      return client.execute(target, request, null, response -> answer(response, address));
    } catch (IOException | RuntimeException e) {
      throw new Unreachable(address.getHostAddress() + " port " + port + ": " + why(e, deadline));
    } finally {
      cut.cancel(false);
    }
  }

  private static Answer answer(ClassicHttpResponse response, InetAddress address)
      throws IOException, HttpException {
    Header location = response.getFirstHeader("Location");
    byte[] body = new byte[0];
    HttpEntity entity = response.getEntity();
    if (entity != null) {
      InputStream content = entity.getContent();
      body = content.readNBytes(LONGEST_BODY + 1);
    }
    boolean complete = body.length <= LONGEST_BODY;
    if (!complete) {
      // Closing would read the rest first, however long it is.
      response.setEntity(null);
    }
    return new Answer(
        response.getCode(),
        Optional.ofNullable(location).map(Header::getValue),
        new String(body, StandardCharsets.ISO_8859_1),
        complete,
        address);
  }

  /** Our own words: a library's may hold what the other side sent. */
  private static String why(Exception e, Deadline deadline) {
    if (deadline.nanosLeft() <= 0 || e instanceof SocketTimeoutException) {
      return "no complete answer in time";
    }
    return switch (e) {
      case java.net.ConnectException refused -> "the connection was refused";
      case SSLException tls -> "the TLS handshake failed";
      case org.apache.hc.core5.http.ConnectionClosedException closed ->
          "the connection was closed without a complete answer";
      case java.net.SocketException broken -> "the connection broke";
      default -> "what came was no HTTP answer";
    };
  }

  @Override
  public void close() {
    timer.shutdownNow();
    try {
      client.close();
    } catch (IOException e) {
      throw new IllegalStateException("closing sockets does not fail", e);
    }
  }

  /** Every address is given by the caller; a name that arrives here is a defect. */
  private static final class NoResolver implements DnsResolver {
    @Override
    public InetAddress[] resolve(String host) throws UnknownHostException {
      throw new UnknownHostException("nothing is resolved here");
    }

    @Override
    public String resolveCanonicalHostname(String host) throws UnknownHostException {
      throw new UnknownHostException("nothing is resolved here");
    }
  }
}
