package dev.chancery.store;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.pool.HikariPool.PoolInitializationException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Properties;
import java.util.function.Function;
import java.util.function.Supplier;
import javax.sql.DataSource;
import org.h2.api.ErrorCode;
import org.jooq.Configuration;
import org.jooq.DSLContext;
import org.jooq.ExecuteContext;
import org.jooq.ExecuteListener;
import org.jooq.SQLDialect;
import org.jooq.conf.RenderQuotedNames;
import org.jooq.conf.Settings;
import org.jooq.exception.DataAccessException;
import org.jooq.impl.DSL;
import org.jooq.impl.DefaultConfiguration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The database that every node of a CA shares: PostgreSQL, or H2 in a file for one node. Opening it
 * brings its schema up to date.
 *
 * <p>Transactions are READ COMMITTED. What must not happen twice is a compare-and-set, an UPDATE or
 * INSERT whose WHERE or key names the old state; both databases decide those one after the other on
 * the newest row, so nothing here rests on a stricter isolation.
 *
 * <p>On H2 there is one writer at a time, however many connections there are.
 *
 * <p>When the database cannot be reached, everything here throws {@link DatabaseAway}.
 */
public final class Database implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Database.class);
  private static final int ATTEMPTS = 4;
  // A row lock is waited for as long as H2 is told to. Commits are durable whatever the server's
  // default; a stricter setting (remote_apply, for example) stands.
  private static final String POSTGRESQL_SESSION =
      "select set_config('lock_timeout', '5s', false),"
          + " case when current_setting('synchronous_commit') = 'off'"
          + " then set_config('synchronous_commit', 'on', false) end";

  // H2's: one connection writes at a time, and one more has a statement beside its transaction.
  private static final int WRITING = 2;

  private final HikariDataSource pool;
  // H2's.
  private final @Nullable HikariDataSource writing;
  private final Connections.Pooled connections;
  private final DSLContext sql;
  private final Configuration transactions;
  // H2's.
  private final @Nullable OneWriter writer;
  private final Disk disk;
  private final SharedSync sync;

  private Database(
      HikariDataSource pool, @Nullable HikariDataSource writing, SQLDialect dialect, Disk disk)
      throws SQLException {
    this.pool = pool;
    this.writing = writing;
    if (writing != null) {
      this.writer = new OneWriter(writing, Duration.ofMillis(pool.getConnectionTimeout()));
      this.connections = new Connections.Pooled(pool, writer.writing());
      this.sql = sql(connections, dialect, new OutageListener(true), writer.statements());
    } else {
      this.writer = null;
      this.connections = new Connections.Pooled(pool, pool);
      this.sql = sql(connections, dialect, new OutageListener(true));
    }
    this.transactions = sql(connections, dialect, new OutageListener(false)).configuration();
    this.disk = disk;
    this.sync = new SharedSync(disk::sync);
  }

  private static DSLContext sql(
      Connections connections, SQLDialect dialect, ExecuteListener... listeners) {
    Configuration configuration = new DefaultConfiguration();
    return DSL.using(
        configuration
            .set(connections)
            .set(dialect)
            .set(listeners)
            .set(
                new Settings()
                    .withRenderQuotedNames(RenderQuotedNames.EXPLICIT_DEFAULT_QUOTED)
                    .withExecuteLogging(false)));
  }

  /**
   * Opens the database and migrates it.
   *
   * @throws DatabaseUnusable when that cannot be; an existing database is as it was, unless it is a
   *     migration that failed
   */
  @SuppressWarnings("try") // the first connection is held, not used
  public static Database open(DatabaseSettings settings) throws DatabaseUnusable {
    DatabaseAddress address = DatabaseAddress.parse(settings.url());
    String password = settings.password().get();
    Properties properties = address.properties();
    properties.setProperty("user", settings.user());
    properties.setProperty("password", password);
    // Held until the pool has its own, so that H2 opens the file once and not for each step.
    try (Connection first = address.connect(properties)) {
      Schema.migrate(address, settings.user(), password);
      return open(address, settings, password);
    } catch (SQLException e) {
      throw new DatabaseUnusable(whyNotConnected(e, address, settings.user()), e);
    } catch (PoolInitializationException e) {
      throw new DatabaseUnusable(
          "no connection to " + address.description() + ": " + SqlFailures.oneLine(e), e);
    }
  }

  private static Database open(DatabaseAddress address, DatabaseSettings settings, String password)
      throws DatabaseUnusable, SQLException {
    boolean embedded = address.dialect() == SQLDialect.H2;
    int connections =
        embedded
            ? Math.min(settings.connections(), EmbeddedDriver.MOST_CONNECTIONS - WRITING)
            : settings.connections();
    HikariDataSource pool = pool("database", connections, address, settings, password);
    HikariDataSource writing = null;
    try {
      // Apart from those that read: in each transaction H2 goes through all selects that its
      // connection keeps parsed, to forget their results.
      writing = embedded ? pool("database-writing", WRITING, address, settings, password) : null;
      return new Database(pool, writing, address.dialect(), address.disk());
    } catch (DatabaseUnusable | SQLException | RuntimeException e) {
      if (writing != null) {
        writing.close();
      }
      pool.close();
      throw e;
    }
  }

  private static HikariDataSource pool(
      String name,
      int connections,
      DatabaseAddress address,
      DatabaseSettings settings,
      String password) {
    HikariConfig config = new HikariConfig();
    config.setPoolName(name);
    config.setJdbcUrl(address.url());
    config.setUsername(settings.user());
    config.setPassword(password);
    config.setDataSourceProperties(address.properties());
    config.setMaximumPoolSize(connections);
    config.setConnectionTimeout(settings.patience().toMillis());
    config.setTransactionIsolation("TRANSACTION_READ_COMMITTED");
    config.setExceptionOverride(new LostConnections());
    if (address.dialect() == SQLDialect.H2) {
      config.setDriverClassName(EmbeddedDriver.class.getName());
    } else {
      config.setConnectionInitSql(POSTGRESQL_SESSION);
      // A server that vanished without a word must not hold a thread for ever; migrations, which
      // may take long, do not come through this pool.
      config.addDataSourceProperty("socketTimeout", "30");
    }
    return new HikariDataSource(config);
  }

  private static String whyNotConnected(
      SQLException failure, DatabaseAddress address, String user) {
    String place = address.description();
    if (failure.getErrorCode() == ErrorCode.DATABASE_ALREADY_OPEN_1) {
      return place + " is open in another process";
    }
    return switch (failure.getSQLState()) {
      case "28000", "28P01" -> place + " refuses the user " + user + " or its password";
      case "3D000" -> place + " does not exist: create the database first";
      case null, default -> "no connection to " + place + ": " + SqlFailures.oneLine(failure);
    };
  }

  /**
   * Statements that each commit by themselves.
   *
   * <p>One that does not get a lock in time throws {@link DatabaseAway}: nothing repeats it.
   */
  public DSLContext sql() {
    return sql;
  }

  /**
   * Runs work in one transaction: it commits when the work returns and rolls back when it throws.
   * Work that was rolled back only because of a transaction beside it (a deadlock, a lock that was
   * not had in time) is run again, a few times, so it must not do anything but SQL.
   *
   * @throws DatabaseAway when the database is lost on the way, or the others always win
   */
  public <T extends @Nullable Object> T inTransaction(Function<DSLContext, T> work) {
    for (int attempt = 1; ; attempt++) {
      try {
        return transaction(work);
      } catch (SQLException | DataAccessException e) {
        if (SqlFailures.isOutage(e)) {
          throw new DatabaseAway("the database was lost in a transaction", e);
        }
        if (!SqlFailures.isLostRace(e)) {
          throw e instanceof DataAccessException known
              ? known
              : new DataAccessException("a transaction failed", e);
        }
        if (attempt == ATTEMPTS) {
          throw new DatabaseAway("a transaction lost against others " + ATTEMPTS + " times", e);
        }
      }
    }
  }

  /**
   * Once. Not jOOQ's own transactions: before each they ask PostgreSQL for its isolation level, a
   * round trip, and the pool's connections all have the same.
   */
  private <T extends @Nullable Object> T transaction(Function<DSLContext, T> work)
      throws SQLException {
    try (Connection connection = connections.acquireToWrite()) {
      connection.setAutoCommit(false);
      boolean committed = false;
      try {
        T result =
            work.apply(DSL.using(transactions.derive(new Connections.OfTransaction(connection))));
        commit(connection);
        committed = true;
        return result;
      } finally {
        if (!committed) {
          rollBack(connection);
        }
      }
    }
  }

  private static void commit(Connection connection) throws SQLException {
    connection.commit();
  }

  /** What went wrong before is what the caller must hear of. */
  private static void rollBack(Connection connection) {
    try {
      connection.rollback();
    } catch (SQLException e) {
      LOG.debug("a transaction could not be rolled back; its connection is lost", e);
    }
  }

  /**
   * Does work whose commits need not each be safe before it goes on: on H2 it waits once, at its
   * end, until all of them would survive the death of this process. Until then nothing may leave
   * the process that is true only because of them, but for what comes after {@link #syncToDisk}.
   * Other threads that the work starts wait for their own. On PostgreSQL every commit is safe when
   * it returns, here too.
   *
   * @throws DatabaseAway when it is not known whether they are safe
   */
  public <T extends @Nullable Object> T waitingOnce(Supplier<T> work) {
    return writer == null ? work.get() : writer.waitingOnce(work);
  }

  /** Connections that may write, for libraries that keep their own tables. */
  public DataSource dataSource() {
    return connections.writing();
  }

  /**
   * Returns when everything that was committed before is on the disk and would survive a power cut.
   * PostgreSQL's commits do so by themselves; H2 needs to be told.
   */
  public void syncToDisk() {
    if (writer != null) {
      writer.writeNow();
    }
    sync.await();
  }

  @Override
  public void close() {
    if (writing != null) {
      writing.close();
    }
    pool.close();
    try {
      disk.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Tells callers of an outage by {@link DatabaseAway} instead of jOOQ's exception. */
  private static final class OutageListener implements ExecuteListener {
    private static final long serialVersionUID = 1L;

    private final boolean lostRaces;

    /**
     * @param lostRaces whether a lost race is an outage too, because nobody runs the work again
     */
    private OutageListener(boolean lostRaces) {
      this.lostRaces = lostRaces;
    }

    @Override
    public void exception(ExecuteContext context) {
      RuntimeException failure = context.exception();
      if (failure == null) {
        return;
      }
      if (SqlFailures.isOutage(failure)) {
        context.exception(new DatabaseAway("the database was lost in a statement", failure));
      } else if (lostRaces && SqlFailures.isLostRace(failure)) {
        context.exception(new DatabaseAway("a statement lost against others", failure));
      }
    }
  }
}
