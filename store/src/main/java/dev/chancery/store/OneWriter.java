package dev.chancery.store;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import javax.sql.DataSource;
import org.jooq.ExecuteContext;
import org.jooq.ExecuteListener;
import org.jooq.Select;
import org.jspecify.annotations.Nullable;

/**
 * Lets one thread at a time change an H2 database; others may read meanwhile.
 *
 * <p>H2 writes a commit to its file by taking the newest root of one tree after the other, while
 * other threads go on changing them. A chunk can then hold half of a transaction: rows without the
 * undo log that would take them back, or some trees before a commit and some after it. When the
 * process dies before the next chunk is written, that is what the next one finds
 * (docs/decisions/2026-11-25-embedded-database-one-writer.md).
 *
 * <p>What was committed in a turn is written to the file after it, before the writer goes on: by
 * one chunk for all whose turns have ended meanwhile, since a chunk costs several times what a
 * transaction does.
 *
 * <p>The writer's turn comes before a connection of the pool, never after: else those who have a
 * connection and wait for their turn could keep the writer from getting one.
 */
final class OneWriter {
  private final ReentrantLock turn = new ReentrantLock();
  private final SharedSync written = new SharedSync(this::write);
  private final DataSource pool;
  private final Duration patience;

  /**
   * @param pool connections to a database that does not write commits by itself
   * @param patience how long a thread waits for its turn
   */
  OneWriter(DataSource pool, Duration patience) {
    this.pool = pool;
    this.patience = patience;
  }

  /** A pool whose connections each are the one that writes, until they are closed. */
  DataSource writing() {
    return proxy(
        DataSource.class,
        (proxy, method, arguments) ->
            method.getName().equals("getConnection")
                ? connection()
                : invoke(pool, method, arguments));
  }

  private Connection connection() throws SQLException {
    begin();
    Connection connection;
    try {
      connection = pool.getConnection();
    } catch (SQLException | RuntimeException e) {
      turn.unlock();
      throw e;
    }
    AtomicBoolean open = new AtomicBoolean(true);
    return proxy(
        Connection.class,
        (proxy, called, values) -> {
          try {
            return invoke(connection, called, values);
          } finally {
            if (called.getName().equals("close") && open.compareAndSet(true, false)) {
              end();
            }
          }
        });
  }

  /** Around statements that commit by themselves. */
  ExecuteListener statements() {
    return new StatementListener(this);
  }

  private void begin() throws SQLException {
    try {
      if (!turn.tryLock(patience.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new SQLTransientConnectionException(
            "no turn to write within " + patience.toMillis() + " ms");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new SQLTransientConnectionException("interrupted before its turn to write", e);
    }
  }

  private void end() {
    turn.unlock();
    // Still held: this was a statement beside a transaction of the same thread, which will come
    // here itself.
    if (!turn.isHeldByCurrentThread()) {
      written.await();
    }
  }

  /** Takes a turn itself: no transaction is half done in what it writes. */
  private void write() {
    try {
      begin();
      try (Connection connection = pool.getConnection();
          Statement statement = connection.createStatement()) {
        statement.execute("checkpoint");
      } finally {
        turn.unlock();
      }
    } catch (SQLException e) {
      throw new DatabaseAway("what was committed could not be written", e);
    }
  }

  private static <T> T proxy(Class<T> type, InvocationHandler handler) {
    return type.cast(
        Proxy.newProxyInstance(OneWriter.class.getClassLoader(), new Class<?>[] {type}, handler));
  }

  private static @Nullable Object invoke(
      Object target, Method method, @Nullable Object @Nullable [] arguments) throws Throwable {
    try {
      return method.invoke(target, arguments);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  private static final class StatementListener implements ExecuteListener {
    private static final long serialVersionUID = 1L;

    private final transient OneWriter writer;

    private StatementListener(OneWriter writer) {
      this.writer = writer;
    }

    @Override
    public void start(ExecuteContext context) {
      if (context.query() instanceof Select) {
        return;
      }
      try {
        writer.begin();
      } catch (SQLException e) {
        throw new DatabaseAway("a statement did not come to its turn", e);
      }
      context.data(OneWriter.class, writer);
    }

    @Override
    public void end(ExecuteContext context) {
      if (context.data(OneWriter.class) != null) {
        writer.end();
      }
    }
  }
}
