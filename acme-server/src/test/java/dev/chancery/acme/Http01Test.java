package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.chancery.core.BouncyCastle;
import dev.chancery.core.Cidr;
import dev.chancery.core.DnsName;
import dev.chancery.core.IpName;
import dev.chancery.core.Name;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Set;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** RFC 8555 section 8.3 against web servers of every temper. */
final class Http01Test {
  private static final Name LOCALHOST = new DnsName("localhost");
  private static final String TOKEN = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ";
  private static final String EXPECTED = TOKEN + ".thumbprint";

  private final WebTarget web = new WebTarget();
  private final WebFetch fetch = new WebFetch(4, new SecureRandom());

  @AfterEach
  void stop() {
    web.close();
    fetch.close();
  }

  private Validator.Outcome attempt(Name name, int port, Set<Integer> redirectPorts) {
    TargetAddresses addresses = new TargetAddresses(Attempts.LOOPBACK, TargetNetworks.byDefault());
    return new Http01(fetch, addresses, port, redirectPorts)
        .attempt(Attempts.of(name, TOKEN, EXPECTED));
  }

  private Validator.Outcome attempt() {
    return attempt(LOCALHOST, web.port(), Set.of(web.port()));
  }

  private static Problem problem(Validator.Outcome outcome) {
    return switch (outcome) {
      case Validator.Outcome.NotMet notMet -> notMet.problem();
      case Validator.Outcome.Met met -> throw new AssertionError("met");
    };
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "\n", "\r\n", " \t\n"})
  @DisplayName("RFC 8555 8.3: white space at the end of the body does not count")
  void trailingWhiteSpace(String end) {
    web.answer(TOKEN, EXPECTED + end);
    assertThat(attempt()).isInstanceOf(Validator.Outcome.Met.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {" " + EXPECTED, EXPECTED + "x", TOKEN, "", EXPECTED + "\n" + EXPECTED})
  @DisplayName("RFC 8555 8.3: any other body is incorrectResponse, and the problem shows it")
  void otherBody(String body) {
    web.answer(TOKEN, body);
    Problem problem = problem(attempt());
    assertThat(problem.error()).isEqualTo(AcmeError.INCORRECT_RESPONSE);
    assertThat(problem.detail())
        .contains("at 127.0.0.1 port " + web.port(), "status 200", "begins with \"");
  }

  @Test
  @DisplayName("RFC 8738: an IP identifier is asked at its address")
  void address() throws Exception {
    web.answer(TOKEN, EXPECTED);
    Name address = new IpName(InetAddress.ofLiteral("127.0.0.1"));
    assertThat(attempt(address, web.port(), Set.of())).isInstanceOf(Validator.Outcome.Met.class);
  }

  @Test
  @DisplayName("another status is incorrectResponse and says which")
  void status() {
    assertThat(problem(attempt()).detail()).contains("status 404");
  }

  @ParameterizedTest
  @ValueSource(ints = {301, 302, 303, 307, 308})
  @DisplayName("RFC 8555 8.3: redirects are followed, relative ones too")
  void redirects(int status) {
    web.redirect(WebTarget.path(TOKEN), status, "/elsewhere?x=1");
    web.answerAt("/elsewhere", 200, EXPECTED);
    assertThat(attempt()).isInstanceOf(Validator.Outcome.Met.class);
  }

  @ParameterizedTest
  @CsvSource({
    "here, /a/here",
    "../here, /here",
    "./here?x=1, /a/here",
    "/here, /here",
    "//localhost:PORT/here, /here"
  })
  @DisplayName("RFC 3986 5.2: a relative redirect is resolved against the path that it came from")
  void relativeRedirects(String location, String path) {
    web.redirect(WebTarget.path(TOKEN), 302, "/a/b%20c?y=2");
    web.redirect("/a/b c", 302, location.replace("PORT", Integer.toString(web.port())));
    web.answerAt(path, 200, EXPECTED);
    assertThat(attempt()).isInstanceOf(Validator.Outcome.Met.class);
  }

  @Test
  @DisplayName("RFC 3986 5.2.2: a redirect to a query alone leads to the same path")
  void queryRedirect() {
    web.redirect(WebTarget.path(TOKEN), 302, "?x=1");
    assertThat(problem(attempt()).detail()).contains("more than 10 redirects");
  }

  @Test
  @DisplayName("RFC 8555 8.3: ten redirects, not eleven")
  void tenRedirects() {
    web.redirect(WebTarget.path(TOKEN), 302, "/1");
    for (int i = 1; i <= 9; i++) {
      web.redirect("/" + i, 302, "/" + (i + 1));
    }
    web.answerAt("/10", 200, EXPECTED);
    assertThat(attempt()).isInstanceOf(Validator.Outcome.Met.class);
    web.redirect("/10", 302, "/11");
    web.answerAt("/11", 200, EXPECTED);
    assertThat(problem(attempt()).detail()).contains("more than 10 redirects");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ftp://localhost/",
        "file:///etc/passwd",
        "//",
        "",
        "http://user@localhost/",
        "http://local_host/",
        "http://[::1",
        "http://localhost:70000/",
        "http://2130706433/",
        "http://127.1/",
      })
  @DisplayName("RFC 8555 8.3: redirects lead to plain http and https URLs only")
  void otherRedirects(String location) {
    web.redirect(WebTarget.path(TOKEN), 302, location);
    assertThat(problem(attempt()).error()).isIn(AcmeError.INCORRECT_RESPONSE, AcmeError.CONNECTION);
    assertThat(web.requests()).isLessThan(12);
  }

  @ParameterizedTest
  @ValueSource(strings = {"[fe80::1%nosuch]", "[::1%25lo]", "[v1.x]", "256.0.0.1"})
  @DisplayName("a redirect to what is no address is not tried again")
  void noAddress(String host) {
    web.redirect(WebTarget.path(TOKEN), 302, "http://" + host + ":" + web.port() + "/");
    assertThat(((Validator.Outcome.NotMet) attempt()).lasting()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"//", "//elsewhere.example/x", "//elsewhere.example:80", "//?x=1"})
  @DisplayName("RFC 9112 3.2: a path that begins with two slashes names no other host")
  void twoSlashes(String path) {
    try (RawServer other = RawServer.of("HTTP/1.1 200 OK\r\n\r\n" + EXPECTED)) {
      String host = "localhost:" + other.port();
      web.redirect(WebTarget.path(TOKEN), 302, "http://" + host + path);
      assertThat(attempt(LOCALHOST, web.port(), Set.of(other.port())))
          .isInstanceOf(Validator.Outcome.Met.class);
      assertThat(other.request()).startsWith("GET " + path + " HTTP/1.1\r\n");
      assertThat(other.request()).containsIgnoringCase("\r\nHost: " + host + "\r\n");
    }
  }

  @Test
  @DisplayName("a redirect reaches the configured ports only")
  void redirectPort() {
    try (WebTarget internal = new WebTarget()) {
      internal.answerAt("/secret", 200, EXPECTED);
      web.redirect(WebTarget.path(TOKEN), 302, "http://localhost:" + internal.port() + "/secret");
      assertThat(problem(attempt()).detail()).contains("port " + internal.port());
      assertThat(internal.requests()).isZero();
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255"
      })
  @DisplayName("link-local, metadata and multicast addresses are denied by default, on any hop")
  void deniedByDefault(String address) throws Exception {
    Name name = new IpName(InetAddress.ofLiteral(address));
    Validator.Outcome direct = attempt(name, web.port(), Set.of());
    assertThat(problem(direct).detail()).contains("policy does not allow");
    assertThat(((Validator.Outcome.NotMet) direct).lasting()).isTrue();
    web.redirect(WebTarget.path(TOKEN), 302, "http://" + address + ":" + web.port() + "/");
    assertThat(problem(attempt()).detail()).contains("policy does not allow");
  }

  @Test
  @DisplayName("IPv6 link-local and metadata addresses, mapped ones too, are denied by default")
  void deniedIpv6() {
    TargetNetworks networks = TargetNetworks.byDefault();
    for (String address :
        List.of(
            "fe80::1",
            "fd00:ec2::254",
            "fd00:42::42",
            "fd20:ce::254",
            "::",
            "ff02::1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::e000:1",
            "64:ff9b::a83f:8110")) {
      assertThat(networks.permit(InetAddress.ofLiteral(address))).as(address).isFalse();
    }
    assertThat(networks.permit(InetAddress.ofLiteral("::1"))).isTrue();
    assertThat(networks.permit(InetAddress.ofLiteral("64:ff9b::c000:201"))).isTrue();
    TargetNetworks only =
        new TargetNetworks(
            List.of(Cidr.parse("10.0.0.0/8")),
            List.of(Cidr.parse("0.0.0.0/0"), Cidr.parse("::/0")));
    assertThat(only.permit(InetAddress.ofLiteral("10.1.2.3"))).isTrue();
    assertThat(only.permit(InetAddress.ofLiteral("127.0.0.1"))).isFalse();
    assertThat(only.permit(InetAddress.ofLiteral("::1"))).isFalse();
    assertThat(only.permit(InetAddress.ofLiteral("64:ff9b::a01:203"))).isTrue();
    assertThat(only.permit(InetAddress.ofLiteral("64:ff9b::7f00:1"))).isFalse();
  }

  @Test
  @DisplayName("RFC 8555 8.3: an https redirect target's certificate is not verified")
  void httpsRedirect() throws Exception {
    HttpsServer secure =
        HttpsServer.create(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), 0);
    secure.setHttpsConfigurator(new HttpsConfigurator(selfSigned()));
    secure.createContext(
        "/",
        exchange -> {
          byte[] body = EXPECTED.getBytes(StandardCharsets.US_ASCII);
          exchange.sendResponseHeaders(200, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    secure.start();
    try {
      int port = secure.getAddress().getPort();
      web.redirect(WebTarget.path(TOKEN), 302, "https://localhost:" + port + "/");
      assertThat(attempt(LOCALHOST, web.port(), Set.of(port)))
          .isInstanceOf(Validator.Outcome.Met.class);
    } finally {
      secure.stop(0);
    }
  }

  private static SSLContext selfSigned() throws Exception {
    KeyPair keys = TestAuthority.generate();
    X500Name name = new X500Name("CN=nobody we know");
    Certificate certificate =
        new JcaX509CertificateConverter()
            .getCertificate(
                new X509v3CertificateBuilder(
                        name,
                        BigInteger.ONE,
                        Date.from(Instant.EPOCH),
                        Date.from(Instant.EPOCH.plusSeconds(1)),
                        name,
                        SubjectPublicKeyInfo.getInstance(keys.getPublic().getEncoded()))
                    .build(
                        new JcaContentSignerBuilder("SHA256withECDSA")
                            .setProvider(BouncyCastle.PROVIDER)
                            .build(keys.getPrivate())));
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry("key", keys.getPrivate(), new char[0], new Certificate[] {certificate});
    KeyManagerFactory managers = KeyManagerFactory.getInstance("PKIX");
    managers.init(store, new char[0]);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(managers.getKeyManagers(), null, null);
    return context;
  }

  @Test
  @DisplayName("nobody listens: connection, with address and port")
  void refused() {
    int port = AcmeFixture.freePort();
    Problem problem = problem(attempt(LOCALHOST, port, Set.of()));
    assertThat(problem.error()).isEqualTo(AcmeError.CONNECTION);
    assertThat(problem.detail()).contains("127.0.0.1", "port " + port, "refused");
  }

  @Test
  @DisplayName("a name without an address: dns")
  void unknownName() {
    Problem problem = problem(attempt(new DnsName("nowhere.invalid"), 80, Set.of()));
    assertThat(problem.error()).isEqualTo(AcmeError.DNS);
  }

  @Test
  @DisplayName("an endless body is not read to its end")
  void endlessBody() {
    try (RawServer endless =
        new RawServer(output -> {
          output.write("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
          byte[] block = EXPECTED.getBytes(StandardCharsets.US_ASCII);
          while (true) {
            output.write(block);
          }
        })) {
      Instant start = Instant.now();
      assertThat(problem(attempt(LOCALHOST, endless.port(), Set.of())).detail())
          .contains("begins with");
      assertThat(Duration.between(start, Instant.now())).isLessThan(Duration.ofSeconds(8));
    }
  }

  @Test
  @DisplayName("a server that drips octets is cut off after ten seconds")
  void drip() {
    try (RawServer dripping =
        new RawServer(output -> {
          output.write("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
          while (true) {
            output.write('x');
            output.flush();
            Thread.sleep(200);
          }
        })) {
      Instant start = Instant.now();
      Problem problem = problem(attempt(LOCALHOST, dripping.port(), Set.of()));
      assertThat(problem.error()).isEqualTo(AcmeError.CONNECTION);
      assertThat(problem.detail()).contains("in time");
      assertThat(Duration.between(start, Instant.now())).isLessThan(Duration.ofSeconds(13));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "\r\n\r\n",
        "no http at all\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 99999 OK\r\n\r\n",
        "HTTP/1.1 302 Found\r\n\r\n",
      })
  @DisplayName("what is no HTTP answer is a problem, not a defect")
  void garbage(String answer) {
    try (RawServer server = RawServer.of(answer)) {
      assertThat(problem(attempt(LOCALHOST, server.port(), Set.of(server.port()))).error())
          .isIn(AcmeError.CONNECTION, AcmeError.INCORRECT_RESPONSE);
    }
  }

  @Test
  @DisplayName("a header without end is cut off")
  void endlessHeader() {
    try (RawServer server =
        new RawServer(output -> {
          output.write("HTTP/1.1 200 OK\r\nX: ".getBytes(StandardCharsets.US_ASCII));
          while (true) {
            output.write(new byte[1024]);
          }
        })) {
      assertThat(problem(attempt(LOCALHOST, server.port(), Set.of())).error())
          .isEqualTo(AcmeError.CONNECTION);
    }
  }
}
