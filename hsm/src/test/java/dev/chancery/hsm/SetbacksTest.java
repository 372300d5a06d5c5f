package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How long a token is left alone after it was lost (docs/token-outages.md). */
final class SetbacksTest {
  private static final Duration HOUR = Duration.ofHours(1);
  private static final Duration MOMENT = Duration.ofMillis(300);

  private final Setbacks setbacks = new Setbacks(Patience.USUAL);

  private List<Long> pausesAfter(int times, Runnable setback) {
    List<Long> pauses = new ArrayList<>();
    for (int i = 0; i < times; i++) {
      setback.run();
      pauses.add(setbacks.pause().toMillis());
    }
    return pauses;
  }

  @Test
  void theFirstLossAfterAHealthyTimeIsReplacedAtOnce() {
    assertThat(pausesAfter(3, () -> setbacks.lost(true, HOUR))).containsExactly(0L, 0L, 0L);
  }

  @Test
  void whatIsLostSoonIsReplacedAfterPausesThatLeaveRecoveryUnderASecond() {
    assertThat(pausesAfter(5, () -> setbacks.lost(true, MOMENT)))
        .containsExactly(100L, 200L, 400L, 400L, 400L);

    setbacks.lost(true, HOUR);
    assertThat(setbacks.pause()).isZero();
    assertThat(pausesAfter(2, () -> setbacks.lost(true, MOMENT))).containsExactly(100L, 200L);
  }

  @Test
  void whatIsOpenedInVainIsLeftAloneForLonger() {
    assertThat(pausesAfter(3, setbacks::failed)).containsExactly(100L, 400L, 1600L);
    assertThat(pausesAfter(4, () -> setbacks.lost(false, MOMENT)))
        .containsExactly(6400L, 25_600L, 30_000L, 30_000L);
    assertThat(setbacks.inVain()).isEqualTo(7);

    setbacks.lost(true, MOMENT);
    assertThat(setbacks.inVain()).isZero();
  }

  @Test
  void aTokenThatNobodyNeededForLongWasNotOpenedInVain() {
    setbacks.failed();
    setbacks.lost(false, HOUR);

    assertThat(setbacks.inVain()).isZero();
    assertThat(setbacks.pause()).isZero();
  }
}
