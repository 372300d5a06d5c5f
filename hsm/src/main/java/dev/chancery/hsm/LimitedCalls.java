package dev.chancery.hsm;

import dev.chancery.core.TokenAway;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Calls of a module for a command that a person waits for. Each runs on a thread of its own that
 * does not keep the process alive, because a module can hang for ever and nothing ends that.
 */
final class LimitedCalls {
  private final Duration limit;
  private volatile boolean hanging;

  LimitedCalls(Duration limit) {
    this.limit = limit;
  }

  private static <T> T inside(Callable<T> work) throws Exception {
    NativeCalls.enter();
    try {
      return work.call();
    } finally {
      NativeCalls.leave();
    }
  }

  /** Whether a call did not come back: no other one may follow it into the module. */
  boolean hanging() {
    return hanging;
  }

  /**
   * Runs one piece of work.
   *
   * @param what the token or module, for error messages
   * @throws TokenAway when the limit passes, or the module fails
   */
  <T> T call(String what, Callable<T> work) throws TokenUnusable, TokenAway {
    FutureTask<T> task = new FutureTask<>(() -> inside(work));
    Thread.ofPlatform().daemon().name("token-command").start(task);
    try {
      return task.get(limit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      hanging = true;
      throw new TokenAway(what + " did not answer within " + limit.toSeconds() + " s", e);
    } catch (InterruptedException e) {
      hanging = true;
      Thread.currentThread().interrupt();
      throw new TokenAway("interrupted while waiting for " + what, e);
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case TokenUnusable unusable -> throw unusable;
        case TokenAway away -> throw away;
        case CryptokiError error ->
            throw new TokenAway(what + " failed: " + error.getMessage(), error);
        case null, default -> throw new IllegalStateException("a call of " + what + " failed", e);
      }
    }
  }
}
