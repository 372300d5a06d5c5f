package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.DnsName;
import dev.chancery.core.Name;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xbill.DNS.Rcode;

/** RFC 8555 section 8.4 and dns-account-01 against a DNS server. */
@Timeout(60)
final class Dns01Test {
  private static final Name NAME = new DnsName("host.example");
  private static final String OWNER = "_acme-challenge.host.example.";
  private static final String KEY_AUTHORIZATION = "token.thumbprint";
  private static final String DIGEST = Base64Url.encode(Sha256.of(KEY_AUTHORIZATION));

  private final DnsServer dns = new DnsServer();

  @AfterEach
  void stop() {
    dns.close();
  }

  private TextRecords records(InetSocketAddress... resolvers) {
    return new TextRecords(new Dns(List.of(resolvers), Optional.empty(), Clock.systemUTC()));
  }

  private Validator.Outcome attempt(Name name) {
    return Dns01.of(records(dns.address())).attempt(Attempts.of(name, "token", KEY_AUTHORIZATION));
  }

  private Problem problem() {
    return Attempts.problem(attempt(NAME));
  }

  @Test
  @DisplayName("RFC 8555 8.4: any of several TXT records may be the digest")
  void anyOfSeveral() {
    dns.addText(OWNER, "v=spf1 -all");
    dns.addText(OWNER, DIGEST);
    dns.addText(OWNER, "");
    assertThat(attempt(NAME)).isEqualTo(new Validator.Outcome.Met());
  }

  @Test
  @DisplayName("RFC 8555 8.4: a wildcard is proven at the name below which it stands")
  void wildcard() {
    dns.addText(OWNER, DIGEST);
    assertThat(attempt(new DnsName("*.host.example"))).isEqualTo(new Validator.Outcome.Met());
  }

  @Test
  @DisplayName("a digest that is spread over the strings of a record counts")
  void joinedStrings() throws Exception {
    dns.add(OWNER + " 60 IN TXT " + DIGEST.substring(0, 20) + " " + DIGEST.substring(20));
    assertThat(attempt(NAME)).isEqualTo(new Validator.Outcome.Met());
  }

  @ParameterizedTest
  @ValueSource(strings = {"%s ", " %s", "\"%s\"", "%s=", "x%s", KEY_AUTHORIZATION, ""})
  @DisplayName("RFC 8555 8.4: any other text is incorrectResponse, and the problem shows it")
  void otherText(String text) {
    String other = text.formatted(DIGEST);
    dns.addText(OWNER, other);
    Problem problem = problem();
    assertThat(problem.error()).isEqualTo(AcmeError.INCORRECT_RESPONSE);
    assertThat(problem.detail())
        .contains("_acme-challenge.host.example", "\"" + other.replace('"', '\'') + "\"");
  }

  @Test
  @DisplayName("many long records with strange octets are shown shortened and printable")
  void shown() throws Exception {
    for (int i = 0; i < 9; i++) {
      dns.addText(OWNER, i + "x".repeat(400));
    }
    dns.add("_acme-challenge.other.example. 60 IN TXT \"a\\007\\255b\"");
    assertThat(problem().detail()).contains("and 4 more").hasSizeLessThan(1000);
    assertThat(Attempts.problem(attempt(new DnsName("other.example"))).detail())
        .contains("\"a??b\"");
  }

  @Test
  @DisplayName("RFC 8555 8.4: aliases are followed, eight of them, and not in a circle")
  void aliases() throws Exception {
    dns.add(OWNER + " 60 IN CNAME 1.delegated.example.");
    for (int i = 1; i < 8; i++) {
      dns.add(i + ".delegated.example. 60 IN CNAME " + (i + 1) + ".delegated.example.");
    }
    dns.addText("8.delegated.example.", DIGEST);
    assertThat(attempt(NAME)).isEqualTo(new Validator.Outcome.Met());

    dns.forget("8.delegated.example.");
    dns.add("8.delegated.example. 60 IN CNAME 9.delegated.example.");
    dns.addText("9.delegated.example.", DIGEST);
    assertThat(problem().detail()).contains("more than 8 aliases");

    dns.forget("8.delegated.example.");
    dns.add("8.delegated.example. 60 IN CNAME 2.delegated.example.");
    assertThat(problem().error()).isEqualTo(AcmeError.DNS);
  }

  @Test
  @DisplayName("RFC 8555 6.7: no name, no record and no answer are dns, and told apart")
  void negatives() throws Exception {
    assertThat(problem().detail()).contains("NXDOMAIN", "_acme-challenge.host.example");
    dns.add(OWNER + " 60 IN A 192.0.2.1");
    assertThat(problem().detail()).contains("has no TXT record").doesNotContain("NXDOMAIN");
    dns.forget(OWNER);
    dns.add(OWNER + " 60 IN CNAME gone.example.");
    assertThat(problem().detail())
        .contains(
            "NXDOMAIN: DNS knows no name gone.example, which _acme-challenge.host.example is");
    dns.fail(OWNER, Rcode.SERVFAIL);
    Problem outage = problem();
    assertThat(outage.error()).isEqualTo(AcmeError.DNS);
    assertThat(outage.detail()).contains("no resolver gave an answer");
    assertThat(((Validator.Outcome.NotMet) attempt(NAME)).lasting()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(ints = {Rcode.SERVFAIL, Rcode.REFUSED, Rcode.NOTIMP, Rcode.FORMERR})
  @DisplayName("a resolver that fails is no answer: the next one is asked")
  void nextResolver(int rcode) throws Exception {
    InetSocketAddress nobody =
        new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), AcmeFixture.freePort());
    try (DnsServer failing = new DnsServer()) {
      failing.fail(OWNER, rcode);
      dns.addText(OWNER, DIGEST);
      assertThat(
              Dns01.of(records(failing.address(), nobody, dns.address()))
                  .attempt(Attempts.of(NAME, "token", KEY_AUTHORIZATION)))
          .isEqualTo(new Validator.Outcome.Met());
    }
  }

  @Test
  @DisplayName("a negative answer is an answer: no other resolver is asked")
  void negativeIsAnAnswer() {
    try (DnsServer second = new DnsServer()) {
      second.addText(OWNER, DIGEST);
      Validator.Outcome outcome =
          Dns01.of(records(dns.address(), second.address()))
              .attempt(Attempts.of(NAME, "token", KEY_AUTHORIZATION));
      assertThat(Attempts.problem(outcome).detail()).contains("NXDOMAIN");
      assertThat(second.asked).isEmpty();
    }
  }

  @Test
  @DisplayName("RFC 6891: questions carry EDNS; what is cut off is asked for over TCP")
  void ednsAndTcp() {
    for (int i = 0; i < 40; i++) {
      dns.addText(OWNER, "x".repeat(250));
    }
    dns.addText(OWNER, DIGEST);
    dns.truncating = true;
    assertThat(attempt(NAME)).isEqualTo(new Validator.Outcome.Met());
    assertThat(dns.overTcp).hasPositiveValue();
    assertThat(dns.edns.orElseThrow().getPayloadSize()).isBetween(1220, 1400);
  }

  @Test
  @DisplayName("silence ends at the attempt's deadline")
  void silence() {
    dns.silent = true;
    Instant start = Instant.now();
    Validator.Outcome outcome =
        Dns01.of(records(dns.address()))
            .attempt(Attempts.of(NAME, "token", KEY_AUTHORIZATION, Duration.ofMillis(500)));
    assertThat(Attempts.problem(outcome).detail()).contains("no answer in time");
    assertThat(Duration.between(start, Instant.now())).isLessThan(Duration.ofSeconds(3));
  }

  @Test
  @DisplayName("a name that leaves no room for the label is refused at once")
  void longestName() {
    String longest = ("a".repeat(49) + ".").repeat(5) + "abc";
    Validator.Outcome outcome = attempt(new DnsName(longest));
    assertThat(((Validator.Outcome.NotMet) outcome).lasting()).isTrue();
    assertThat(dns.asked).isEmpty();
  }

  @Test
  @DisplayName("draft-ietf-acme-dns-account-label-03 3.1: the label of the draft's example")
  void accountLabel() {
    assertThat(Dns01.accountLabel("https://example.com/acme/acct/ExampleAccount"))
        .isEqualTo("_ujmmovf2vn55tgye");
  }

  @Test
  @DisplayName("dns-account-01: the record stands at the account's own name, and only there counts")
  void byAccount() {
    Dns01 byAccount = Dns01.byAccount(records(dns.address()));
    Validator.Attempt attempt = Attempts.of(NAME, "token", KEY_AUTHORIZATION);
    dns.addText(OWNER, DIGEST);
    assertThat(Attempts.problem(byAccount.attempt(attempt)).error()).isEqualTo(AcmeError.DNS);
    String label = Dns01.accountLabel(Attempts.URLS.account(Attempts.ACCOUNT));
    dns.addText(label + "." + OWNER, DIGEST);
    assertThat(byAccount.attempt(attempt)).isEqualTo(new Validator.Outcome.Met());
  }
}
