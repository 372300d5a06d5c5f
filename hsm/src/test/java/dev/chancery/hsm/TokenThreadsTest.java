package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.TokenAway;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
final class TokenThreadsTest {
  private static final Duration LONG = Duration.ofSeconds(20);
  private static final Duration SHORT = Duration.ofMillis(50);

  private final TokenThreads threads = new TokenThreads("the token", 1, 1);
  private final CountDownLatch answer = new CountDownLatch(1);
  private final CountDownLatch asked = new CountDownLatch(1);
  private final ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor();

  @AfterEach
  void end() {
    answer.countDown();
    threads.close();
    callers.close();
  }

  // As a module that hangs: no interrupt ends it.
  private String hang() {
    asked.countDown();
    boolean interrupted = false;
    while (answer.getCount() > 0) {
      try {
        answer.await();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    return interrupted ? "interrupted" : "answered";
  }

  @Test
  void workRunsOnAPlatformThreadForAVirtualCaller() throws Exception {
    Future<Boolean> virtual =
        callers.submit(() -> {
          assertThat(Thread.currentThread().isVirtual()).isTrue();
          return threads.call(LONG, () -> Thread.currentThread().isVirtual());
        });

    assertThat(virtual.get()).isFalse();
  }

  @Test
  void aTokenThatHangsIsAwayAfterTheTimeLimit() {
    assertThatThrownBy(() -> threads.call(SHORT, this::hang))
        .isInstanceOf(TokenAway.class)
        .hasMessageContaining("did not answer within PT0.05S");
  }

  @Test
  void theWaitForAThreadCountsAndWorkThatNobodyWaitsForIsNotDone() throws Exception {
    Future<String> hanging = callers.submit(() -> threads.call(LONG, this::hang));
    asked.await();
    AtomicInteger done = new AtomicInteger();

    // The queue has one place: the second call finds it free because the first one gave it back.
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> threads.call(SHORT, done::incrementAndGet))
          .isInstanceOf(TokenAway.class)
          .hasMessageContaining("did not answer");
    }
    answer.countDown();

    assertThat(hanging.get()).isEqualTo("answered");
    assertThat(threads.call(LONG, () -> "next")).isEqualTo("next");
    assertThat(done).hasValue(0);
  }

  @Test
  void aFullQueueIsTokenAwayAtOnce() throws Exception {
    Future<String> hanging = callers.submit(() -> threads.call(LONG, this::hang));
    asked.await();
    CountDownLatch started = new CountDownLatch(2);
    AtomicInteger refused = new AtomicInteger();
    Future<?>[] waiting = new Future<?>[2];
    for (int i = 0; i < 2; i++) {
      waiting[i] =
          callers.submit(() -> {
            started.countDown();
            try {
              return threads.call(LONG, () -> "late");
            } catch (TokenAway e) {
              assertThat(e).hasMessageContaining("too much work waiting");
              refused.incrementAndGet();
              answer.countDown();
              return "refused";
            }
          });
    }

    assertThat(hanging.get()).isEqualTo("answered");
    assertThat(new Object[] {waiting[0].get(), waiting[1].get()})
        .containsExactlyInAnyOrder("late", "refused");
    assertThat(refused).hasValue(1);
  }

  @Test
  void closingTellsThoseWhoWait() throws Exception {
    Future<String> running = callers.submit(() -> threads.call(LONG, this::hang));
    asked.await();
    Future<String> waiting = callers.submit(() -> threads.call(LONG, () -> "never"));
    // Long enough for the second call to be in the queue; if it is late, it is refused as closed.
    Thread.sleep(SHORT);
    threads.close();

    assertThatThrownBy(waiting::get)
        .cause()
        .isInstanceOf(TokenAway.class)
        .hasMessageContaining("is closed");
    assertThatThrownBy(() -> threads.call(LONG, () -> "never"))
        .isInstanceOf(TokenAway.class)
        .hasMessageContaining("is closed");
    answer.countDown();
    assertThat(running.get()).isEqualTo("interrupted");
  }

  @Test
  void whatTheWorkThrowsReachesTheCaller() {
    IllegalStateException failure = new IllegalStateException("CKR_DEVICE_ERROR");

    assertThatThrownBy(() ->
            threads.call(
                LONG,
                () -> {
                  throw failure;
                }))
        .isInstanceOf(ExecutionException.class)
        .hasCause(failure);
  }

  @Test
  void anInterruptedCallerStaysInterrupted() throws Exception {
    Future<Boolean> interrupted =
        callers.submit(() -> {
          Thread.currentThread().interrupt();
          assertThatThrownBy(() -> threads.call(LONG, this::hang))
              .isInstanceOf(TokenAway.class)
              .hasMessageContaining("interrupted");
          return Thread.currentThread().isInterrupted();
        });

    assertThat(interrupted.get()).isTrue();
  }
}
