package dev.chancery.store;

import java.sql.SQLException;
import java.util.Arrays;
import java.util.Objects;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.MigrationInfo;
import org.flywaydb.core.api.MigrationVersion;
import org.jooq.SQLDialect;

/** Brings a database's schema to the version of this server, or says why it cannot be. */
final class Schema {
  private Schema() {}

  /**
   * Runs the migrations that are missing.
   *
   * @throws DatabaseUnusable when the database is of a newer version, was changed by hand, or a
   *     migration fails
   */
  static void migrate(DatabaseAddress address, String user, String password)
      throws DatabaseUnusable {
    String vendor = address.dialect() == SQLDialect.H2 ? "db/h2" : "db/postgresql";
    try {
      Flyway flyway =
          Flyway.configure()
              .dataSource(address.url(), user, password)
              .locations("classpath:db/migration", "classpath:" + vendor)
              .load();
      requireKnown(flyway.info().all(), address);
      flyway.migrate();
    } catch (FlywayException e) {
      SQLException sql = SqlFailures.sqlException(e);
      throw new DatabaseUnusable(
          "the schema of "
              + address.description()
              + " cannot be brought up to date: "
              + SqlFailures.oneLine(sql == null ? e : sql),
          e);
    }
  }

  /** Flyway itself would go on with a database that a newer server has migrated. */
  private static void requireKnown(MigrationInfo[] all, DatabaseAddress address)
      throws DatabaseUnusable {
    MigrationVersion newest =
        Arrays.stream(all)
            .filter(migration -> migration.getState().isResolved())
            .map(MigrationInfo::getVersion)
            .filter(Objects::nonNull)
            .max(MigrationVersion::compareTo)
            .orElse(MigrationVersion.EMPTY);
    for (MigrationInfo migration : all) {
      if (migration.getState().isFailed()) {
        throw new DatabaseUnusable(
            "the migration of "
                + address.description()
                + " to schema version "
                + migration.getVersion()
                + " failed half-way before: restore the backup made before it");
      }
      if (migration.getState().isApplied() && !migration.getState().isResolved()) {
        throw new DatabaseUnusable(
            address.description()
                + " has schema version "
                + migration.getVersion()
                + ", made by a newer server; this one knows versions up to "
                + newest);
      }
    }
  }
}
