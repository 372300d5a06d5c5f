package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.DnsName;
import dev.chancery.core.IpName;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What an endpoint can be told to offer. */
final class OfferedChallengesTest {
  @Test
  @DisplayName("RFC 8555 8.3 and 8.4, RFC 8738 7: which kinds prove what")
  void proving() throws Exception {
    OfferedChallenges all =
        new OfferedChallenges(List.of(ChallengeKind.values()), List.of(new DnsName("ca.example")));
    assertThat(all.proving(new DnsName("a.example"))).containsExactly(ChallengeKind.values());
    assertThat(all.proving(new DnsName("*.a.example")))
        .containsExactly(
            ChallengeKind.DNS_01, ChallengeKind.DNS_ACCOUNT_01, ChallengeKind.DNS_PERSIST_01);
    assertThat(all.proving(IpName.parse("2001:db8::1")))
        .containsExactly(ChallengeKind.HTTP_01, ChallengeKind.TLS_ALPN_01);
  }

  @Test
  @DisplayName("the drafts are not offered unasked")
  void byDefault() {
    assertThat(OfferedChallenges.DEFAULT.kinds())
        .containsExactly(ChallengeKind.HTTP_01, ChallengeKind.DNS_01, ChallengeKind.TLS_ALPN_01);
  }

  @Test
  @DisplayName("draft-ietf-acme-dns-persist-02 3.1: one to ten issuer domain names, no more")
  void issuerDomainNames() {
    List<ChallengeKind> persist = List.of(ChallengeKind.DNS_PERSIST_01);
    List<DnsName> ten = new ArrayList<>(Collections.nCopies(10, new DnsName("ca.example")));
    assertThat(new OfferedChallenges(persist, ten).issuerDomainNames()).hasSize(10);
    ten.add(new DnsName("one.more.example"));
    for (List<DnsName> names :
        Arrays.asList(List.<DnsName>of(), ten, List.of(new DnsName("*.example")))) {
      assertThatThrownBy(() -> new OfferedChallenges(persist, names))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() ->
            new OfferedChallenges(
                List.of(ChallengeKind.DNS_01), List.of(new DnsName("ca.example"))))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  @DisplayName("an endpoint offers something, and nothing twice")
  void kinds() {
    for (List<ChallengeKind> kinds :
        List.of(List.<ChallengeKind>of(), List.of(ChallengeKind.DNS_01, ChallengeKind.DNS_01))) {
      assertThatThrownBy(() -> new OfferedChallenges(kinds, List.of()))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "http", "HTTP-01", "http-02", "tls-sni-01", "dns-01 "})
  @DisplayName("an unknown type is refused, with those that there are")
  void unknown(String type) {
    assertThatThrownBy(() -> ChallengeKind.parse(type))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("http-01, dns-01, tls-alpn-01, dns-account-01, dns-persist-01");
  }
}
