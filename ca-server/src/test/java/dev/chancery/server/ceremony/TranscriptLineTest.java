package dev.chancery.server.ceremony;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

@DisplayName("A line of a transcript")
class TranscriptLineTest {
  @Test
  @DisplayName("of any octets is read or refused, and nothing else")
  void anyOctets() {
    TranscriptLine line =
        new TranscriptLine(
            1,
            TranscriptLine.NONE,
            Instant.parse("2026-06-01T12:00:00Z"),
            new TranscriptEntry.Completed(List.of("root"), List.of()));
    byte[] octets = line.octets();
    assertThat(TranscriptLine.parse(octets)).isEqualTo(line);
    Random random = new Random(20261125);
    for (int i = 0; i < 20_000; i++) {
      byte[] changed = octets.clone();
      changed[random.nextInt(changed.length)] = (byte) random.nextInt(256);
      try {
        assertThat(TranscriptLine.parse(changed).octets()).isEqualTo(changed);
      } catch (IllegalArgumentException e) {
        // Refused, which is as good.
      }
    }
  }
}
