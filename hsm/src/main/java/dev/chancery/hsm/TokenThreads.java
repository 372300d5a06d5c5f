package dev.chancery.hsm;

import dev.chancery.core.TokenAway;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * The platform threads on which alone a token is called. A native call pins a virtual thread to its
 * carrier, so that one slow token would stop every request of the process; and a module can hang
 * for ever, so that nothing but a caller's wait can be ended.
 */
final class TokenThreads implements AutoCloseable {
  private static final int MOST_THREADS = 1024;
  // Enough to ride out a burst; more would only be answered after its caller's time limit.
  private static final int WAITING_PER_THREAD = 64;

  private final String description;
  private final ThreadPoolExecutor executor;

  TokenThreads(String description, int threads) {
    this(description, threads, threads * WAITING_PER_THREAD);
  }

  TokenThreads(String description, int threads, int waiting) {
    this.description = description;
    this.executor =
        new ThreadPoolExecutor(
            threads,
            threads,
            0,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(waiting),
            // Daemon: a call that hangs in the module must not keep the process alive.
            Thread.ofPlatform().name("token-", 0).daemon().factory());
  }

  /** Refuses numbers that make no sense, for the settings of every kind of token. */
  static void check(int threads, Duration timeLimit) {
    if (threads < 1 || threads > MOST_THREADS) {
      throw new IllegalArgumentException(
          "signing threads must be 1 to " + MOST_THREADS + ", not " + threads);
    }
    if (timeLimit.isNegative() || timeLimit.isZero() || timeLimit.toDays() > 0) {
      throw new IllegalArgumentException(
          "the signing time limit must be more than nothing and less than a day, not " + timeLimit);
    }
  }

  /**
   * Runs one piece of work on a thread of the token's.
   *
   * @throws TokenAway when too much work is waiting, or the time limit passed, or this is closed
   * @throws ExecutionException when the work threw
   */
  <T> T call(Duration timeLimit, Callable<T> work) throws TokenAway, ExecutionException {
    FutureTask<T> task = new FutureTask<>(work);
    try {
      executor.execute(task);
      return task.get(timeLimit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      throw new TokenAway(
          description + (executor.isShutdown() ? " is closed" : " has too much work waiting"), e);
    } catch (CancellationException e) {
      throw new TokenAway(description + " is closed", e);
    } catch (TimeoutException e) {
      abandon(task);
      throw new TokenAway(description + " did not answer within " + timeLimit, e);
    } catch (InterruptedException e) {
      abandon(task);
      Thread.currentThread().interrupt();
      throw new TokenAway("interrupted while waiting for " + description, e);
    }
  }

  // Work that nobody waits for any more must not keep later work waiting.
  private void abandon(FutureTask<?> task) {
    task.cancel(false);
    executor.remove(task);
  }

  /** Lets running work end by itself; whoever waits for work that has not begun is told at once. */
  @Override
  public void close() {
    for (Runnable waiting : executor.shutdownNow()) {
      if (waiting instanceof Future<?> future) {
        future.cancel(false);
      }
    }
  }
}
