package dev.chancery.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.NamePolicy.DnsRule;
import dev.chancery.core.NamePolicy.Rules;
import dev.chancery.core.NamePolicy.UriRule;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class NamePolicyTest {
  private static final NamePolicy POLICY =
      new NamePolicy(
          new Rules<>(
              List.of(new DnsRule("example.com"), new DnsRule("localhost")),
              List.of(new DnsRule("secret.example.com"))),
          true,
          new Rules<>(List.of(Cidr.parse("10.0.0.0/8")), List.of(Cidr.parse("10.1.0.0/16"))),
          new Rules<>(
              List.of(new UriRule("spiffe://a/")), List.of(new UriRule("spiffe://a/admin/"))),
          new Rules<>(List.of(new DnsRule("*")), List.of(new DnsRule("evil.example"))));

  @ParameterizedTest
  @ValueSource(
      strings = {
        "example.com",
        "www.example.com",
        "*.a.example.com",
        "*.localhost",
        "*.notsecret.example.com",
        "localhost",
        "notsecret.example.com"
      })
  void dnsNameIsPermitted(String name) throws Exception {
    POLICY.require(new DnsName(name));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "com",
        "*.com",
        "badexample.com",
        "example.com.evil.example",
        "secret.example.com",
        "a.secret.example.com",
        "*.secret.example.com",
        "*.a.secret.example.com",
        "*.example.com"
      })
  void dnsNameIsForbidden(String name) {
    assertForbidden(POLICY, new DnsName(name));
  }

  @Test
  void wildcardsCanBeForbidden() throws Exception {
    NamePolicy policy =
        new NamePolicy(
            new Rules<>(List.of(new DnsRule("*")), List.of()),
            false,
            Rules.none(),
            Rules.none(),
            Rules.none());
    policy.require(new DnsName("a.example"));
    assertForbidden(policy, new DnsName("*.a.example"));
  }

  @Test
  void otherKindsFollowTheirRules() throws Exception {
    POLICY.require(
        Set.of(
            IpName.parse("10.2.3.4"),
            new UriName("spiffe://a"),
            new UriName("spiffe://a/b"),
            EmailName.parse("a@anything.example")));
    assertForbidden(POLICY, IpName.parse("10.1.2.3"));
    assertForbidden(POLICY, IpName.parse("11.1.2.3"));
    assertForbidden(POLICY, IpName.parse("::1"));
    assertForbidden(POLICY, new UriName("spiffe://a/admin/x"));
    assertForbidden(POLICY, new UriName("spiffe://ab"));
    assertForbidden(POLICY, new UriName("spiffe://ab/c"));
    assertForbidden(POLICY, new UriName("spiffe://a/admin/"));
    assertForbidden(POLICY, EmailName.parse("a@mail.evil.example"));
  }

  @Test
  void oneForbiddenNameIsEnough() throws Exception {
    Set<Name> names = Set.of(new DnsName("example.com"), IpName.parse("11.1.2.3"));
    assertThatThrownBy(() -> POLICY.require(names)).isInstanceOf(Refused.class);
  }

  @Test
  void emptyPolicyPermitsNothing() throws Exception {
    NamePolicy policy =
        new NamePolicy(Rules.none(), true, Rules.none(), Rules.none(), Rules.none());
    assertForbidden(policy, new DnsName("a.example"));
    assertForbidden(policy, IpName.parse("10.0.0.1"));
    assertForbidden(policy, new UriName("https://a/"));
    assertForbidden(policy, EmailName.parse("a@b"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ".example.com", "*.example.com", "Example.com", "a b", "10.0.0.1"})
  void dnsRuleIsRefused(String suffix) {
    assertThatThrownBy(() -> new DnsRule(suffix)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void uriRuleEndsInASlash() {
    assertThatThrownBy(() -> new UriRule("spiffe://a"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static void assertForbidden(NamePolicy policy, Name name) {
    assertThatThrownBy(() -> policy.require(name))
        .isInstanceOfSatisfying(
            Refused.class, e -> assertThat(e.reason()).isEqualTo(Reason.REJECTED_NAME));
  }
}
