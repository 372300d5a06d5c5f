package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.Cidr;
import dev.chancery.core.DnsName;
import dev.chancery.core.IpName;
import dev.chancery.core.Name;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.bouncycastle.asn1.x509.GeneralName;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** RFC 8737 section 3 and RFC 8738 section 6 against TLS servers of every temper. */
@Timeout(60)
final class TlsAlpn01Test {
  private static final String HOST = "host.example";
  private static final Name NAME = new DnsName(HOST);
  private static final String EXPECTED = "token.thumbprint";

  private final DnsServer dns = new DnsServer();
  private final TlsTarget tls = new TlsTarget();

  TlsAlpn01Test() {
    dns.addLoopback("host.example.");
  }

  @AfterEach
  void stop() {
    dns.close();
    tls.close();
  }

  private Validator.Outcome attempt(Name name) {
    return attempt(name, tls.port(), TargetNetworks.byDefault(), Duration.ofSeconds(10));
  }

  private Validator.Outcome attempt(
      Name name, int port, TargetNetworks networks, Duration longest) {
    DnsAddresses addresses =
        new DnsAddresses(new Dns(List.of(dns.address()), Optional.empty(), Clock.systemUTC()));
    try (TlsAlpn01 tlsAlpn01 =
        new TlsAlpn01(new TargetAddresses(addresses, networks), port, new SecureRandom())) {
      return tlsAlpn01.attempt(Attempts.of(name, "token", EXPECTED, longest));
    }
  }

  private static TlsTarget.Maker right() {
    return TlsTarget.Maker.forDns(HOST, EXPECTED);
  }

  @Test
  @DisplayName(
      "RFC 8737 3: acme-tls/1 alone is offered, the name is asked for, and the proof counts")
  void isMet() {
    tls.show(HOST, right().make());
    assertThat(attempt(NAME)).isEqualTo(new Validator.Outcome.Met());
    assertThat(tls.hellos)
        .containsExactly(new TlsTarget.Hello(List.of(HOST), List.of("acme-tls/1")));
  }

  @Test
  @DisplayName("RFC 8737 3: the name in the certificate is compared without case")
  void otherCase() {
    tls.show(HOST, TlsTarget.Maker.forDns("HOST.Example", EXPECTED).make());
    assertThat(attempt(NAME)).isEqualTo(new Validator.Outcome.Met());
  }

  @Test
  @DisplayName("no session is resumed: each attempt sees the certificate of now")
  void noResumption() {
    tls.show(HOST, right().make());
    assertThat(attempt(NAME)).isEqualTo(new Validator.Outcome.Met());
    tls.show(HOST, TlsTarget.Maker.forDns(HOST, "another").make());
    assertThat(Attempts.problem(attempt(NAME)).detail()).contains("acmeIdentifier is not");
  }

  @ParameterizedTest
  @CsvSource({
    "127.0.0.1, 1.0.0.127.in-addr.arpa",
    "192.0.2.17, 17.2.0.192.in-addr.arpa",
    "::1, 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
    "2001:db8::ab, b.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
  })
  @DisplayName("RFC 8738 6: the server name of an address is its reverse mapping")
  void reverse(String address, String serverName) throws Exception {
    assertThat(TlsAlpn01.serverName(IpName.parse(address))).isEqualTo(serverName);
  }

  @Test
  @DisplayName("RFC 8738 6: an address is proven by a certificate with exactly this iPAddress")
  void address() throws Exception {
    String reverse = "1.0.0.127.in-addr.arpa";
    Name name = IpName.parse("127.0.0.1");
    tls.show(
        reverse,
        new TlsTarget.Maker(EXPECTED, new GeneralName(GeneralName.iPAddress, "127.0.0.1")).make());
    assertThat(attempt(name)).isEqualTo(new Validator.Outcome.Met());
    assertThat(tls.hellos.getFirst().serverNames()).containsExactly(reverse);
    for (GeneralName wrong :
        List.of(
            new GeneralName(GeneralName.dNSName, reverse),
            new GeneralName(GeneralName.dNSName, "127.0.0.1"),
            new GeneralName(GeneralName.iPAddress, "127.0.0.2"))) {
      tls.show(reverse, new TlsTarget.Maker(EXPECTED, wrong).make());
      assertThat(Attempts.problem(attempt(name)).detail()).contains("subjectAltName");
    }
  }

  record Wrong(String what, List<X509Certificate> chain, String says) {
    static Wrong of(String what, TlsTarget.Maker maker, String says) {
      return new Wrong(what, List.of(maker.make()), says);
    }

    @Override
    public String toString() {
      return what;
    }
  }

  static Stream<Wrong> wrongCertificates() {
    GeneralName name = new GeneralName(GeneralName.dNSName, HOST);
    GeneralName other = new GeneralName(GeneralName.dNSName, "other.example");
    byte[] digest = Sha256.of(EXPECTED);
    return Stream.of(
        Wrong.of("no name", new TlsTarget.Maker(EXPECTED), "it names nothing"),
        Wrong.of("another name", new TlsTarget.Maker(EXPECTED, other), "other.example"),
        Wrong.of("one name more", new TlsTarget.Maker(EXPECTED, name, other), "other.example"),
        Wrong.of("the name twice", new TlsTarget.Maker(EXPECTED, name, name), "not exactly"),
        Wrong.of(
            "a wildcard",
            TlsTarget.Maker.forDns("*.example", EXPECTED),
            "subjectAltName is not exactly host.example"),
        Wrong.of(
            "the name as an address of mail",
            new TlsTarget.Maker(EXPECTED, new GeneralName(GeneralName.rfc822Name, HOST)),
            "subjectAltName"),
        Wrong.of("no identifier", right().withoutIdentifier(), "without the acmeIdentifier"),
        Wrong.of("not critical", right().notCritical(), "not critical"),
        Wrong.of(
            "another digest", TlsTarget.Maker.forDns(HOST, "token.x"), "not the digest of the key"),
        Wrong.of("a bare digest", right().identifier(digest), "not the digest"),
        Wrong.of(
            "octets behind the digest",
            right().identifier(new byte[] {4, 32}, digest, new byte[] {5, 0}),
            "not the digest"),
        Wrong.of(
            "a digest in BER",
            right().identifier(new byte[] {4, (byte) 0x81, 32}, digest),
            "not the digest"),
        Wrong.of("an empty identifier", right().identifier(), "not the digest"),
        Wrong.of(
            "issued by another name", right().issuedBy("CN=ca", TlsTarget.KEYS), "not self-signed"),
        Wrong.of(
            "signed by another key",
            right().issuedBy("CN=challenge", TestAuthority.generate()),
            "not self-signed"),
        new Wrong(
            "two certificates", List.of(right().make(), right().make()), "shows 2 certificates"));
  }

  @ParameterizedTest
  @MethodSource("wrongCertificates")
  @DisplayName("RFC 8737 3: any other certificate is incorrectResponse, and the problem shows it")
  void wrong(Wrong wrong) {
    tls.show(HOST, wrong.chain().toArray(X509Certificate[]::new));
    Problem problem = Attempts.problem(attempt(NAME));
    assertThat(problem.error()).isEqualTo(AcmeError.INCORRECT_RESPONSE);
    assertThat(problem.detail()).contains("127.0.0.1 port " + tls.port(), wrong.says());
  }

  @Test
  @DisplayName("RFC 8737 3: a server that ignores ALPN, or does not know the protocol, is tls")
  void otherProtocol() {
    tls.show(HOST, right().make());
    tls.select(offered -> "");
    Problem ignoring = Attempts.problem(attempt(NAME));
    assertThat(ignoring.error()).isEqualTo(AcmeError.TLS);
    assertThat(ignoring.detail()).contains("does not speak acme-tls/1", "port " + tls.port());
    tls.select(offered -> null);
    Problem refusing = Attempts.problem(attempt(NAME));
    assertThat(refusing.error()).isEqualTo(AcmeError.TLS);
    assertThat(refusing.detail()).contains("127.0.0.1 port " + tls.port(), "handshake");
  }

  @Test
  @DisplayName("a server that knows nothing of the name, and one that speaks no TLS, are tls")
  void noHandshake() {
    assertThat(Attempts.problem(attempt(NAME)).error()).isEqualTo(AcmeError.TLS);
    try (RawServer plain = RawServer.of("HTTP/1.1 400 Bad Request\r\n\r\n")) {
      Validator.Outcome outcome =
          attempt(NAME, plain.port(), TargetNetworks.byDefault(), Duration.ofSeconds(10));
      assertThat(Attempts.problem(outcome).error()).isEqualTo(AcmeError.TLS);
    }
  }

  @Test
  @DisplayName("a server that is silent, or drips octets, is cut off at the deadline")
  void slow() {
    try (RawServer silent = new RawServer(output -> Thread.sleep(30_000));
        RawServer dripping = new RawServer(TlsAlpn01Test::drip)) {
      for (RawServer server : List.of(silent, dripping)) {
        Instant start = Instant.now();
        Problem problem =
            Attempts.problem(
                attempt(NAME, server.port(), TargetNetworks.byDefault(), Duration.ofSeconds(1)));
        assertThat(problem.error()).isEqualTo(AcmeError.TLS);
        assertThat(problem.detail()).contains("in time");
        assertThat(Duration.between(start, Instant.now())).isLessThan(Duration.ofSeconds(5));
      }
    }
  }

  /** The beginning of a record of 16 KiB of handshake. */
  private static void drip(OutputStream output) throws IOException, InterruptedException {
    output.write(new byte[] {22, 3, 3, 64, 0});
    while (true) {
      output.write(2);
      output.flush();
      Thread.sleep(50);
    }
  }

  @Test
  @DisplayName("nobody listens: connection, with address and port")
  void refused() {
    int port = AcmeFixture.freePort();
    Problem problem =
        Attempts.problem(attempt(NAME, port, TargetNetworks.byDefault(), Duration.ofSeconds(10)));
    assertThat(problem.error()).isEqualTo(AcmeError.CONNECTION);
    assertThat(problem.detail()).contains("127.0.0.1 port " + port, "refused");
  }

  @Test
  @DisplayName("RFC 8555 6.7: a name that DNS does not know is dns")
  void unknownName() {
    Problem problem = Attempts.problem(attempt(new DnsName("nowhere.example")));
    assertThat(problem.error()).isEqualTo(AcmeError.DNS);
    assertThat(problem.detail()).contains("NXDOMAIN", "nowhere.example");
  }

  @Test
  @DisplayName("targets obey the denied networks, for names and for addresses")
  void denied() throws Exception {
    TargetNetworks networks = new TargetNetworks(List.of(), List.of(Cidr.parse("127.0.0.0/8")));
    tls.show(HOST, right().make());
    for (Name name : List.of(NAME, IpName.parse("127.0.0.1"))) {
      Validator.Outcome outcome = attempt(name, tls.port(), networks, Duration.ofSeconds(10));
      assertThat(((Validator.Outcome.NotMet) outcome).lasting()).isTrue();
      assertThat(Attempts.problem(outcome).detail()).contains("policy does not allow", "127.0.0.1");
    }
    Name metadata = new IpName(InetAddress.ofLiteral("169.254.169.254"));
    assertThat(Attempts.problem(attempt(metadata)).detail()).contains("policy does not allow");
    assertThat(tls.hellos).isEmpty();
  }
}
