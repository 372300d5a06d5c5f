package dev.chancery.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("RFC 5280 sections 5.1.2.4, 5.1.2.6, 5.3.2: a revocation's times can stand in a CRL")
final class RevocationTest {
  private static final Instant NOW = Instant.parse("2026-11-22T10:00:00Z");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "1949-12-31T23:59:59.999999999Z",
        "-0001-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "+10000-01-01T00:00:00Z",
        "-1000000000-01-01T00:00:00Z",
        "+1000000000-12-31T23:59:59Z"
      })
  void refused(String time) {
    Instant instant = Instant.parse(time);
    assertThatThrownBy(() -> revocation(instant, Optional.empty()))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> revocation(NOW, Optional.of(instant)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"1950-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z"})
  void accepted(String time) {
    Instant instant = Instant.parse(time);
    assertThat(revocation(instant, Optional.of(instant)).invalidityDate()).contains(instant);
  }

  private static Revocation revocation(Instant at, Optional<Instant> invalidityDate) {
    return new Revocation(
        new IssuerId("issuing"),
        SerialNumber.of(BigInteger.TEN),
        RevocationReason.KEY_COMPROMISE,
        at,
        invalidityDate,
        "test");
  }
}
