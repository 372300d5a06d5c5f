package dev.chancery.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.HashSet;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** The ids of everything that clients name by a URL. */
final class TimeOrderedIdsTest {
  private static final int RANDOM_HIGH = 0x0fff;
  private static final long RANDOM_LOW = 0x3fffffffffffffffL;

  @Test
  @DisplayName(
      "RFC 8555 11.4: of two ids of one instant nothing is alike but time, version, variant")
  void unguessable() {
    Clock clock = Clock.fixed(Instant.parse("2026-01-01T00:00:00Z"), ZoneOffset.UTC);
    TimeOrderedIds ids = new TimeOrderedIds(clock, new SecureRandom());
    long everSetHigh = 0;
    long everClearHigh = 0;
    long everSetLow = 0;
    long everClearLow = 0;
    Set<UUID> seen = new HashSet<>();
    for (int i = 0; i < 1000; i++) {
      UUID id = ids.next();
      assertThat(seen.add(id)).isTrue();
      everSetHigh |= id.getMostSignificantBits();
      everClearHigh |= ~id.getMostSignificantBits();
      everSetLow |= id.getLeastSignificantBits();
      everClearLow |= ~id.getLeastSignificantBits();
    }
    assertThat(everSetHigh & everClearHigh).isEqualTo(RANDOM_HIGH);
    assertThat(everSetLow & everClearLow).isEqualTo(RANDOM_LOW);
  }
}
