package dev.chancery.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.bouncycastle.asn1.ASN1Integer;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Serial numbers and the other identifiers that carry the time. */
final class SerialNumberTest {
  private static final Instant NOW = Instant.parse("2026-11-22T10:00:00Z");
  private static final SecureRandom RANDOM = new SecureRandom();

  @Test
  @DisplayName("RFC 5280 section 4.1.2.2: positive, at most 20 octets; ours are 16, 80 bits random")
  void newSerialNumbers() throws Exception {
    Set<SerialNumber> seen = new HashSet<>();
    byte[] ones = new byte[10];
    byte[] zeros = new byte[10];
    for (int i = 0; i < 5_000; i++) {
      SerialNumber serial = SerialNumber.next(NOW, RANDOM);
      assertThat(serial.octets()).hasSize(16);
      assertThat(serial.value()).isPositive();
      assertThat(new ASN1Integer(serial.value()).getEncoded()).hasSize(2 + 16);
      assertThat(SerialNumber.of(serial.octets())).isEqualTo(serial);
      assertThat(SerialNumber.of(serial.value())).isEqualTo(serial);
      assertThat(SerialNumber.parse(serial.toString())).isEqualTo(serial);
      assertThat(seen.add(serial)).isTrue();
      for (int octet = 0; octet < 10; octet++) {
        ones[octet] |= serial.octets()[6 + octet];
        zeros[octet] |= (byte) ~serial.octets()[6 + octet];
      }
    }
    // Each of the 80 random bits was one and zero in turn.
    assertThat(ones).containsOnly(-1);
    assertThat(zeros).containsOnly(-1);
  }

  @Test
  void laterSerialNumbersAreGreaterAsNumbersAndAsOctets() {
    SerialNumber last = SerialNumber.next(NOW, RANDOM);
    for (int i = 1; i < 1000; i++) {
      SerialNumber next = SerialNumber.next(NOW.plusMillis(i * 1_000_003L), RANDOM);
      assertThat(next).isGreaterThan(last);
      assertThat(Arrays.compareUnsigned(next.octets(), last.octets())).isPositive();
      last = next;
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"1970-01-01T00:00:00Z", "2004-01-01T00:00:00Z", "-1000-01-01T00:00:00Z"})
  void clockBeforeTheTimeOfThisServerIsRefused(String instant) {
    Instant before = Instant.parse(instant);
    assertThatThrownBy(() -> SerialNumber.next(before, RANDOM))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void valuesHaveBounds() {
    BigInteger greatest = BigInteger.TWO.pow(159).subtract(BigInteger.ONE);
    assertThat(SerialNumber.of(greatest).value()).isEqualTo(greatest);
    assertThat(SerialNumber.of(BigInteger.ONE).octets()).containsExactly(1);
    assertThat(SerialNumber.of(BigInteger.valueOf(0x80)).octets()).containsExactly(0x80);
    for (BigInteger bad :
        new BigInteger[] {BigInteger.ZERO, BigInteger.ONE.negate(), greatest.add(BigInteger.ONE)}) {
      assertThatThrownBy(() -> SerialNumber.of(bad)).isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> SerialNumber.of(new byte[0]))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void randomValuesRoundTrip() throws Exception {
    Random random = new Random(20);
    for (int i = 0; i < 5_000; i++) {
      BigInteger value = new BigInteger(1 + random.nextInt(150), random).add(BigInteger.ONE);
      SerialNumber serial = SerialNumber.of(value);
      assertThat(serial.value()).isEqualTo(value);
      assertThat(SerialNumber.of(serial.octets())).isEqualTo(serial).hasSameHashCodeAs(serial);
      assertThat(SerialNumber.parse(serial.toString())).isEqualTo(serial);
      assertThat(SerialNumber.parse("00" + value.toString(16).toUpperCase(java.util.Locale.ROOT)))
          .isEqualTo(serial);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"0a:0B", "A0b", "00:00:0a:0b", "a0b"})
  void textIsRead(String text) throws Exception {
    assertThat(SerialNumber.parse(text)).isEqualTo(SerialNumber.of(BigInteger.valueOf(0xa0b)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ":",
        "0",
        "00",
        "-1",
        "0x1",
        "g",
        "1 ",
        "1\n",
        "::1",
        "1:",
        ":1",
        "a:b",
        "1::2",
        "\uff11",
        "ffffffffffffffffffffffffffffffffffffffff",
        "100000000000000000000000000000000000000000",
      })
  void otherTextIsRefused(String text) {
    assertThatThrownBy(() -> SerialNumber.parse(text))
        .isInstanceOfSatisfying(
            Refused.class, e -> assertThat(e.reason()).isEqualTo(Reason.NOT_FOUND));
  }

  @Test
  @DisplayName("RFC 9562 section 5.7: UUIDs of version 7 in the order of their making")
  void identifiersAreOrderedByTime() {
    UUID last = ids(NOW).next();
    for (int i = 1; i < 1000; i++) {
      Instant instant = NOW.plusMillis(i);
      UUID next = ids(instant).next();
      assertThat(next.version()).isEqualTo(7);
      assertThat(next.variant()).isEqualTo(2);
      assertThat(next.getMostSignificantBits() >>> 16).isEqualTo(instant.toEpochMilli());
      assertThat(next.toString()).isGreaterThan(last.toString());
      last = next;
    }
  }

  @Test
  void identifiersOfOneMillisecondDiffer() {
    TimeOrderedIds ids = ids(NOW);
    Set<UUID> seen = new HashSet<>();
    for (int i = 0; i < 10_000; i++) {
      assertThat(seen.add(ids.next())).isTrue();
    }
  }

  private static TimeOrderedIds ids(Instant instant) {
    return new TimeOrderedIds(Clock.fixed(instant, ZoneOffset.UTC), RANDOM);
  }
}
