package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.DnsName;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.xbill.DNS.Rcode;

/** Names looked up at configured resolvers, which are real ones on the loopback address. */
@Timeout(60)
final class DnsAddressesTest {
  private static final Duration LONGEST = Duration.ofSeconds(5);

  private final DnsServer dns = new DnsServer();
  private final DnsAddresses addresses = addresses(dns.address());

  private static DnsAddresses addresses(InetSocketAddress... resolvers) {
    return new DnsAddresses(new Dns(List.of(resolvers), Optional.empty(), Clock.systemUTC()));
  }

  @AfterEach
  void stop() {
    dns.close();
  }

  private List<InetAddress> find(String host) throws Exception {
    return addresses.find(host, LONGEST);
  }

  @Test
  void bothFamiliesAreFound() throws Exception {
    dns.add("a.example. 60 IN A 192.0.2.1", "a.example. 60 IN A 192.0.2.2");
    dns.add("a.example. 60 IN AAAA 2001:db8::1", "six.example. 60 IN AAAA 2001:db8::6");

    assertThat(find("a.example"))
        .containsExactlyInAnyOrder(
            InetAddress.ofLiteral("192.0.2.1"),
            InetAddress.ofLiteral("192.0.2.2"),
            InetAddress.ofLiteral("2001:db8::1"));
    assertThat(find("six.example")).containsExactly(InetAddress.ofLiteral("2001:db8::6"));
  }

  @Test
  void aliasesAreFollowedButNotInACircle() throws Exception {
    dns.add("www.example. 60 IN CNAME web.example.", "web.example. 60 IN CNAME host.example.");
    dns.add("host.example. 60 IN A 192.0.2.7");
    dns.add("x.example. 60 IN CNAME y.example.", "y.example. 60 IN CNAME x.example.");

    assertThat(find("www.example")).containsExactly(InetAddress.ofLiteral("192.0.2.7"));
    assertThatThrownBy(() -> find("x.example")).isInstanceOf(HostAddresses.NotFound.class);
  }

  @Test
  void answerThatIsCutOffIsFetchedOverTcp() throws Exception {
    dns.add("a.example. 60 IN A 192.0.2.1");
    dns.truncating = true;

    assertThat(find("a.example")).containsExactly(InetAddress.ofLiteral("192.0.2.1"));
    assertThat(dns.overTcp).hasPositiveValue();
  }

  @Test
  @DisplayName("An IPv4 address in IPv6 clothes is held against the networks of IPv4")
  void mappedAddressIsOfVersionFour() throws Exception {
    dns.add("a.example. 60 IN AAAA ::ffff:169.254.169.254");

    assertThat(find("a.example")).containsExactly(InetAddress.ofLiteral("169.254.169.254"));
  }

  @Test
  void changesAreSeenAtOnceAndNoDomainIsSearched() throws Exception {
    dns.add("a.example. 86400 IN A 192.0.2.1");
    find("a.example");
    dns.add("a.example. 86400 IN A 192.0.2.2");

    assertThat(find("a.example")).hasSize(2);
    assertThat(dns.asked).allSatisfy(name -> assertThat(name).hasToString("a.example."));
  }

  @Test
  @DisplayName("RFC 8555 6.7: dns, and which of its reasons")
  void failuresAreToldApart() throws Exception {
    dns.add("text.example. 60 IN TXT hello");
    dns.fail("broken.example.", Rcode.SERVFAIL);

    assertThatThrownBy(() -> find("none.example"))
        .isInstanceOf(HostAddresses.NotFound.class)
        .hasMessageContaining("NXDOMAIN");
    assertThatThrownBy(() -> find("text.example"))
        .isInstanceOf(HostAddresses.NotFound.class)
        .hasMessageContaining("neither A nor AAAA");
    assertThatThrownBy(() -> find("broken.example"))
        .isInstanceOf(HostAddresses.NotFound.class)
        .hasMessageContaining("no resolver gave an answer");
  }

  @Test
  void silenceEndsInTime() {
    dns.silent = true;
    long start = System.nanoTime();

    assertThatThrownBy(() -> addresses.find("a.example", Duration.ofSeconds(1)))
        .isInstanceOf(HostAddresses.NotFound.class)
        .hasMessageContaining("no answer in time");

    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(4));
  }

  @Test
  void nextResolverIsAskedWhenOneIsAway() throws Exception {
    dns.add("a.example. 60 IN A 192.0.2.1");
    InetSocketAddress nobody =
        new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), AcmeFixture.freePort());

    assertThat(addresses(nobody, dns.address()).find("a.example", LONGEST))
        .containsExactly(InetAddress.ofLiteral("192.0.2.1"));
  }

  @Test
  @DisplayName("RFC 8555 8.3: a challenge is met at the address that the resolvers give, or is dns")
  void challengeIsAttemptedAtTheAddressFound() throws Exception {
    dns.add("a.example. 60 IN A 127.0.0.1");
    try (WebTarget web = new WebTarget();
        WebFetch fetch = new WebFetch(1, new SecureRandom())) {
      web.answer("token", "token.thumbprint");
      Http01 http01 =
          new Http01(
              fetch,
              new TargetAddresses(addresses, TargetNetworks.byDefault()),
              web.port(),
              Set.of());

      assertThat(http01.attempt(Attempts.of(new DnsName("a.example"), "token", "token.thumbprint")))
          .isInstanceOf(Validator.Outcome.Met.class);
      assertThat(http01.attempt(Attempts.of(new DnsName("b.example"), "token", "token.thumbprint")))
          .isInstanceOfSatisfying(
              Validator.Outcome.NotMet.class,
              not -> {
                assertThat(not.problem().error()).isEqualTo(AcmeError.DNS);
                assertThat(not.problem().detail()).contains("NXDOMAIN");
              });
    }
  }
}
