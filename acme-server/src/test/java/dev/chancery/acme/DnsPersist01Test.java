package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.DnsName;
import dev.chancery.core.Name;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** draft-ietf-acme-dns-persist-02 against a DNS server. */
@Timeout(60)
final class DnsPersist01Test {
  private static final Name NAME = new DnsName("host.example");
  private static final Name WILDCARD = new DnsName("*.host.example");
  private static final String OWNER = "_validation-persist.host.example.";
  private static final Instant NOW = Instant.parse("2027-01-01T00:00:00Z");
  private static final String PRESENT = "p".repeat(43);
  private static final String FORMER = "f".repeat(43);
  private static final String PREFIX = "https://acme.example/acme/default/account-hash/";
  private static final String URI = uri("host.example", PRESENT);

  private final DnsServer dns = new DnsServer();
  private List<String> thumbprints = List.of(PRESENT, FORMER);

  @AfterEach
  void stop() {
    dns.close();
  }

  private static String uri(String domain, String thumbprint) {
    return DnsPersist01.hashedUri(
        PREFIX, domain, thumbprint, Attempts.URLS.account(Attempts.ACCOUNT));
  }

  private Validator.Outcome attempt(Name name) {
    return new DnsPersist01(
            new TextRecords(new Dns(List.of(dns.address()), Optional.empty(), Clock.systemUTC())),
            account -> account.equals(Attempts.ACCOUNT) ? thumbprints : List.of(),
            Clock.fixed(NOW, ZoneOffset.UTC))
        .attempt(Attempts.of(name, "token", "token.thumbprint"));
  }

  private Problem problem(String record) {
    dns.forget(OWNER);
    dns.addText(OWNER, record);
    return Attempts.problem(attempt(NAME));
  }

  @ParameterizedTest
  @CsvSource({
    "example.com, 5SQm7n6tPh2-PlLbCKGnViTXX5z19SCN4cPGQHSk-kw",
    "*, NpDnSwUthQK8zCgFdefYxAdAVPnygMLbs9US6oO-5ug"
  })
  @DisplayName("section 10.2: the hashed URIs of the draft's example")
  void example(String domain, String hash) {
    assertThat(
            DnsPersist01.hashedUri(
                "https://ca.example/account-hash/",
                domain,
                "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
                "https://ca.example/acct/123"))
        .isEqualTo("https://ca.example/account-hash/sha-256/" + hash);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ca.example; accounturi=%s",
        "authority.example;accounturi=%s",
        " CA.Example ;\taccounturi = %s ",
        "ca.example; accounturi=%s; policy=wildcard; later=1",
        "ca.example; persistUntil=1798761600; accounturi=%s",
        "ca.example; AccountURI=%s; persistUntil=99999999999999999999",
      })
  @DisplayName("section 4.1: a record of this CA for this account proves the name")
  void met(String record) {
    dns.addText(OWNER, "other.example; accounturi=https://other.example/1");
    dns.addText(OWNER, "v=spf1 -all");
    dns.addText(OWNER, record.formatted(URI));
    assertThat(attempt(NAME)).isInstanceOf(Validator.Outcome.Met.class);
  }

  @Test
  @DisplayName("section 4.1: a URI for any domain counts, and one of a key that was replaced")
  void otherForms() {
    for (String uri : List.of(uri("*", PRESENT), uri("host.example", FORMER), uri("*", FORMER))) {
      dns.forget(OWNER);
      dns.addText(OWNER, "ca.example; accounturi=" + uri);
      assertThat(attempt(NAME)).isEqualTo(new Validator.Outcome.Met());
    }
  }

  @Test
  @DisplayName("section 4.2: nothing counts for an account that is deactivated")
  void deactivated() {
    thumbprints = List.of();
    assertThat(problem("ca.example; accounturi=" + URI).error())
        .isEqualTo(AcmeError.INCORRECT_RESPONSE);
  }

  @Test
  @DisplayName("section 4.1: other accounts, domains, keys and spellings are incorrectResponse")
  void otherUris() {
    for (String uri :
        List.of(
            uri("other.example", PRESENT),
            uri("host.example", "x".repeat(43)),
            DnsPersist01.hashedUri(
                PREFIX, "host.example", PRESENT, "https://acme.example/acme/default/account/x"),
            URI.replace("https://acme", "HTTPS://acme"),
            URI + "=",
            Attempts.URLS.account(Attempts.ACCOUNT))) {
      Problem problem = problem("ca.example; accounturi=" + uri);
      assertThat(problem.error()).as(uri).isEqualTo(AcmeError.INCORRECT_RESPONSE);
      assertThat(problem.detail())
          .contains("_validation-persist.host.example", "not the hashed URI of the account");
    }
    assertThat(problem("ca.example").detail()).contains("has no accounturi");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "other.example; accounturi=%s",
        "ca.example.other; accounturi=%s",
        "; accounturi=%s",
        "ca.example, accounturi=%s",
        "ca.example; accounturi=%s; accounturi=x",
        "ca.example; accounturi=%s;",
        "ca.example accounturi=%s",
        "accounturi=%s"
      })
  @DisplayName("section 4.3.2: records that do not name this CA in the right form do not count")
  void otherCa(String record) {
    Problem problem = problem(record.formatted(URI));
    assertThat(problem.error()).isEqualTo(AcmeError.INCORRECT_RESPONSE);
    assertThat(problem.detail()).contains("names this CA", "ca.example", "found");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "soon", "-1", "1.5", "+1798761600", "0x10"})
  @DisplayName("section 4.1: a persistUntil that is no number is malformed")
  void badUntil(String until) {
    assertThat(problem("ca.example; accounturi=" + URI + "; persistUntil=" + until).error())
        .isEqualTo(AcmeError.MALFORMED);
  }

  @Test
  @DisplayName("section 4.1: a digest by an algorithm that is not accepted is malformed")
  void otherAlgorithm() {
    assertThat(problem("ca.example; accounturi=" + URI.replace("sha-256", "sha-512")).error())
        .isEqualTo(AcmeError.MALFORMED);
  }

  @Test
  @DisplayName("section 4.1: persistUntil ends the proof, and the longest of several counts")
  void until() {
    long now = NOW.getEpochSecond();
    String record = "ca.example; accounturi=" + URI + "; persistUntil=";
    assertThat(problem(record + (now - 1)).detail())
        .contains("was to persist until 2026-12-31T23:59:59Z");
    dns.addText(OWNER, record + (now + 60));
    dns.addText(OWNER, record + (now + 120));
    dns.addText(OWNER, record + (now + 90));
    assertThat(attempt(NAME))
        .isEqualTo(new Validator.Outcome.Met(Optional.of(NOW.plusSeconds(120))));
    dns.addText(OWNER, "authority.example; accounturi=" + URI);
    assertThat(attempt(NAME)).isEqualTo(new Validator.Outcome.Met());
  }

  @Test
  @DisplayName("section 5: a wildcard needs policy=wildcard, in either case")
  void wildcards() {
    dns.addText(OWNER, "ca.example; accounturi=" + URI);
    assertThat(Attempts.problem(attempt(WILDCARD)).detail()).contains("policy=wildcard");
    dns.addText(OWNER, "ca.example; accounturi=" + URI + "; policy=everything");
    assertThat(Attempts.problem(attempt(WILDCARD)).detail()).contains("policy=wildcard");
    dns.addText(OWNER, "ca.example; accounturi=" + URI + "; policy=WildCard");
    assertThat(attempt(WILDCARD)).isEqualTo(new Validator.Outcome.Met());
  }

  @Test
  @DisplayName("section 6: a record of a name above is not looked for")
  void subdomains() {
    dns.addText(OWNER, "ca.example; accounturi=" + URI + "; policy=wildcard");
    assertThat(Attempts.problem(attempt(new DnsName("www.host.example"))).error())
        .isEqualTo(AcmeError.DNS);
  }
}
