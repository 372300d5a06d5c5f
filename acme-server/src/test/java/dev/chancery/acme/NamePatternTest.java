package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.DnsName;
import dev.chancery.core.IpName;
import dev.chancery.core.Name;
import dev.chancery.core.Refused;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a pattern of a binding key covers: too little is a nuisance, too much a certificate. */
final class NamePatternTest {
  private static Name name(String text) throws Refused {
    return text.matches("[0-9.]+") || text.contains(":") ? IpName.parse(text) : DnsName.parse(text);
  }

  @ParameterizedTest
  @CsvSource({
    "www.example.com, www.example.com, true",
    "WWW.example.com, www.example.com, true",
    "www.example.com, example.com, false",
    "www.example.com, a.www.example.com, false",
    "www.example.com, *.www.example.com, false",
    "example.com, *.example.com, false",
    "*.example.com, www.example.com, true",
    "*.example.com, a.b.example.com, true",
    "*.example.com, *.example.com, true",
    "*.example.com, *.a.example.com, true",
    "*.example.com, example.com, false",
    "*.example.com, badexample.com, false",
    "*.example.com, *.com, false",
    "*.a.example.com, *.example.com, false",
    "*.example.com, example.com.evil.test, false",
    "*, www.example.com, true",
    "*, *.example.com, true",
    "*, 192.0.2.1, false",
    "192.0.2.1, 192.0.2.1, true",
    "192.0.2.1, 192.0.2.2, false",
    "192.0.2.0/24, 192.0.2.255, true",
    "192.0.2.0/24, 192.0.3.0, false",
    "192.0.2.0/24, www.example.com, false",
    "2001:db8::/32, 2001:db8:1::1, true",
    "2001:db8::/32, 2001:db9::1, false",
    "::/0, 192.0.2.1, false",
  })
  @DisplayName("a pattern covers what it says")
  void covers(String pattern, String name, boolean covered) throws Refused {
    assertThat(NamePattern.parse(pattern).covers(name(name))).isEqualTo(covered);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "*.",
        "**",
        "*.*",
        "*.*.example.com",
        "a.*.example.com",
        "*example.com",
        ".example.com",
        "example.com.",
        "exa mple.com",
        "a\nb.example",
        "\u212aelvin.example",
        "192.0.2",
        "192.0.2.1/24",
        "192.0.2.0/33",
        "192.0.2.0/-1",
        "192.0.2.0/+8",
        "999.0.2.1",
        "2001:db8::1/32",
        "fe80::1%eth0",
        "https://example.com/",
        "example.com:443"
      })
  @DisplayName("what is no pattern is refused")
  void refused(String text) {
    assertThatThrownBy(() -> NamePattern.parse(text)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  @DisplayName("whatever the text: refused, or read again as the same from what it is written as")
  void roundTrip() {
    String alphabet = "aZ09*.-:/ \n\u00e9%f";
    Random random = new Random(8555);
    int read = 0;
    for (int i = 0; i < 200_000; i++) {
      StringBuilder text = new StringBuilder();
      int length = 1 + random.nextInt(8);
      for (int at = 0; at < length; at++) {
        text.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      NamePattern pattern;
      try {
        pattern = NamePattern.parse(text.toString());
      } catch (IllegalArgumentException e) {
        continue;
      }
      read++;
      assertThat(NamePattern.parse(pattern.toString())).isEqualTo(pattern);
      assertThat(pattern.toString()).doesNotContain("\n");
    }
    assertThat(read).isGreaterThan(1_000);
  }
}
