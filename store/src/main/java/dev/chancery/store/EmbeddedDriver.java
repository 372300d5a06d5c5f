package dev.chancery.store;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.h2.Driver;
import org.h2.engine.SessionLocal;
import org.h2.jdbc.JdbcConnection;
import org.h2.mvstore.MVStore;
import org.h2.mvstore.db.Store;
import org.h2.mvstore.tx.Transaction;
import org.h2.mvstore.tx.TransactionStore;
import org.jspecify.annotations.Nullable;

/**
 * H2's driver for database files here. Whichever connection makes H2 open the file, the first one
 * or one after an accident has closed it, readies it before anything else is done: commits that a
 * death interrupted are ended, and from then on nothing is written until {@link OneWriter} says so.
 *
 * <p>Public, with its constructor, only because the pool may make drivers by reflection.
 */
public final class EmbeddedDriver extends Driver {
  private static final Object READYING = new Object();
  // Neither after each commit, as 0 would, nor by a thread of H2's own.
  private static final int NOT_BY_ITSELF = -1;

  /** How many connections there may be. */
  static final int MOST_CONNECTIONS = 32;

  // H2 has two sessions of its own, and Flyway comes with some while the first connection is held.
  private static final int MOST_TRANSACTIONS = MOST_CONNECTIONS + 8;

  static {
    try {
      DriverManager.registerDriver(new EmbeddedDriver());
    } catch (SQLException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  @Override
  public @Nullable Connection connect(String url, Properties login) throws SQLException {
    Connection connection = super.connect(url, login);
    if (connection == null) {
      return null;
    }
    try {
      ready(connection);
      return connection;
    } catch (SQLException | RuntimeException e) {
      connection.close();
      throw e;
    }
  }

  private static Store store(Connection connection) throws SQLException {
    var session = (SessionLocal) connection.unwrap(JdbcConnection.class).getSession();
    return session.getDatabase().getStore();
  }

  /** What a connection's commits are kept in until they are written: another after an accident. */
  static MVStore memory(Connection connection) throws SQLException {
    return store(connection).getMvStore();
  }

  private static void ready(Connection connection) throws SQLException {
    Store database = store(connection);
    MVStore store = database.getMvStore();
    synchronized (READYING) {
      if (store.getAutoCommitDelay() != NOT_BY_ITSELF) {
        CommittedLeftovers.end(database.getTransactionStore());
        makeUndoLogs(database.getTransactionStore());
        // First 0: it ends the threads that H2 has for this, and waits for them.
        store.setAutoCommitDelay(0);
        store.setAutoCommitDelay(NOT_BY_ITSELF);
      }
    }
  }

  /**
   * Has H2 make the undo log of each transaction that can be open at a time. It makes one when a
   * transaction is the first to have its number, also for one that only reads, and may write what
   * is in memory then: a reader would write what a writer has half done.
   */
  private static void makeUndoLogs(TransactionStore store) {
    List<Transaction> all = new ArrayList<>();
    for (int i = 0; i < MOST_TRANSACTIONS; i++) {
      all.add(store.begin());
    }
    all.forEach(Transaction::rollback);
  }
}
