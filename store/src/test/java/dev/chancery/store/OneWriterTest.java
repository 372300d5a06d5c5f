package dev.chancery.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.jooq.impl.DSL.count;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class OneWriterTest {
  private static final int CONNECTIONS = 4;
  private static final int THREADS = 8 * CONNECTIONS;
  private static final int TURNS = 10;

  @TempDir Path folder;
  private Database database;

  private void open(Duration patience) throws Exception {
    database =
        Database.open(
            new DatabaseSettings(
                "jdbc:h2:file:" + folder.resolve("db"), "sa", () -> "", CONNECTIONS, patience));
    database.sql().execute("create table t (id int primary key)");
    database.sql().execute("insert into t values (0)");
  }

  @AfterEach
  void close() {
    database.close();
  }

  @Test
  void whileATransactionRunsOthersReadAndDoNotWrite() throws Exception {
    open(Duration.ofMillis(250));

    database.inTransaction(transaction -> {
      transaction.execute("insert into t values (1)");
      return inAnotherThread(() -> {
        assertThat(rows()).isEqualTo(1);
        assertThatThrownBy(() -> database.sql().execute("insert into t values (2)"))
            .isInstanceOf(DatabaseAway.class);
        assertThatThrownBy(
                () -> database.inTransaction(other -> other.execute("insert into t values (3)")))
            .isInstanceOf(DatabaseAway.class);
        assertThatThrownBy(() -> database.dataSource().getConnection())
            .isInstanceOf(SQLTransientConnectionException.class);
        return true;
      });
    });

    assertThat(rows()).isEqualTo(2);
    assertThat(database.sql().execute("insert into t values (2)")).isEqualTo(1);
  }

  @Test
  void aTurnEndsWithTheConnectionOrStatementThatFailed() throws Exception {
    open(Duration.ofMillis(250));

    assertThatThrownBy(() -> database.sql().execute("insert into t values (0)"))
        .hasMessageContaining("PRIMARY KEY");
    assertThatThrownBy(() ->
            database.inTransaction(transaction -> transaction.execute("insert into t values (0)")))
        .hasMessageContaining("PRIMARY KEY");
    Connection connection = database.dataSource().getConnection();
    connection.close();
    connection.close();

    assertThat(inAnotherThread(() -> database.sql().execute("insert into t values (1)")))
        .isEqualTo(1);
  }

  @Test
  void manyWritersAllGetATurnAndAConnection() throws Exception {
    open(Duration.ofSeconds(30));

    Threads.together(
        THREADS,
        thread ->
            () -> {
              for (int turn = 0; turn < TURNS; turn++) {
                int id = 1 + 3 * (thread * TURNS + turn);
                database.inTransaction(
                    transaction -> transaction.execute("insert into t values (?)", id));
                database.sql().execute("insert into t values (?)", id + 1);
                insertByJdbc(id + 2);
                rows();
              }
              return null;
            });

    assertThat(rows()).isEqualTo(1 + 3 * THREADS * TURNS);
  }

  private void insertByJdbc(int id) throws SQLException {
    try (Connection connection = database.dataSource().getConnection();
        Statement statement = connection.createStatement()) {
      statement.executeUpdate("insert into t values (" + id + ")");
    }
  }

  private int rows() {
    return database.sql().select(count()).from("t").fetchSingle(count());
  }

  private static <T> T inAnotherThread(Callable<T> work) {
    try {
      return Threads.together(1, thread -> work).getFirst();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
