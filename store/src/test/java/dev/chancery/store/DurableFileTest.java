package dev.chancery.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.h2.store.fs.FilePath;
import org.h2.store.fs.async.FilePathAsync;
import org.jooq.impl.DSL;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DurableFileTest {
  private static final String SUFFIX = ".mv.db";
  private static final int THREADS = 4;
  private static final int COMMITS = 150;
  private static final int ROWS = 6;
  private static final int TURNS = 25;
  private static final int MANY_ROWS = 3000;

  @TempDir Path folder;

  /** A copy of the file at an instant, and the rows whose commits had returned by then. */
  private record Image(Path copy, Set<Integer> committed) {}

  @AfterEach
  void watchNothing() {
    WatchedFiles.watcher = () -> {};
    FilePath.register(new FilePathAsync());
  }

  @Test
  void everyCommitThatReturnedIsInTheFileAtEveryInstant() throws Exception {
    FilePath.register(new WatchedFiles());
    Path file = folder.resolve("db" + SUFFIX);
    Set<Integer> committed = ConcurrentHashMap.newKeySet();
    List<Image> images = new ArrayList<>();
    try (Database database = database(folder.resolve("db").toString())) {
      // Gaps are filled at once; else only those of chunks that died long ago.
      database.sql().execute("set retention_time 0");
      database.sql().execute("create table t (id int primary key, detail varchar)");
      Random random = new Random(1);
      WatchedFiles.watcher =
          () -> {
            if (random.nextInt(9) == 0) {
              images.add(image(file, images.size(), committed));
            }
          };
      Threads.together(
          THREADS,
          thread ->
              () -> {
                commit(database, thread, committed);
                return null;
              });
      WatchedFiles.watcher = () -> {};
      images.add(image(file, images.size(), committed));
    }

    assertThat(images).hasSizeGreaterThan(50);
    assertThat(images.getLast().committed()).hasSize(THREADS * COMMITS);
    for (int i = 0; i < images.size(); i++) {
      assertThat(rows(images.get(i)))
          .describedAs("image %d of %d", i, images.size())
          .containsAll(images.get(i).committed());
    }
  }

  private static void commit(Database database, int thread, Set<Integer> committed) {
    Random random = new Random(thread);
    for (int i = 0; i < COMMITS; i++) {
      int id = thread * COMMITS + i;
      int other = thread * COMMITS + random.nextInt(i + 1);
      if (random.nextBoolean()) {
        insert(database, id, random);
        committed.add(id);
        update(database, other, random);
      } else {
        int _ =
            database.waitingOnce(() -> {
              insert(database, id, random);
              return update(database, other, random);
            });
        committed.add(id);
      }
    }
  }

  private static void insert(Database database, int id, Random random) {
    database.sql().execute("insert into t values (?, ?)", id, "x".repeat(random.nextInt(8000)));
  }

  private static int update(Database database, int id, Random random) {
    return database.inTransaction(sql ->
        sql.execute("update t set detail = ? where id = ?", "y".repeat(random.nextInt(500)), id));
  }

  @Test
  void workThatWaitsOnceIsInTheFileWhenItAsksForTheDiskAndAtItsEnd() throws Exception {
    FilePath.register(new WatchedFiles());
    Path file = folder.resolve("db" + SUFFIX);
    List<Image> images = new ArrayList<>();
    AtomicInteger writes = new AtomicInteger();
    try (Database database = database(folder.resolve("db").toString())) {
      database.sql().execute("create table t (id int primary key)");
      WatchedFiles.watcher = writes::incrementAndGet;
      String result =
          database.waitingOnce(() -> {
            insert(database, 1);
            database.inTransaction(sql -> sql.execute("insert into t values (2)"));
            // Neither is waited for, nor is anything inside of this that is to wait once.
            int _ = database.waitingOnce(() -> insert(database, 3));
            assertThat(writes).hasValue(0);
            database.syncToDisk();
            images.add(image(file, images.size(), Set.of(1, 2, 3)));
            writes.set(0);
            insert(database, 4);
            assertThat(writes).hasValue(0);
            return "done";
          });
      assertThat(result).isEqualTo("done");
      images.add(image(file, images.size(), Set.of(1, 2, 3, 4)));
      assertThatIllegalStateException()
          .isThrownBy(() ->
              database.waitingOnce(() -> {
                insert(database, 5);
                throw new IllegalStateException("a defect");
              }))
          .withMessage("a defect");
      images.add(image(file, images.size(), Set.of(1, 2, 3, 4, 5)));
      insert(database, 6);
      images.add(image(file, images.size(), Set.of(1, 2, 3, 4, 5, 6)));
      WatchedFiles.watcher = () -> {};
    }

    for (Image image : images) {
      assertThat(rows(image)).containsExactlyInAnyOrderElementsOf(image.committed());
    }
  }

  private static int insert(Database database, int id) {
    return database.sql().execute("insert into t values (?)", id);
  }

  private static Image image(Path file, int number, Set<Integer> committed) {
    Set<Integer> before = Set.copyOf(committed);
    try {
      return new Image(Files.copy(file, file.resolveSibling(number + SUFFIX)), before);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String withoutSuffix(Image image) {
    String copy = image.copy().toString();
    return copy.substring(0, copy.length() - SUFFIX.length());
  }

  private static List<Integer> rows(Image image) throws Exception {
    try (Database database = database(withoutSuffix(image))) {
      return database.sql().fetch("select id from t").getValues(0, Integer.class);
    }
  }

  /** With as many writers at a time as there are threads, one run in two would find a torn one. */
  @Test
  void everyTransactionIsWholeInTheFileAtEveryInstant() throws Exception {
    FilePath.register(new WatchedFiles());
    Path file = folder.resolve("db" + SUFFIX);
    List<Image> images = new ArrayList<>();
    try (Database database = database(folder.resolve("db").toString())) {
      database
          .sql()
          .execute("create table t (id int primary key, thread int, turn int, detail varchar)");
      database.sql().execute("create table log (thread int, turn int, primary key (thread, turn))");
      database
          .sql()
          .execute(
              "insert into t select x, x / {0}, 0, repeat('x', 1000) from system_range(0, {1}) as r"
                  + " (x)",
              DSL.val(ROWS), DSL.val(THREADS * ROWS - 1));
      WatchedFiles.watcher = () -> images.add(image(file, images.size(), Set.of()));
      Threads.together(
          THREADS,
          thread ->
              () -> {
                updateTogether(database, thread);
                return null;
              });
      WatchedFiles.watcher = () -> {};
    }

    assertThat(images).hasSizeGreaterThan(TURNS);
    for (int i = 0; i < images.size(); i++) {
      assertThatEachTransactionIsWhole(images.get(i), "image %d of %d".formatted(i, images.size()));
    }
  }

  @Test
  void aTransactionThatIsWrittenInPartsIsWholeAtEveryInstant() throws Exception {
    FilePath.register(new WatchedFiles());
    Path file = folder.resolve("db" + SUFFIX);
    List<Image> images = new ArrayList<>();
    try (Database database = database(folder.resolve("db").toString())) {
      database.sql().execute("create table t (id int primary key, turn int, detail varchar)");
      database
          .sql()
          .execute(
              "insert into t select x, 0, repeat('x', 1000) from system_range(1, {0}) as r (x)",
              DSL.val(MANY_ROWS));
      WatchedFiles.watcher = () -> images.add(image(file, images.size(), Set.of()));
      database.sql().execute("update t set turn = 1");
      WatchedFiles.watcher = () -> {};
    }

    assertThat(images).hasSizeGreaterThan(4);
    for (int i = 0; i < images.size(); i++) {
      try (Database database = database(withoutSuffix(images.get(i)))) {
        assertThat(database.sql().fetchValues("select turn from t group by turn"))
            .describedAs("image %d of %d", i, images.size())
            .hasSize(1);
        assertThat(database.sql().execute("update t set turn = 2"))
            .describedAs("image %d of %d", i, images.size())
            .isEqualTo(MANY_ROWS);
      }
    }
  }

  @Test
  void whoWasToldOfACommitFindsItAfterTheFileCouldNotBeWritten() throws Exception {
    FilePath.register(new WatchedFiles());
    Set<Integer> committed = ConcurrentHashMap.newKeySet();
    AtomicInteger writes = new AtomicInteger();
    try (Database database = database(folder.resolve("db").toString())) {
      database.sql().execute("create table t (id int primary key)");
      WatchedFiles.watcher =
          () -> {
            if (writes.incrementAndGet() % 40 == 0) {
              throw new UncheckedIOException(new IOException("no space left"));
            }
          };
      Threads.together(
          THREADS,
          thread ->
              () -> {
                for (int i = 0; i < COMMITS; i++) {
                  int id = thread * COMMITS + i;
                  try {
                    if (i % 2 == 0) {
                      database.inTransaction(sql -> sql.execute("insert into t values (?)", id));
                      committed.add(id);
                    } else {
                      // The second may come into another file than the first.
                      int _ =
                          database.waitingOnce(() -> insert(database, id) + insert(database, -id));
                      committed.addAll(Set.of(id, -id));
                    }
                  } catch (DatabaseAway e) {
                    // Whether it is there is not known.
                  }
                }
                return null;
              });
      WatchedFiles.watcher = () -> {};
    }

    assertThat(writes).hasValueGreaterThan(80);
    assertThat(committed).isNotEmpty();
    try (Database database = database(folder.resolve("db").toString())) {
      assertThat(database.sql().fetch("select id from t").getValues(0, Integer.class))
          .containsAll(committed);
    }
  }

  /** Each turn is one transaction over all rows of a thread. */
  private static void updateTogether(Database database, int thread) {
    for (int turn = 1; turn <= TURNS; turn++) {
      int now = turn;
      database.inTransaction(sql -> {
        sql.execute("insert into log values (?, ?)", thread, now);
        return sql.execute("update t set turn = ? where thread = ?", now, thread);
      });
    }
  }

  private static void assertThatEachTransactionIsWhole(Image image, String description)
      throws Exception {
    try (Database database = database(withoutSuffix(image))) {
      var turns =
          database
              .sql()
              .fetch(
                  "select min(turn), max(turn),"
                      + " (select coalesce(max(turn), 0) from log where log.thread = t.thread)"
                      + " from t group by thread");
      for (var turn : turns) {
        assertThat(List.of(turn.get(0), turn.get(1)))
            .describedAs(description)
            .containsOnly(turn.get(2));
      }
      assertThat(database.sql().execute("update t set turn = turn + 1"))
          .describedAs(description)
          .isEqualTo(THREADS * ROWS);
    }
  }

  private static Database database(String path) throws DatabaseUnusable {
    return Database.open(DatabaseSettings.of("jdbc:h2:file:" + path, "sa", () -> ""));
  }

  @Test
  void interruptsDoNotCloseTheDatabase() throws Exception {
    try (Database database =
        Database.open(
            DatabaseSettings.of("jdbc:h2:file:" + folder.resolve("db"), "sa", () -> ""))) {
      database.sql().execute("create table t (id int primary key, detail varchar)");
      AtomicBoolean ended = new AtomicBoolean();
      AtomicInteger interrupts = new AtomicInteger();
      Set<Integer> committed = ConcurrentHashMap.newKeySet();
      List<Thread> writers = new ArrayList<>();
      for (int thread = 0; thread < THREADS; thread++) {
        int first = thread * COMMITS;
        writers.add(
            Thread.ofPlatform().start(() -> insertThroughInterrupts(database, first, committed)));
      }
      Thread interrupter =
          Thread.ofPlatform()
              .start(() -> {
                while (!ended.get()) {
                  writers.forEach(Thread::interrupt);
                  interrupts.addAndGet(writers.size());
                  Thread.onSpinWait();
                }
              });
      for (Thread writer : writers) {
        writer.join();
      }
      ended.set(true);
      interrupter.join();

      database.syncToDisk();
      assertThat(interrupts).hasValueGreaterThan(THREADS * COMMITS);
      assertThat(committed).isNotEmpty();
      assertThat(database.sql().fetchValues("select id from t").stream().map(Integer.class::cast))
          .containsAll(committed);
    }
  }

  private static void insertThroughInterrupts(
      Database database, int first, Set<Integer> committed) {
    for (int id = first; id < first + COMMITS; id++) {
      try {
        database.sql().execute("insert into t values (?, ?)", id, "x".repeat(500));
        committed.add(id);
        database.syncToDisk();
      } catch (DatabaseAway e) {
        // The wait for a connection, or for another's sync, was interrupted: nothing is broken.
        Thread.interrupted();
      }
    }
  }
}
