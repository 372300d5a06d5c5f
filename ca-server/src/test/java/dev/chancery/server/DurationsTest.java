package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DurationsTest {
  @ParameterizedTest
  @CsvSource({"90d, P90D", "12h, PT12H", "5m, PT5M", "30s, PT30S", "P1DT1H, PT25H", "0s, PT0S"})
  void reads(String text, Duration expected) {
    assertThat(Durations.parse(text)).isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "5", "d", "-5m", "-PT5M", "5 m", "5M", "1y", "1d12h", "9999999999d"})
  void refuses(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Durations.parse(text))
        .withMessageContaining("not a length of time");
  }
}
