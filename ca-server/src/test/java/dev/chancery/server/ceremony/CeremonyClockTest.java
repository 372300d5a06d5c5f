package dev.chancery.server.ceremony;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The clock of a ceremony's machine, which people set by hand. */
@DisplayName("While a ceremony runs")
class CeremonyClockTest {
  @TempDir Path folder;
  private CeremonyScene scene;
  private Path out;

  @BeforeEach
  void begin() throws Exception {
    scene = new CeremonyScene(folder);
    out = folder.resolve("out");
    scene.rehearse();
    scene.prepare();
  }

  @AfterEach
  void restore() throws Exception {
    scene.restore();
  }

  private Ceremony ceremony(Transcript.Disk disk) throws Exception {
    return scene.ceremony(out, "token", true, scene.typing(CeremonyScene.ITEMS), disk);
  }

  private TranscriptState state() throws Exception {
    return TranscriptState.of(Files.readAllBytes(out.resolve(Transcript.FILE)));
  }

  private void requireVerified() throws Exception {
    ceremony(Folder::append).run();
    scene.close(out);
    assertThat(Verification.verify(new Folder(out), true).state().made())
        .isEqualTo(CeremonyScene.ITEMS);
  }

  @Test
  @DisplayName("nothing is signed that is confirmed after the plan has expired")
  void late() throws Exception {
    scene.asked = item -> scene.clock.advance(Duration.ofDays(300));

    assertThatThrownBy(() -> ceremony(Folder::append).run())
        .hasMessageContaining(
            "the plan expired at 2027-01-01T00:00:00Z, before root was confirmed");
    assertThat(state().items()).isEmpty();
  }

  @Test
  @DisplayName("what is confirmed in the last second of the plan is in its time")
  void lastSecond() throws Exception {
    Instant until = Instant.parse("2027-01-01T00:00:00Z");
    scene.asked =
        item -> {
          if (item.equals("crl")) {
            scene.clock.advance(Duration.between(scene.clock.instant(), until));
            scene.tick = Duration.ofSeconds(1);
          }
        };

    requireVerified();

    assertThat(state().signingLine("crl").orElseThrow().time()).isEqualTo(until);
  }

  @ParameterizedTest
  @CsvSource({
    "PT1M, this machine's clock was set back: it is 2026-06-01T11:59:00Z",
    "PT1H, web would not begin when it is signed: this machine's clock was set meanwhile"
  })
  @DisplayName("a clock that is set back has nothing more begun, and the transcript says so")
  void setBack(Duration back, String reason) throws Exception {
    scene.asked =
        item -> {
          if (item.equals("web")) {
            scene.clock.advance(back.negated());
          }
        };
    assertThatThrownBy(() -> ceremony(Folder::append).run())
        .isInstanceOf(CeremonyRefused.class)
        .hasMessageContaining(reason);

    requireRefusedAt(Instant.parse("2026-06-01T12:00:00Z"), reason);
    assertThat(state().made()).containsExactly("root");
    assertThat(state().items()).containsExactly("root");

    scene.asked = item -> {};
    scene.clock.advance(back);
    requireVerified();
  }

  private void requireRefusedAt(Instant time, String reason) throws Exception {
    TranscriptLine last = state().lines().getLast();
    assertThat(last.time()).isEqualTo(time);
    assertThat(((TranscriptEntry.Refusal) last.entry()).reason()).contains(reason);
  }

  @Test
  @DisplayName("a clock that is set back while the key signs loses no signature")
  void setBackWhileSigning() throws Exception {
    Transcript.Disk disk =
        (file, octets) -> {
          Folder.append(file, octets);
          String line = new String(octets, StandardCharsets.UTF_8);
          if (line.contains("\"event\":\"signing\",\"item\":\"web\"")) {
            scene.clock.advance(Duration.ofMinutes(-1));
          }
        };

    assertThatThrownBy(() -> ceremony(disk).run())
        .isInstanceOf(CeremonyRefused.class)
        .hasMessageContaining("this machine's clock was set back: it is 2026-06-01T11:59:00Z");
    assertThat(state().made()).isEqualTo(List.of("root", "web"));
    assertThat(state().inDoubt()).isEmpty();

    scene.clock.advance(Duration.ofMinutes(1));
    requireVerified();
  }
}
