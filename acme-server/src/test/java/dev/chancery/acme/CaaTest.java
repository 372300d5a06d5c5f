package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.DnsName;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xbill.DNS.Rcode;

/** RFC 8659 section 3 against a DNS server. */
@Timeout(60)
final class CaaTest {
  private final DnsServer dns = new DnsServer();

  @AfterEach
  void stop() {
    dns.close();
  }

  private static CaaRecords.Question question(String name) {
    return new CaaRecords.Question(
        new DnsName(name), Set.of("ca.example"), "https://acme.example/1", "dns-01");
  }

  private Caa.Finding ask(String name) {
    return ask(name, Duration.ofSeconds(20));
  }

  private Caa.Finding ask(String name, Duration longest) {
    Caa caa = new Caa(new Dns(List.of(dns.address()), Optional.empty(), Clock.systemUTC()));
    CaaRecords.Question question = question(name);
    return Objects.requireNonNull(caa.ask(List.of(question), Deadline.in(longest)).get(question));
  }

  @Test
  @DisplayName("no records at the name and above it permit; the root is not asked")
  void none() {
    dns.addText("host.example.", "here, and without CAA");
    assertThat(ask("a.host.example")).isInstanceOf(Caa.Finding.Permitted.class);
    assertThat(dns.asked)
        .extracting(Object::toString)
        .containsExactly("a.host.example.", "host.example.", "example.");
  }

  @Test
  @DisplayName("the nearest domain that has records decides, and those above it are not asked")
  void climbing() throws Exception {
    dns.add(
        "b.example. 60 IN CAA 0 issue \"ca.example\"",
        "example. 60 IN CAA 0 issue \"other.example\"");
    assertThat(ask("x.a.b.example")).isInstanceOf(Caa.Finding.Permitted.class);
    assertThat(dns.asked)
        .extracting(Object::toString)
        .containsExactly("x.a.b.example.", "a.b.example.", "b.example.");
    assertThat(ask("a.example"))
        .isInstanceOfSatisfying(
            Caa.Finding.Forbidden.class,
            forbidden ->
                assertThat(forbidden.why())
                    .contains("CAA records of example", "a.example", "issue \"other.example\""));
  }

  @Test
  @DisplayName("records without an issue property end the climb too, and restrict nothing")
  void iodefAlone() throws Exception {
    dns.add(
        "b.example. 60 IN CAA 0 iodef \"mailto:security@example.com\"",
        "example. 60 IN CAA 0 issue \";\"");
    assertThat(ask("a.b.example")).isInstanceOf(Caa.Finding.Permitted.class);
  }

  @Test
  @DisplayName("a wildcard is asked for at the name below which it stands")
  void wildcard() throws Exception {
    dns.add("b.example. 60 IN CAA 0 issuewild \";\"");
    assertThat(ask("*.b.example")).isInstanceOf(Caa.Finding.Forbidden.class);
    assertThat(ask("b.example")).isInstanceOf(Caa.Finding.Permitted.class);
    assertThat(dns.asked).extracting(Object::toString).startsWith("b.example.");
  }

  @Test
  @DisplayName("an alias has the records of what it stands for; without them its own parents speak")
  void alias() throws Exception {
    dns.add(
        "a.example. 60 IN CNAME host.elsewhere.",
        "host.elsewhere. 60 IN CAA 0 issue \"ca.example\"",
        "b.example. 60 IN CNAME nothing.elsewhere.",
        "example. 60 IN CAA 0 issue \"other.example\"",
        "elsewhere. 60 IN CAA 0 issue \"ca.example\"");
    assertThat(ask("a.example")).isInstanceOf(Caa.Finding.Permitted.class);
    assertThat(ask("b.example")).isInstanceOf(Caa.Finding.Forbidden.class);
  }

  @Test
  @DisplayName("aliases in a circle are no answer")
  void circle() throws Exception {
    dns.add("a.example. 60 IN CNAME b.example.", "b.example. 60 IN CNAME a.example.");
    assertThat(ask("a.example")).isInstanceOf(Caa.Finding.Unknown.class);
  }

  @ParameterizedTest
  @ValueSource(ints = {Rcode.SERVFAIL, Rcode.REFUSED})
  @DisplayName("an outage is told apart from a name without records, at the name and above it")
  void outage(int rcode) throws Exception {
    dns.fail("a.example.", rcode);
    assertThat(ask("a.example"))
        .isInstanceOfSatisfying(
            Caa.Finding.Unknown.class,
            unknown -> assertThat(unknown.why()).contains("CAA records of a.example"));
    dns.fail("example.", rcode);
    assertThat(ask("b.example")).isInstanceOf(Caa.Finding.Unknown.class);
  }

  @Test
  @DisplayName("no answer in time is an outage")
  void silence() {
    dns.silent = true;
    assertThat(ask("a.example", Duration.ofMillis(200))).isInstanceOf(Caa.Finding.Unknown.class);
  }

  @Test
  @DisplayName("a property that holds no issue-value forbids, whatever its octets")
  void malformed() throws Exception {
    dns.add("a.example. 60 IN CAA 0 issue \"\\000\\255 ca.example\"");
    assertThat(ask("a.example"))
        .isInstanceOfSatisfying(
            Caa.Finding.Forbidden.class,
            forbidden -> assertThat(forbidden.why()).matches("[\\x20-\\x7e]*"));
  }

  @Test
  @DisplayName("the names of an order share what is above them: each domain is asked once")
  void shared() throws Exception {
    dns.add("example. 60 IN CAA 0 issue \"ca.example\"");
    Caa caa = new Caa(new Dns(List.of(dns.address()), Optional.empty(), Clock.systemUTC()));
    List<CaaRecords.Question> questions =
        List.of(question("a.b.example"), question("c.b.example"), question("b.example"));
    assertThat(caa.ask(questions, Deadline.in(Duration.ofSeconds(20))))
        .hasSize(3)
        .allSatisfy(
            (question, finding) -> assertThat(finding).isInstanceOf(Caa.Finding.Permitted.class));
    assertThat(dns.asked)
        .extracting(Object::toString)
        .containsExactlyInAnyOrder("a.b.example.", "c.b.example.", "b.example.", "example.");
  }
}
