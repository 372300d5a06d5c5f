package dev.chancery.hsm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.chancery.core.TokenAway;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
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

  private static final TokenThreads.Line LINE = line(Operation.ISSUANCE);

  private final List<String> hung = new CopyOnWriteArrayList<>();
  private final TokenThreads threads = new TokenThreads("the token", 1, 1, hung::add);
  private final CountDownLatch answer = new CountDownLatch(1);
  private final CountDownLatch asked = new CountDownLatch(1);
  private final ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor();

  @AfterEach
  void end() {
    answer.countDown();
    threads.close();
    callers.close();
  }

  private static TokenThreads.Line line(Operation operation) {
    return new TokenThreads.Line("key", operation);
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
          return threads.call(LINE, LONG, thread -> Thread.currentThread().isVirtual());
        });

    assertThat(virtual.get()).isFalse();
  }

  @Test
  void aTokenThatHangsIsAwayAfterTheTimeLimit() {
    assertThatThrownBy(() -> threads.call(LINE, SHORT, thread -> hang()))
        .isInstanceOf(TokenAway.class)
        .hasMessageContaining("did not answer within PT0.05S");
    await().until(() -> !hung.isEmpty());
    assertThat(hung).singleElement().asString().contains("PT0.05S");
  }

  @Test
  void aCallThatWaitsInVainBehindOthersSaysNothingAgainstTheToken() throws Exception {
    Future<String> hanging = callers.submit(() -> threads.call(LINE, LONG, thread -> hang()));
    asked.await();

    assertThatThrownBy(() -> threads.call(LINE, SHORT, thread -> "never"))
        .isInstanceOf(TokenAway.class);
    assertThat(hung).isEmpty();
    answer.countDown();
    assertThat(hanging.get()).isEqualTo("answered");
  }

  @Test
  void eachLineGetsItsShare() throws Exception {
    TokenThreads one = new TokenThreads("the token", 1, 100, hung::add);
    CountDownLatch release = new CountDownLatch(1);
    List<Operation> order = new CopyOnWriteArrayList<>();
    List<Future<?>> all = new ArrayList<>();
    all.add(
        callers.submit(() ->
            one.call(
                line(Operation.UPKEEP),
                LONG,
                thread -> {
                  asked.countDown();
                  release.await();
                  return "first";
                })));
    asked.await();
    // A flood of OCSP answers is there before a few certificates and one CRL are asked for.
    for (Operation operation : List.of(Operation.OCSP, Operation.ISSUANCE, Operation.CRL)) {
      for (int i = 0; i < (operation == Operation.OCSP ? 60 : 4); i++) {
        all.add(
            callers.submit(() -> one.call(line(operation), LONG, thread -> order.add(operation))));
      }
    }
    while (one.waiting() < 68) {
      Thread.onSpinWait();
    }
    release.countDown();
    for (Future<?> each : all) {
      each.get();
    }
    one.close();

    assertThat(order.subList(0, 12)).filteredOn(Operation.ISSUANCE::equals).hasSize(4);
    assertThat(order.subList(0, 25)).filteredOn(Operation.CRL::equals).hasSize(4);
  }

  @Test
  void whenAllIsEndedThoseInTheModuleAndThoseInLineAreToldAtOnce() throws Exception {
    Future<String> hanging = callers.submit(() -> threads.call(LINE, LONG, thread -> hang()));
    asked.await();
    Future<String> waiting = callers.submit(() -> threads.call(LINE, LONG, thread -> "never"));
    while (threads.waiting() == 0) {
      Thread.onSpinWait();
    }
    threads.end("was lost: CKR_DEVICE_ERROR");

    for (Future<String> each : List.of(hanging, waiting)) {
      assertThatThrownBy(each::get)
          .cause()
          .isInstanceOf(TokenAway.class)
          .hasMessage("the token was lost: CKR_DEVICE_ERROR");
    }
    assertThat(threads.busy()).isEqualTo(1);
    answer.countDown();
    while (threads.busy() > 0) {
      Thread.onSpinWait();
    }
  }

  @Test
  void theWaitForAThreadCountsAndWorkThatNobodyWaitsForIsNotDone() throws Exception {
    Future<String> hanging = callers.submit(() -> threads.call(LINE, LONG, thread -> hang()));
    asked.await();
    AtomicInteger done = new AtomicInteger();

    // The queue has one place: the second call finds it free because the first one gave it back.
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> threads.call(LINE, SHORT, thread -> done.incrementAndGet()))
          .isInstanceOf(TokenAway.class)
          .hasMessageContaining("did not answer");
    }
    answer.countDown();

    assertThat(hanging.get()).isEqualTo("answered");
    String next = threads.call(LINE, LONG, thread -> "next");
    assertThat(next).isEqualTo("next");
    assertThat(done).hasValue(0);
  }

  @Test
  void aFullQueueIsTokenAwayAtOnce() throws Exception {
    Future<String> hanging = callers.submit(() -> threads.call(LINE, LONG, thread -> hang()));
    asked.await();
    CountDownLatch started = new CountDownLatch(2);
    AtomicInteger refused = new AtomicInteger();
    Future<?>[] waiting = new Future<?>[2];
    for (int i = 0; i < 2; i++) {
      waiting[i] =
          callers.submit(() -> {
            started.countDown();
            try {
              return threads.call(LINE, LONG, thread -> "late");
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
  void nothingIsCalledAfterClosing() {
    threads.close();

    assertThatThrownBy(() -> threads.call(LINE, LONG, thread -> "never"))
        .isInstanceOf(TokenAway.class)
        .hasMessage("the token is closed");
  }

  @Test
  void whatTheWorkThrowsReachesTheCaller() {
    IllegalStateException failure = new IllegalStateException("CKR_DEVICE_ERROR");

    assertThatThrownBy(() ->
            threads.call(
                LINE,
                LONG,
                thread -> {
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
          assertThatThrownBy(() -> threads.call(LINE, LONG, thread -> hang()))
              .isInstanceOf(TokenAway.class)
              .hasMessageContaining("interrupted");
          return Thread.currentThread().isInterrupted();
        });

    assertThat(interrupted.get()).isTrue();
  }
}
