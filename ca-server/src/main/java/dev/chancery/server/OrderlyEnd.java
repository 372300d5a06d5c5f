package dev.chancery.server;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Closes the server when the process is told to end, from before the server is started: a signal
 * may come at any moment. One that comes during the start waits for its end, because only then is
 * it known what there is to close.
 */
final class OrderlyEnd implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(OrderlyEnd.class);

  /** A start that hangs must not keep the process from ending. */
  private static final Duration LONGEST_START = Duration.ofSeconds(15);

  private final CompletableFuture<Server> started = new CompletableFuture<>();
  private final CountDownLatch ended = new CountDownLatch(1);
  private final Thread hook = new Thread(this::end, "shutdown");
  private final AtomicReference<@Nullable String> demanded = new AtomicReference<>();
  private volatile boolean begun;

  private OrderlyEnd() {}

  /** From now on a signal has the server closed, as soon as there is one. */
  static OrderlyEnd ofThisProcess() {
    OrderlyEnd end = new OrderlyEnd();
    Runtime.getRuntime().addShutdownHook(end.hook);
    return end;
  }

  /** Whether the process was told to end. */
  boolean hasBegun() {
    return begun;
  }

  /** This is the server to close. */
  void started(Server server) {
    started.complete(server);
  }

  /** The server must end although nobody told it to. */
  void demand(String why) {
    demanded.compareAndSet(null, why);
    ended.countDown();
  }

  /**
   * Waits until a signal has ended the server, or until it must end.
   *
   * @return why it must, if no signal came
   */
  Optional<String> await() throws InterruptedException {
    ended.await();
    return begun ? Optional.empty() : Optional.ofNullable(demanded.get());
  }

  private void end() {
    begun = true;
    LOG.info("the server is told to end");
    try {
      started.get(LONGEST_START.toSeconds(), TimeUnit.SECONDS).close();
      LOG.info("the server has ended");
    } catch (CancellationException | ExecutionException e) {
      LOG.debug("the start failed, and nothing is left of it", e);
    } catch (TimeoutException e) {
      LOG.warn("the server does not come to the end of its start and is not closed");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      ended.countDown();
    }
  }

  /** Closes the server, if it was started, and leaves signals alone again. */
  @Override
  public void close() {
    started.cancel(false);
    if (started.state() == CompletableFuture.State.SUCCESS) {
      started.resultNow().close();
    }
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      LOG.debug("the process ends already");
    }
  }
}
