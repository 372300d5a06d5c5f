package dev.chancery.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("Lengths of time as clients of Vault write them")
class GoDurationTest {
  @ParameterizedTest
  @CsvSource({
    "2160h0m0s, PT2160H",
    "1h0m0.5s, PT1H0.5S",
    "86400, PT24H",
    "0, PT0S",
    "0s, PT0S",
    "30d, PT720H",
    "1.5h, PT1H30M",
    ".5m, PT30S",
    "1.h, PT1H",
    "+5m, PT5M",
    "1h1h, PT2H",
    "300ms, PT0.3S",
    "7us, PT0.000007S",
    "7µs, PT0.000007S",
    "1.9ns, PT0.000000001S"
  })
  void areRead(String text, String duration) {
    assertThat(GoDuration.parse(text)).contains(Duration.parse(duration));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "h",
        ".h",
        "-5m",
        "5 m",
        "5m ",
        "m5",
        "1h2",
        "1hh",
        "1,5h",
        "1d2h",
        "1.5d",
        "P1D",
        "++1h",
        "1e3s",
        "0x10",
        "１h",
        "9223372036854775808ns",
        "9999999999999999999999h"
      })
  void orRefused(String text) {
    assertThat(GoDuration.parse(text)).isEmpty();
  }

  @Test
  @DisplayName("what Go prints of a duration is read as the same")
  void roundTrip() {
    Random random = new Random(7);
    for (int i = 0; i < 20_000; i++) {
      Duration duration = Duration.ofNanos(random.nextLong() >>> (1 + random.nextInt(62)));
      String printed =
          duration.toHours()
              + "h"
              + duration.toMinutesPart()
              + "m"
              + duration.toSecondsPart()
              + "."
              + "%09d".formatted(duration.toNanosPart())
              + "s";
      assertThat(GoDuration.parse(printed)).describedAs(printed).contains(duration);
    }
  }

  @Test
  @DisplayName("any text is read or refused, and is never negative")
  void garbage() {
    Random random = new Random(11);
    String letters = "0123456789.+-hmsdnuµ eE";
    for (int i = 0; i < 50_000; i++) {
      StringBuilder text = new StringBuilder();
      for (int n = random.nextInt(80); n > 0; n--) {
        text.append(letters.charAt(random.nextInt(letters.length())));
      }
      GoDuration.parse(text.toString())
          .ifPresent(duration -> assertThat(duration.isNegative()).isFalse());
    }
  }
}
