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
import java.util.function.Supplier;
import javax.sql.DataSource;
import org.h2.mvstore.MVStore;
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
 * connection and wait for their turn could keep the writer from getting one. So there are never
 * more than two of them in use: a transaction's, and one for a statement beside it.
 */
final class OneWriter {
  private final ReentrantLock turn = new ReentrantLock();
  private final SharedSync written = new SharedSync(this::write);
  // Bound in work that waits for the file once.
  private final ScopedValue<Unwritten> unwritten = ScopedValue.newInstance();
  private final DataSource pool;
  private final Duration patience;
  // Where commits were when last looked at. After an accident the file is opened again, without
  // what was not written: whoever took a turn before must not be told that a commit is safe.
  private volatile MVStore memory;

  /**
   * @param pool two connections to a database that does not write commits by itself; nobody else's
   * @param patience how long a thread waits for its turn
   */
  OneWriter(DataSource pool, Duration patience) throws SQLException {
    this.pool = pool;
    this.patience = patience;
    try (Connection connection = pool.getConnection()) {
      this.memory = EmbeddedDriver.memory(connection);
    }
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
    MVStore before = begin();
    boolean given = false;
    try {
      Connection connection = pool.getConnection();
      AtomicBoolean open = new AtomicBoolean(true);
      Connection writing =
          proxy(
              Connection.class,
              (proxy, called, values) -> {
                try {
                  return invoke(connection, called, values);
                } finally {
                  if (called.getName().equals("close") && open.compareAndSet(true, false)) {
                    end(before);
                  }
                }
              });
      given = true;
      return writing;
    } finally {
      if (!given) {
        turn.unlock();
      }
    }
  }

  /**
   * What was committed in some work and is perhaps not in the file yet. One thread's: it is bound
   * while that thread does the work.
   */
  final class Unwritten {
    private @Nullable MVStore before;

    private Unwritten() {}

    private void add(MVStore committedIn) {
      if (before != null && before != committedIn) {
        throw openedAgain();
      }
      before = committedIn;
    }

    /**
     * Returns when it is in the file.
     *
     * @throws DatabaseAway when that is not known
     */
    void write() {
      MVStore committedIn = before;
      if (committedIn != null) {
        awaitWritten(committedIn);
        before = null;
      }
    }
  }

  /**
   * Does work that waits for the file once, after the last of its commits; also when it fails.
   *
   * @throws DatabaseAway when it is not known whether they are in the file
   */
  <T extends @Nullable Object> T waitingOnce(Supplier<T> work) {
    if (unwritten.isBound()) {
      return work.get();
    }
    Unwritten commits = new Unwritten();
    try {
      return ScopedValue.where(unwritten, commits).call(work::get);
    } finally {
      commits.write();
    }
  }

  /** Waits for the file now, if the work around this is to do so later. */
  void writeNow() {
    if (unwritten.isBound()) {
      unwritten.get().write();
    }
  }

  /** Around statements that commit by themselves. */
  ExecuteListener statements() {
    return new StatementListener(this);
  }

  /** Waits for a turn; where its commits will be, for {@link #end}. */
  private MVStore begin() throws SQLException {
    try {
      if (!turn.tryLock(patience.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new SQLTransientConnectionException(
            "no turn to write within " + patience.toMillis() + " ms");
      }
      return memory;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new SQLTransientConnectionException("interrupted before its turn to write", e);
    }
  }

  /**
   * Gives the turn back, and returns when what was committed in it is in the file, or will be
   * waited for later ({@link #waitingOnce}).
   *
   * @throws DatabaseAway when that is not known
   */
  private void end(MVStore before) {
    turn.unlock();
    // Still held: this was a statement beside a transaction of the same thread, which will come
    // here itself.
    if (turn.isHeldByCurrentThread()) {
      return;
    }
    if (unwritten.isBound()) {
      unwritten.get().add(before);
    } else {
      awaitWritten(before);
    }
  }

  private void awaitWritten(MVStore committedIn) {
    written.await();
    if (memory != committedIn) {
      throw openedAgain();
    }
  }

  private static DatabaseAway openedAgain() {
    return new DatabaseAway("the database was opened again meanwhile", null);
  }

  /** Takes a turn itself: no transaction is half done in what it writes. */
  private void write() {
    try {
      begin();
      try (Connection connection = pool.getConnection();
          Statement statement = connection.createStatement()) {
        MVStore written = EmbeddedDriver.memory(connection);
        statement.execute("checkpoint");
        MVStore expected = memory;
        memory = written;
        if (written != expected || written.isClosed() || written.getPanicException() != null) {
          throw new SQLTransientConnectionException("the database was closed by an accident");
        }
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
        context.data(OneWriter.class, writer.begin());
      } catch (SQLException e) {
        throw new DatabaseAway("a statement did not come to its turn", e);
      }
    }

    @Override
    public void end(ExecuteContext context) {
      if (context.data(OneWriter.class) instanceof MVStore before) {
        writer.end(before);
      }
    }
  }
}
