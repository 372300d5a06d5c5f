package dev.chancery.store;

import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.sql.Connection;
import org.flywaydb.core.Flyway;

/** A database as an earlier version of this program left it. */
final class EarlierSchema {
  private EarlierSchema() {}

  /** Brings an empty database to an earlier version, and connects to it. */
  static Connection migrate(TestDatabase where, DatabaseKind kind, String version)
      throws Exception {
    Flyway flyway =
        Flyway.configure()
            .dataSource(DatabaseAddress.parse(where.url()).url(), where.user(), where.password())
            .locations(
                "classpath:db/migration",
                kind == DatabaseKind.H2 ? "classpath:db/h2" : "classpath:db/postgresql")
            .target(version)
            .load();
    flyway.migrate();
    return flyway.getConfiguration().getDataSource().getConnection();
  }
}
