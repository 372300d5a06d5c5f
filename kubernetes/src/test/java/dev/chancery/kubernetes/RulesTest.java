package dev.chancery.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.Cidr;
import dev.chancery.core.DnsName;
import dev.chancery.core.EmailName;
import dev.chancery.core.IpName;
import dev.chancery.core.Name;
import dev.chancery.core.Refused;
import dev.chancery.core.UriName;
import java.net.InetAddress;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("What an operator says of a role")
class RulesTest {
  private static boolean permits(NameRules rules, Name name) {
    try {
      rules.policy().require(name);
      return true;
    } catch (Refused e) {
      return false;
    }
  }

  @Test
  @DisplayName("names: each rule covers its own kind, and deny wins")
  void names() throws Refused {
    NameRules rules =
        new NameRules(
            List.of("dns:a.test", "ip:10.0.0.0/8", "uri:spiffe://a.test/", "email:a.test"),
            List.of("dns:secret.a.test", "ip:10.9.0.0/16"),
            false);

    assertThat(permits(rules, new DnsName("a.test"))).isTrue();
    assertThat(permits(rules, new DnsName("x.y.a.test"))).isTrue();
    assertThat(permits(rules, new DnsName("secret.a.test"))).isFalse();
    assertThat(permits(rules, new DnsName("*.a.test"))).isFalse();
    assertThat(permits(rules, new DnsName("xa.test"))).isFalse();
    assertThat(permits(rules, IpName.parse("10.1.1.1"))).isTrue();
    assertThat(permits(rules, IpName.parse("10.9.1.1"))).isFalse();
    assertThat(permits(rules, IpName.parse("fd00::1"))).isFalse();
    assertThat(permits(rules, UriName.parse("spiffe://a.test/x"))).isTrue();
    assertThat(permits(rules, UriName.parse("spiffe://b.test/x"))).isFalse();
    assertThat(permits(rules, EmailName.parse("ops@a.test"))).isTrue();
    assertThat(permits(rules, EmailName.parse("ops@b.test"))).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a.test",
        "dns:",
        "dns:*.a.test",
        "dns:a b",
        "ip:10.0.0.1/8",
        "ip:*",
        "uri:spiffe://a",
        "email:a@b.test",
        "other:x",
        "DNS:a.test",
        "dns:a.test\ndns:*"
      })
  void rulesInNoSuchForm(String rule) {
    assertThatThrownBy(() -> new NameRules(List.of(rule), List.of(), false))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @CsvSource({
    "cert-manager/cert-manager, cert-manager/cert-manager, true",
    "cert-manager/*, cert-manager/issuer, true",
    "*/issuer, any/issuer, true",
    "*/*, any/any, true",
    "team-*/web-*-1, team-a/web-x-1, true",
    "team-*/web, team-a/x/web, false",
    "cert-manager/*, cert-manager2/issuer, false",
    "a.b/c, axb/c, false",
    "cert-manager/issuer, cert-manager/issuer2, false"
  })
  @DisplayName("service accounts: * stands for any characters within one of the two names")
  void accounts(String pattern, String account, boolean included) {
    String[] parts = account.split("/", 2);
    assertThat(
            new ServiceAccounts("kubernetes", "vault://a", List.of(pattern))
                .include(new ServiceAccount(parts[0], parts[1], "")))
        .isEqualTo(included);
  }

  @Test
  @DisplayName("user names of Kubernetes are service accounts, or nobody here")
  void userNames() {
    assertThat(ServiceAccount.of("system:serviceaccount:ns:name.x", "u-1"))
        .contains(new ServiceAccount("ns", "name.x", "u-1"));
    for (String text :
        List.of(
            "",
            "admin",
            "system:node:a",
            "system:serviceaccount:ns",
            "system:serviceaccount:ns:a:b",
            "system:serviceaccount:NS:a",
            "system:serviceaccount:ns/x:a",
            "system:serviceaccount:ns:a\n")) {
      assertThat(ServiceAccount.of(text, "")).isEmpty();
    }
    assertThat(ServiceAccount.of("system:serviceaccount:ns:a", "u\n")).isEmpty();
  }

  @Test
  @DisplayName("networks: an address is in a block if and only if their first bits are equal")
  void networks() throws Exception {
    Random random = new Random(3);
    for (int i = 0; i < 5_000; i++) {
      byte[] octets = new byte[random.nextBoolean() ? 4 : 16];
      random.nextBytes(octets);
      int prefix = random.nextInt(octets.length * 8 + 1);
      byte[] network = octets.clone();
      for (int bit = prefix; bit < network.length * 8; bit++) {
        network[bit / 8] &= (byte) ~(0x80 >>> (bit % 8));
      }
      Cidr block = Cidr.parse(InetAddress.getByAddress(network).getHostAddress() + "/" + prefix);
      Credential credential = from(List.of(block));
      assertThat(credential.isFrom(InetAddress.getByAddress(octets))).isTrue();
      if (prefix > 0) {
        int flipped = random.nextInt(prefix);
        octets[flipped / 8] ^= (byte) (0x80 >>> (flipped % 8));
        assertThat(credential.isFrom(InetAddress.getByAddress(octets))).isFalse();
      }
    }
    assertThat(from(List.of()).isFrom(InetAddress.ofLiteral("192.0.2.1"))).isTrue();
  }

  private static Credential from(List<Cidr> networks) {
    return new Credential(
        new CredentialId(new UUID(1, 2)),
        new RoleId(new UUID(3, 4)),
        Credential.Kind.SECRET_ID,
        "",
        networks,
        Optional.empty(),
        Instant.EPOCH,
        Optional.empty());
  }
}
