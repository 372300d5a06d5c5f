package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** RFC 8659 section 4.2. */
final class IssueValueTest {
  private static IssueValue parsed(String text) {
    return IssueValue.parse(text).orElseThrow();
  }

  @Test
  @DisplayName("RFC 8659 4.2: an issuer and parameters, white space around them")
  void values() {
    assertThat(parsed("ca.example")).isEqualTo(new IssueValue("ca.example", Map.of()));
    assertThat(parsed("ca.example ; ")).isEqualTo(new IssueValue("ca.example", Map.of()));
    assertThat(parsed(";")).isEqualTo(new IssueValue("", Map.of()));
    assertThat(parsed("")).isEqualTo(new IssueValue("", Map.of()));
    assertThat(parsed(" CA.Example;Account=23 ;\tpolicy = ev "))
        .isEqualTo(new IssueValue("ca.example", Map.of("account", "23", "policy", "ev")));
    assertThat(parsed("; a=;b=x=y")).isEqualTo(new IssueValue("", Map.of("a", "", "b", "x=y")));
    assertThat(parsed("a--b.c-d; x-y=1")).isEqualTo(new IssueValue("a--b.c-d", Map.of("x-y", "1")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ca.example.",
        ".ca",
        "-ca.example",
        "ca-.example",
        "ca..example",
        "ca_x.example",
        "ca example",
        "ca.example; a",
        "ca.example; =1",
        "ca.example; -a=1",
        "ca.example; a=1;",
        "ca.example;; a=1",
        "ca.example; a=1; A=2",
        "ca.example; a=1 2",
        "ca.example; a=\u00e9",
        "ca.example\n; a=1",
        "\u00a0ca.example",
      })
  @DisplayName("RFC 8659 4.2: anything else is no issue-value")
  void others(String text) {
    assertThat(IssueValue.parse(text)).isEmpty();
  }

  @Test
  @Timeout(20)
  @DisplayName("seeded pieces in any order: parsed in no time, and what was parsed says it again")
  void fuzz() {
    List<String> pieces =
        List.of("ca", ".", "-", "a", "=", ";", " ", "\t", "A9", "policy=x", "\u00e9", "\n", "\0");
    Random random = new Random(8659);
    int parsed = 0;
    for (int i = 0; i < 200_000; i++) {
      StringBuilder text = new StringBuilder();
      for (int piece = random.nextInt(12); piece >= 0; piece--) {
        text.append(pieces.get(random.nextInt(pieces.size())));
      }
      Optional<IssueValue> value = IssueValue.parse(text.toString());
      if (value.isPresent()) {
        parsed++;
        StringBuilder again = new StringBuilder(value.get().issuer());
        value
            .get()
            .parameters()
            .forEach((tag, content) -> again.append(';').append(tag).append('=').append(content));
        assertThat(IssueValue.parse(again.toString())).isEqualTo(value);
      }
    }
    assertThat(parsed).isBetween(1000, 190_000);
  }

  @Test
  @DisplayName("long texts cost no more than their length")
  void longTexts() {
    for (String unit : List.of("a-", "a.", "-", " ", "a=1;", ";", "a ", "--a")) {
      String text = unit.repeat(4096 / unit.length());
      assertThat(Duration.ofNanos(elapsed("ca;" + text))).isLessThan(Duration.ofSeconds(2));
      assertThat(Duration.ofNanos(elapsed(text))).isLessThan(Duration.ofSeconds(2));
    }
    assertThat(IssueValue.parse("a".repeat(4097))).isEmpty();
  }

  private static long elapsed(String text) {
    long start = System.nanoTime();
    IssueValue.parse(text.substring(0, Math.min(4096, text.length())));
    return System.nanoTime() - start;
  }
}
