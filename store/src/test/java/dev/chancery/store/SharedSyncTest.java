package dev.chancery.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class SharedSyncTest {
  @Test
  void everyWriteIsCoveredByASyncThatBeganAfterIt() throws Exception {
    AtomicLong written = new AtomicLong();
    AtomicLong synced = new AtomicLong();
    AtomicInteger syncs = new AtomicInteger();
    SharedSync disk =
        new SharedSync(() -> {
          long covered = written.get();
          syncs.incrementAndGet();
          try {
            Thread.sleep(1);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          synced.set(covered);
        });

    Threads.together(
        16,
        thread ->
            () -> {
              for (int i = 0; i < 50; i++) {
                long mine = written.incrementAndGet();
                disk.await();
                assertThat(synced.get()).isGreaterThanOrEqualTo(mine);
              }
              return null;
            });

    assertThat(syncs.get()).isLessThan(400);
  }

  @Test
  void failedSyncCoversNoOne() {
    AtomicInteger syncs = new AtomicInteger();
    SharedSync disk =
        new SharedSync(() -> {
          if (syncs.incrementAndGet() == 1) {
            throw new IllegalStateException("disk");
          }
        });

    assertThatThrownBy(disk::await).isInstanceOf(IllegalStateException.class);
    disk.await();

    assertThat(syncs).hasValue(2);
  }
}
