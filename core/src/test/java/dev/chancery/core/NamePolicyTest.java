package dev.chancery.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.NamePolicy.DnsRule;
import dev.chancery.core.NamePolicy.OtherRule;
import dev.chancery.core.NamePolicy.Rules;
import dev.chancery.core.NamePolicy.UriRule;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
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
    assertForbidden(POLICY, new UriName("spiffe://a/admin"));
    assertForbidden(POLICY, new UriName("spiffe://a/admin?x"));
    POLICY.require(new UriName("spiffe://a/administrator"));
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

  @Test
  void anOtherNameFollowsWhatItSays() throws Exception {
    NamePolicy policy =
        new NamePolicy(
            Rules.none(),
            false,
            Rules.none(),
            Rules.none(),
            Rules.none(),
            new Rules<>(
                List.of(OtherRule.parse("1.2.3=*@corp.test"), OtherRule.parse("1.2.4")),
                List.of(OtherRule.parse("1.2.3=root@corp.test"))));
    policy.require(other("1.2.3", "ops@corp.test"));
    policy.require(other("1.2.4", "anything"));
    assertForbidden(policy, other("1.2.3", "ops@corp.test.evil"));
    assertForbidden(policy, other("1.2.3", "ops@CORP.test"));
    assertForbidden(policy, other("1.2.3", "Root@corp.test"));
    assertForbidden(policy, other("1.2.5", "ops@corp.test"));
    for (String refused : List.of("x", "1.2.3=", "1.2.3=a*b", "=a")) {
      assertThatThrownBy(() -> OtherRule.parse(refused))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  private static OtherName other(String type, String text) {
    return new OtherName(new ASN1ObjectIdentifier(type), text);
  }

  @Test
  void aUriPassesNoDenyRuleByBeingWrittenInAnotherWay() throws Exception {
    for (String rule : List.of("https://secret.test/", "HTTPS://Secret.test:443/")) {
      NamePolicy policy = uris("*", rule);
      policy.require(UriName.parse("https://open.test/a"));
      Random random = new Random(rule.hashCode());
      for (int i = 0; i < 20_000; i++) {
        String uri = rewritten("https", "secret.test", random);
        assertThat(isPermitted(policy, uri)).describedAs(uri).isFalse();
      }
    }
  }

  @Test
  void whoIsDeniedIsDeniedInEveryWayOfWritingIt() throws Exception {
    String path = "/ns/x/sa/admin";
    NamePolicy policy = uris("spiffe://corp.test/", "spiffe://corp.test" + path + "/");
    policy.require(UriName.parse("spiffe://corp.test" + path + "2"));
    policy.require(UriName.parse("spiffe://corp.test/ns/x/sa"));
    Random random = new Random(6);
    for (int i = 0; i < 20_000; i++) {
      String uri =
          anyCase("spiffe://corp.test", random)
              // An encoded slash is none.
              + encoded(path, random)
                  .replace("%2f", "/")
                  .replace("/", pick(random, "/", "/", "/", "//", "/./"))
              + pick(random, "", "", "/", "//", "/a", "?a", "#a", "/?a", "?a/b", "/../admin");
      assertThat(isPermitted(policy, uri)).describedAs(uri).isFalse();
    }
    for (String empty :
        List.of("spiffe://corp.test//", "https://a.test/b//c", "https://a.test//b")) {
      assertThatThrownBy(() -> UriName.parse(empty)).isInstanceOf(Refused.class);
    }
  }

  private static NamePolicy uris(String allow, String deny) {
    return new NamePolicy(
        Rules.none(),
        false,
        Rules.none(),
        new Rules<>(List.of(new UriRule(allow)), List.of(new UriRule(deny))),
        Rules.none());
  }

  private static boolean isPermitted(NamePolicy policy, String uri) {
    try {
      policy.require(UriName.parse(uri));
      return true;
    } catch (Refused e) {
      return false;
    }
  }

  /** The same resource in one of the ways that RFC 3986 section 6.2 says are equivalent. */
  private static String rewritten(String scheme, String host, Random random) {
    return anyCase(scheme, random)
        + "://"
        + pick(random, "", "", "", "user@", "user:word@", "@", "%41@")
        + encoded(anyCase(host, random), random)
        + pick(random, "", "", "", ".")
        + pick(random, "", "", ":", ":443", ":0443")
        + pick(random, "", "/", "/a", "/a/../b", "/./", "/%2e/", "?a", "#a", "?a/b", "/b/%2f");
  }

  private static String pick(Random random, String... ways) {
    return ways[random.nextInt(ways.length)];
  }

  private static String anyCase(String text, Random random) {
    StringBuilder changed = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      changed.append(random.nextInt(4) == 0 ? Character.toUpperCase(c) : c);
    }
    return changed.toString();
  }

  private static String encoded(String text, Random random) {
    StringBuilder encoded = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      encoded.append(random.nextInt(20) == 0 ? "%%%02x".formatted((int) c) : c);
    }
    return encoded.toString();
  }

  private static void assertForbidden(NamePolicy policy, Name name) {
    assertThatThrownBy(() -> policy.require(name))
        .isInstanceOfSatisfying(
            Refused.class, e -> assertThat(e.reason()).isEqualTo(Reason.REJECTED_NAME));
  }
}
