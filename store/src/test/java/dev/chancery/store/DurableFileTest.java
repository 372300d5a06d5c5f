package dev.chancery.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.h2.store.fs.FilePath;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DurableFileTest {
  private static final String SUFFIX = ".mv.db";
  private static final int THREADS = 4;
  private static final int COMMITS = 150;

  @TempDir Path folder;

  /** A copy of the file at an instant, and the rows whose commits had returned by then. */
  private record Image(Path copy, Set<Integer> committed) {}

  @AfterEach
  void watchNothing() {
    WatchedFiles.watcher = () -> {};
  }

  @Test
  void everyCommitThatReturnedIsInTheFileAtEveryInstant() throws Exception {
    FilePath.register(new WatchedFiles());
    DurableFiles.url("");
    Path file = folder.resolve("db" + SUFFIX);
    Set<Integer> committed = ConcurrentHashMap.newKeySet();
    List<Image> images = new ArrayList<>();
    try (Connection keeper = open();
        Statement statement = keeper.createStatement()) {
      // Gaps are filled at once; else only those of chunks that died long ago.
      statement.execute("set retention_time 0");
      statement.execute("create table t (id int primary key, detail varchar)");
      Random random = new Random(1);
      WatchedFiles.watcher =
          () -> {
            if (random.nextInt(7) == 0) {
              images.add(image(file, images.size(), committed));
            }
          };
      Threads.together(
          THREADS,
          thread ->
              () -> {
                commit(thread, committed);
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

  private Connection open() throws SQLException {
    return DriverManager.getConnection(
        "jdbc:h2:durable:watched:async:" + folder.resolve("db") + ";WRITE_DELAY=0", "sa", "");
  }

  private void commit(int thread, Set<Integer> committed) throws SQLException {
    Random random = new Random(thread);
    try (Connection connection = open();
        PreparedStatement insert = connection.prepareStatement("insert into t values (?, ?)");
        PreparedStatement update =
            connection.prepareStatement("update t set detail = ? where id = ?")) {
      for (int i = 0; i < COMMITS; i++) {
        int id = thread * COMMITS + i;
        insert.setInt(1, id);
        insert.setString(2, "x".repeat(random.nextInt(8000)));
        insert.executeUpdate();
        committed.add(id);
        update.setString(1, "y".repeat(random.nextInt(500)));
        update.setInt(2, thread * COMMITS + random.nextInt(i + 1));
        update.executeUpdate();
      }
    }
  }

  private static Image image(Path file, int number, Set<Integer> committed) {
    Set<Integer> before = Set.copyOf(committed);
    try {
      return new Image(Files.copy(file, file.resolveSibling(number + SUFFIX)), before);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Set<Integer> rows(Image image) throws Exception {
    String copy = image.copy().toString();
    String url = "jdbc:h2:file:" + copy.substring(0, copy.length() - SUFFIX.length());
    Set<Integer> rows = new HashSet<>();
    try (Connection connection = DriverManager.getConnection(url, "sa", "");
        Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("select id from t")) {
      while (row.next()) {
        rows.add(row.getInt(1));
      }
    }
    return rows;
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
