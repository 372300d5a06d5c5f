package dev.chancery.crl;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ByteRangeTest {
  @ParameterizedTest
  @CsvSource({
    "bytes=0-0, 0, 1",
    "bytes=0-99, 0, 100",
    "bytes=10-, 10, 90",
    "bytes=10-999999999999999999, 10, 90",
    "bytes=-1, 99, 1",
    "bytes=-500, 0, 100",
    "'bytes= 5-6 ', 5, 2"
  })
  @DisplayName("RFC 9110 14.1.2: a part from, to, or at the end")
  void part(String field, long first, long length) {
    assertThat(ByteRange.parse(Optional.of(field), 100))
        .isEqualTo(new ByteRange.Wish.Part(new ByteRange(first, length)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"bytes=100-", "bytes=100-200", "bytes=-0"})
  @DisplayName("RFC 9110 15.5.17: none of it is there")
  void notSatisfiable(String field) {
    assertThat(ByteRange.parse(Optional.of(field), 100))
        .isEqualTo(new ByteRange.Wish.NotSatisfiable());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "bytes=-",
        "bytes=5-4",
        "bytes=0-1,5-6",
        "items=0-1",
        "bytes=a-b",
        "bytes=1-9999999999999999999",
        "bytes",
        ""
      })
  @DisplayName("RFC 9110 14.2: what is malformed, or several parts, may be ignored")
  void ignored(String field) {
    assertThat(ByteRange.parse(Optional.of(field), 100)).isEqualTo(new ByteRange.Wish.Whole());
  }
}
