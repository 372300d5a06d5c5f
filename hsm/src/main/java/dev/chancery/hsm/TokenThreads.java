package dev.chancery.hsm;

import dev.chancery.core.TokenAway;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The platform threads on which alone a token is called. A native call pins a virtual thread to its
 * carrier, so that one slow token would stop every request of the process; and a module can hang
 * for ever, so that nothing but a caller's wait can be ended.
 *
 * <p>Each key has a bounded queue for each operation. A thread that comes free serves the queue
 * that has had least for its share, so that none starves another.
 */
final class TokenThreads implements AutoCloseable {
  private static final int MOST_THREADS = 1024;
  // Enough to ride out a burst; more would only be answered after its caller's time limit.
  private static final int WAITING_PER_THREAD = 64;
  private static final Duration LONGEST_TIME_LIMIT = Duration.ofDays(1);

  /** A piece of work on the token. */
  interface Work<T> {
    /**
     * Calls the token.
     *
     * @param thread which thread this is, from 0 on
     */
    T run(int thread) throws Exception;
  }

  /** Told, by whoever meets it, that a call of the token does not come back. */
  interface Hung {
    void call(String what);
  }

  /** Told, by each thread that was free when all was ended or has come free since. */
  interface Leaving {
    /** Calls the token for the last time on this thread. */
    void leaves(int thread);
  }

  /** A key and what it is called for. */
  record Line(String key, Operation operation) {
    /** For work that is not one key's. */
    static final Line UPKEEP = new Line("", Operation.UPKEEP);
  }

  private static final class Call<T> {
    private final Work<T> work;
    private final Duration timeLimit;
    private final long deadline;
    private final CompletableFuture<T> answer = new CompletableFuture<>();
    private long startedAt;
    private boolean saidToHang;

    private Call(Work<T> work, Duration timeLimit) {
      this.work = work;
      this.timeLimit = timeLimit;
      this.deadline = System.nanoTime() + timeLimit.toNanos();
    }

    private void run(int thread) {
      NativeCalls.enter();
      try {
        answer.complete(work.run(thread));
      } catch (Throwable e) {
        answer.completeExceptionally(e);
      } finally {
        NativeCalls.leave();
      }
    }

    // Nearly its whole time limit: its caller may have waited a little before it began.
    private long overdueAt() {
      long limit = timeLimit.toNanos();
      return startedAt + limit - limit / 8;
    }

    private boolean isOverdue(long now) {
      return now - overdueAt() >= 0;
    }
  }

  private static final class Queue {
    private final Deque<Call<?>> calls = new ArrayDeque<>();
    private double served;
  }

  /** Why nothing is called any more; a message for those who wait. */
  private static final class Ended extends Exception {
    private static final long serialVersionUID = 1L;

    private Ended(String why) {
      super(why, null, false, false);
    }
  }

  /** That a caller's time limit has passed. */
  private static final class Expired extends Exception {
    private static final long serialVersionUID = 1L;

    private Expired() {
      super("the time limit has passed", null, false, false);
    }
  }

  private final String description;
  private final int mostWaiting;
  private final Hung hung;
  private final Leaving leaving;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition workToDo = lock.newCondition();
  private final Condition earlierDeadline = lock.newCondition();
  private final Map<Line, Queue> queues = new HashMap<>();
  private final Set<Call<?>> running = Collections.newSetFromMap(new IdentityHashMap<>());
  private double served;
  // When deadlines are looked at next, at the latest.
  private long nextLook = System.nanoTime();
  private int leavers;
  private @Nullable Ended ended;

  TokenThreads(String description, int threads, Hung hung) {
    this(description, threads, threads * WAITING_PER_THREAD, hung, thread -> {});
  }

  TokenThreads(String description, int threads, Hung hung, Leaving leaving) {
    this(description, threads, threads * WAITING_PER_THREAD, hung, leaving);
  }

  TokenThreads(String description, int threads, int mostWaiting, Hung hung) {
    this(description, threads, mostWaiting, hung, thread -> {});
  }

  private TokenThreads(
      String description, int threads, int mostWaiting, Hung hung, Leaving leaving) {
    this.description = description;
    this.mostWaiting = mostWaiting;
    this.hung = hung;
    this.leaving = leaving;
    for (int i = 0; i < threads; i++) {
      int thread = i;
      // Daemon: a call that hangs in the module must not keep the process alive.
      Thread.ofPlatform().name("token-" + i).daemon().start(() -> serve(thread));
    }
    // One thread for all deadlines: if each caller waited with a limit, a timer would be set and
    // cancelled for each signature (docs/performance.md).
    Thread.ofPlatform().name("token-deadlines").daemon().start(this::watchDeadlines);
  }

  /** Refuses numbers that make no sense, for the settings of every kind of token. */
  static void check(int threads, Duration timeLimit) {
    if (threads < 1 || threads > MOST_THREADS) {
      throw new IllegalArgumentException(
          "signing threads must be 1 to " + MOST_THREADS + ", not " + threads);
    }
    if (timeLimit.isNegative()
        || timeLimit.isZero()
        || timeLimit.compareTo(LONGEST_TIME_LIMIT) >= 0) {
      throw new IllegalArgumentException(
          "the signing time limit must be more than nothing and less than a day, not " + timeLimit);
    }
  }

  /**
   * Runs one piece of work on a thread of the token's.
   *
   * @throws TokenAway when too much work is waiting in this line, or the time limit passed, or all
   *     was ended
   * @throws ExecutionException when the work threw
   */
  <T> T call(Line line, Duration timeLimit, Work<T> work) throws TokenAway, ExecutionException {
    Call<T> call = new Call<>(work, timeLimit);
    add(line, call);
    try {
      return call.answer.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Ended why) {
        throw new TokenAway(description + " " + why.getMessage(), why);
      }
      if (e.getCause() instanceof Expired expired) {
        throw new TokenAway(description + " did not answer within " + timeLimit, expired);
      }
      throw e;
    } catch (InterruptedException e) {
      withdraw(line, call);
      Thread.currentThread().interrupt();
      throw new TokenAway("interrupted while waiting for " + description, e);
    }
  }

  private void add(Line line, Call<?> call) throws TokenAway {
    lock.lock();
    try {
      if (ended != null) {
        throw new TokenAway(description + " " + ended.getMessage(), ended);
      }
      Queue queue = queues.computeIfAbsent(line, name -> new Queue());
      if (queue.calls.size() >= mostWaiting) {
        throw new TokenAway(description + " has too much work waiting");
      }
      if (queue.calls.isEmpty()) {
        // Who had nothing to do has no claim to what was done meanwhile.
        queue.served = Math.max(queue.served, served);
      }
      queue.calls.add(call);
      workToDo.signal();
      if (call.deadline - nextLook < 0) {
        nextLook = call.deadline;
        earlierDeadline.signal();
      }
    } finally {
      lock.unlock();
    }
  }

  private void withdraw(Line line, Call<?> call) {
    lock.lock();
    try {
      Queue queue = queues.get(line);
      if (queue != null) {
        queue.calls.remove(call);
      }
    } finally {
      lock.unlock();
    }
  }

  private void serve(int thread) {
    Call<?> done = null;
    while (true) {
      Call<?> next = next(done);
      if (next == null) {
        leave(thread);
        return;
      }
      next.run(thread);
      done = next;
    }
  }

  private void leave(int thread) {
    try {
      leaving.leaves(thread);
    } finally {
      lock.lock();
      try {
        leavers--;
      } finally {
        lock.unlock();
      }
    }
  }

  /** Waits for work; nothing when all was ended. */
  private @Nullable Call<?> next(@Nullable Call<?> done) {
    lock.lock();
    try {
      running.remove(done);
      while (ended == null) {
        Call<?> first = takeFirst();
        if (first != null) {
          first.startedAt = System.nanoTime();
          running.add(first);
          return first;
        }
        workToDo.awaitUninterruptibly();
      }
      leavers++;
      return null;
    } finally {
      lock.unlock();
    }
  }

  /** Takes the first call of the line that has had least for its share. */
  private @Nullable Call<?> takeFirst() {
    Map.Entry<Line, Queue> least = null;
    for (Map.Entry<Line, Queue> each : queues.entrySet()) {
      if (!each.getValue().calls.isEmpty()
          && (least == null || each.getValue().served < least.getValue().served)) {
        least = each;
      }
    }
    if (least == null) {
      return null;
    }
    Queue queue = least.getValue();
    served = queue.served;
    queue.served += 1.0 / least.getKey().operation().share();
    return queue.calls.remove();
  }

  /** Tells callers that their time is up; each looks itself whose fault it is. */
  private void watchDeadlines() {
    try {
      Due due = awaitDeadline();
      while (!due.isNothing()) {
        Expired why = new Expired();
        due.expired().forEach(call -> call.answer.completeExceptionally(why));
        due.hanging()
            .forEach(call -> hung.call("a call has not come back within " + call.timeLimit));
        due = awaitDeadline();
      }
    } catch (RuntimeException | Error e) {
      // Without this thread a call that hangs would hold its caller for ever.
      hung.call("time limits cannot be watched any more: " + e);
      end("cannot watch time limits any more: " + e);
    }
  }

  /**
   * What a look at the deadlines found.
   *
   * @param hanging calls that are in the module for too long although nobody waits for them now
   */
  private record Due(List<Call<?>> expired, List<Call<?>> hanging) {
    private boolean isNothing() {
      return expired.isEmpty() && hanging.isEmpty();
    }
  }

  /** Waits until time limits have passed; nothing when all was ended. */
  private Due awaitDeadline() {
    List<Call<?>> expired = new ArrayList<>();
    List<Call<?>> hanging = new ArrayList<>();
    lock.lock();
    try {
      while (ended == null && expired.isEmpty() && hanging.isEmpty()) {
        long now = System.nanoTime();
        nextLook = now + LONGEST_TIME_LIMIT.toNanos();
        for (Queue queue : queues.values()) {
          // Work that nobody waits for any more must not keep later work waiting.
          queue.calls.removeIf(call -> isExpired(call, now, expired));
        }
        for (Call<?> call : running) {
          if (!isExpired(call, now, expired) && hangs(call, now)) {
            hanging.add(call);
          }
        }
        if (expired.isEmpty() && hanging.isEmpty()) {
          earlierDeadline.awaitNanos(nextLook - now);
        }
      }
      return new Due(expired, hanging);
    } catch (InterruptedException e) {
      throw new IllegalStateException("nobody has a reason to interrupt this thread", e);
    } finally {
      lock.unlock();
    }
  }

  /** Whether a call's time is up; if not, its deadline may be the next to look for. */
  private boolean isExpired(Call<?> call, long now, List<Call<?>> expired) {
    if (call.answer.isDone()) {
      return false;
    }
    if (call.deadline - now <= 0) {
      expired.add(call);
      return true;
    }
    if (call.deadline - nextLook < 0) {
      nextLook = call.deadline;
    }
    return false;
  }

  /** Whether a call that its caller gave up has been in the module for too long by now. */
  private boolean hangs(Call<?> call, long now) {
    if (!call.answer.isDone() || call.saidToHang) {
      return false;
    }
    call.saidToHang = call.isOverdue(now);
    if (!call.saidToHang && call.overdueAt() - nextLook < 0) {
      nextLook = call.overdueAt();
    }
    return call.saidToHang;
  }

  /**
   * Calls nothing any more, and tells all who wait, for their turn or for the token, at once. A
   * call that is in the module goes on by itself; its answer is nobody's.
   *
   * @param why goes on from the token's description
   */
  void end(String why) {
    List<Call<?>> waiting = new ArrayList<>();
    Ended end = new Ended(why);
    lock.lock();
    try {
      if (ended != null) {
        return;
      }
      ended = end;
      queues.values().forEach(queue -> waiting.addAll(queue.calls));
      queues.clear();
      waiting.addAll(running);
      workToDo.signalAll();
      earlierDeadline.signal();
    } finally {
      lock.unlock();
    }
    waiting.forEach(call -> call.answer.completeExceptionally(end));
  }

  /** How many threads are in the module just now; after {@link #end}, those that are stuck. */
  int busy() {
    lock.lock();
    try {
      return running.size() + leavers;
    } finally {
      lock.unlock();
    }
  }

  /** How many calls wait for a thread. */
  int waiting() {
    lock.lock();
    try {
      return queues.values().stream().mapToInt(queue -> queue.calls.size()).sum();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() {
    end("is closed");
  }
}
