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
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@DisplayName("periodic work")
@Execution(ExecutionMode.CONCURRENT)
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
    CountDownLatch first = new CountDownLatch(1);
    CountDownLatch again = new CountDownLatch(2);
    try (Database database =
            Database.open(DatabaseSettings.of(where.url(), where.user(), where::password));
        PeriodicWork work =
            new PeriodicWork(
                database, Clock.systemUTC(), "node-under-test", Duration.ofMillis(100))) {
      work.once(
          "work",
          Duration.ofHours(1),
          () -> {
            first.countDown();
            again.countDown();
          });
      work.start();
      assertThat(first.await(30, TimeUnit.SECONDS)).isTrue();
      OffsetDateTime future = OffsetDateTime.now(ZoneOffset.UTC).plusDays(30);
      Awaitility.await()
          .atMost(Duration.ofSeconds(30))
          .until(() ->
              database
                      .sql()
                      .execute(
                          "update scheduled_tasks set execution_time = cast(? as timestamp with"
                              + " time zone) where not picked",
                          future)
                  == 1);
      assertThat(again.await(30, TimeUnit.SECONDS)).isTrue();

      // Of a node that died in the middle of it: it is found dead when it has been silent for long.
      database
          .sql()
          .execute(
              "insert into scheduled_tasks (task_name, task_instance, execution_time, picked,"
                  + " picked_by, last_heartbeat, version)"
                  + " values ('work', 'other', cast(? as timestamp with time zone), true,"
                  + " 'node-dead', cast(? as timestamp with time zone), 2)",
              future,
              future);
      Awaitility.await()
          .atMost(Duration.ofSeconds(30))
          .until(() ->
              database
                      .sql()
                      .fetchSingle(
                          "select count(*) from scheduled_tasks where picked_by = 'node-dead' and"
                              + " last_heartbeat > cast(? as timestamp with time zone)",
                          future.minusDays(1))
                      .get(0, Integer.class)
                  == 0);
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
