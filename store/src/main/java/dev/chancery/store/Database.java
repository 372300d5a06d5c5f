package dev.chancery.store;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.util.function.Function;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.jooq.DSLContext;
import org.jooq.SQLDialect;
import org.jooq.conf.RenderQuotedNames;
import org.jooq.conf.Settings;
import org.jooq.impl.DSL;

/**
 * The database that every node of a CA shares: PostgreSQL, or H2 in a file for one node. Opening it
 * brings its schema up to date.
 */
public final class Database implements AutoCloseable {
  // Makes H2 read and write the schema as PostgreSQL does. WRITE_DELAY=0 hands each commit to the
  // operating system at once, so that it survives the death of the process.
  private static final String H2_OPTIONS =
      ";MODE=PostgreSQL;DATABASE_TO_LOWER=TRUE;DEFAULT_NULL_ORDERING=HIGH;WRITE_DELAY=0"
          + ";DB_CLOSE_ON_EXIT=FALSE";

  private final HikariDataSource pool;
  private final SQLDialect dialect;
  private final DSLContext sql;

  private Database(HikariDataSource pool, SQLDialect dialect) {
    this.pool = pool;
    this.dialect = dialect;
    this.sql =
        DSL.using(
            pool,
            dialect,
            new Settings().withRenderQuotedNames(RenderQuotedNames.EXPLICIT_DEFAULT_QUOTED));
  }

  /** Opens the database and migrates it. */
  public static Database open(String url, String user, String password) {
    boolean h2 = url.startsWith("jdbc:h2:");
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl(h2 ? url + H2_OPTIONS : url);
    config.setUsername(user);
    config.setPassword(password);
    config.setPoolName("database");
    HikariDataSource pool = new HikariDataSource(config);
    Flyway.configure().dataSource(pool).locations("classpath:db/migration").load().migrate();
    return new Database(pool, h2 ? SQLDialect.H2 : SQLDialect.POSTGRES);
  }

  /** Statements that each commit by themselves. */
  public DSLContext sql() {
    return sql;
  }

  /**
   * Runs work in one transaction: it commits when the work returns and rolls back when it throws.
   */
  public <T> T inTransaction(Function<DSLContext, T> work) {
    return sql.transactionResult(configuration -> work.apply(DSL.using(configuration)));
  }

  public DataSource dataSource() {
    return pool;
  }

  /**
   * Returns when everything that was committed before is on the disk and would survive a power cut.
   * PostgreSQL's commits do so by themselves; H2 needs to be told.
   */
  public void syncToDisk() {
    if (dialect == SQLDialect.H2) {
      sql.execute("checkpoint sync");
    }
  }

  @Override
  public void close() {
    pool.close();
  }
}
