package dev.chancery.crl;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class CoalescedTaskTest {
  private static final Duration RUN = Duration.ofMillis(200);

  @Test
  @DisplayName("Requests without end have it run for half of the time, and none of them is lost")
  void rests() throws Exception {
    AtomicInteger begun = new AtomicInteger();
    try (CoalescedTask task =
        new CoalescedTask(
            "test",
            () -> {
              begun.incrementAndGet();
              Thread.sleep(RUN);
            },
            CrlFixture.PAUSE,
            () -> RUN)) {
      long end = System.nanoTime() + RUN.multipliedBy(10).toNanos();
      while (System.nanoTime() - end < 0) {
        task.request();
        Thread.sleep(5);
      }
      // A run and a rest take two of the ten; one more may just have begun.
      assertThat(begun).hasValueBetween(1, 6);
      int before = begun.get();
      task.request();
      while (begun.get() == before) {
        Thread.sleep(5);
      }
    }
  }

  @Test
  @DisplayName("The first request after a while does not wait, and an end does not wait for a rest")
  void atOnce() throws Exception {
    AtomicInteger begun = new AtomicInteger();
    long started = System.nanoTime();
    try (CoalescedTask task =
        new CoalescedTask(
            "test",
            () -> {
              begun.incrementAndGet();
            },
            CrlFixture.PAUSE,
            () -> Duration.ofMinutes(1))) {
      task.request();
      while (begun.get() == 0) {
        Thread.sleep(5);
      }
      // What is asked for in the rest waits for its end.
      task.request();
      Thread.sleep(200);
      assertThat(begun).hasValue(1);
    }
    assertThat(Duration.ofNanos(System.nanoTime() - started)).isLessThan(Duration.ofSeconds(30));
  }
}
