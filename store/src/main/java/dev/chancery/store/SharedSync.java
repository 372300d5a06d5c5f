package dev.chancery.store;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/** Lets threads that wait for the disk at the same time share one sync. */
final class SharedSync {
  private final Runnable sync;
  private final AtomicLong asked = new AtomicLong();
  // Fair: else the thread that has just synced would take the lock again before those who wait for
  // nothing more than to read that they are covered.
  private final ReentrantLock running = new ReentrantLock(true);
  private long answered;

  SharedSync(Runnable sync) {
    this.sync = sync;
  }

  /** Returns after a sync that began after this call. */
  @SuppressWarnings("ThreadPriorityCheck") // nothing but how many share a sync depends on it
  void await() {
    long ticket = asked.incrementAndGet();
    running.lock();
    try {
      if (answered >= ticket) {
        return;
      }
      // On busy processors others are on their way here: this one is for them as well. On idle ones
      // nothing is lost.
      Thread.yield();
      // Whoever drew a ticket up to here has committed before, so the next sync is for them too.
      long covered = asked.get();
      sync.run();
      answered = covered;
    } finally {
      running.unlock();
    }
  }
}
