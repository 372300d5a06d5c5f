package dev.chancery.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.store.Database;
import dev.chancery.store.DatabaseSettings;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@DisplayName("periodic work")
class PeriodicWorkTest {
  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource
  @DisplayName(
      "of a cluster is taken over from a node that was killed in the middle of it a minute ago")
  void survivesADeadNode(DatabaseKind kind) throws Exception {
    TestDatabase where = kind.create(folder);
    CountDownLatch done = new CountDownLatch(1);
    try (Database database =
            Database.open(DatabaseSettings.of(where.url(), where.user(), where::password));
        PeriodicWork work = new PeriodicWork(database, Clock.systemUTC(), "node-under-test")) {
      OffsetDateTime death = OffsetDateTime.now(ZoneOffset.UTC).minusMinutes(1);
      database
          .sql()
          .execute(
              "insert into scheduled_tasks (task_name, task_instance, execution_time, picked,"
                  + " picked_by, last_heartbeat, version)"
                  + " values ('recovery', 'recurring', cast(? as timestamp with time zone), true,"
                  + " 'node-dead', cast(? as timestamp with time zone), 2)",
              death,
              death);
      work.once("recovery", Duration.ofHours(1), done::countDown);
      work.start();

      assertThat(done.await(20, TimeUnit.SECONDS)).isTrue();
    }
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("of a cluster that stands in the future, after the clock was put back, is done soon")
  void clockPutBack(DatabaseKind kind) throws Exception {
    TestDatabase where = kind.create(folder);
    CountDownLatch done = new CountDownLatch(2);
    try (Database database =
            Database.open(DatabaseSettings.of(where.url(), where.user(), where::password));
        PeriodicWork work =
            new PeriodicWork(
                database, Clock.systemUTC(), "node-under-test", Duration.ofMillis(100))) {
      OffsetDateTime future = OffsetDateTime.now(ZoneOffset.UTC).plusDays(30);
      for (String name : List.of("waiting", "picked")) {
        boolean picked = name.equals("picked");
        database
            .sql()
            .execute(
                "insert into scheduled_tasks (task_name, task_instance, execution_time, picked,"
                    + " picked_by, last_heartbeat, version)"
                    + " values (?, 'recurring', cast(? as timestamp with time zone), ?, ?,"
                    + " cast(? as timestamp with time zone), 2)",
                name,
                future,
                picked,
                picked ? "node-dead" : null,
                picked ? future : null);
      }
      work.once("waiting", Duration.ofHours(1), done::countDown);
      // By a node that died in the middle of it: after as long as any dead node is waited for.
      work.once("picked", Duration.ofHours(1), done::countDown);
      work.start();

      assertThat(done.await(100, TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  @DisplayName("of each node goes on while other such work hangs, and does not overlap itself")
  void besideWorkThatHangs() throws Exception {
    TestDatabase where = DatabaseKind.H2.create(folder);
    CountDownLatch end = new CountDownLatch(1);
    AtomicInteger hanging = new AtomicInteger();
    CountDownLatch done = new CountDownLatch(3);
    try (Database database =
            Database.open(DatabaseSettings.of(where.url(), where.user(), where::password));
        PeriodicWork work = new PeriodicWork(database, Clock.systemUTC(), "node-under-test")) {
      work.everywhere(
          "hangs",
          Duration.ofMillis(1),
          () -> {
            hanging.incrementAndGet();
            end.await();
          });
      work.aside("hangs too", end::await);
      work.everywhere("goes on", Duration.ofMillis(10), done::countDown);

      assertThat(done.await(20, TimeUnit.SECONDS)).isTrue();
      assertThat(hanging).hasValueLessThanOrEqualTo(1);
      end.countDown();
    }
  }

  @Test
  @DisplayName("of each node is waited for at the end, and does not begin again")
  void endsBeforeWhatItUses() throws Exception {
    TestDatabase where = DatabaseKind.H2.create(folder);
    CountDownLatch begun = new CountDownLatch(1);
    AtomicInteger done = new AtomicInteger();
    try (Database database =
        Database.open(DatabaseSettings.of(where.url(), where.user(), where::password))) {
      PeriodicWork work = new PeriodicWork(database, Clock.systemUTC(), "node-under-test");
      work.everywhere(
          "slow",
          Duration.ofMillis(10),
          () -> {
            begun.countDown();
            Thread.sleep(300);
            done.incrementAndGet();
          });
      assertThat(begun.await(20, TimeUnit.SECONDS)).isTrue();

      work.close();

      assertThat(done).hasValue(1);
      Thread.sleep(500);
      assertThat(done).hasValue(1);
    }
  }
}
