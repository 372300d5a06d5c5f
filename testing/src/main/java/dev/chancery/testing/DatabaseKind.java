package dev.chancery.testing;

import java.nio.file.Path;
import java.util.UUID;

/** The databases that the product runs on; contract tests run once on each. */
public enum DatabaseKind {
  H2 {
    @Override
    public TestDatabase create(Path folder) {
      return new TestDatabase(
          "jdbc:h2:file:" + folder.resolve("db-" + UUID.randomUUID()), "sa", "");
    }
  },
  POSTGRESQL {
    @Override
    public TestDatabase create(Path folder) {
      return PostgresServer.running().createDatabase();
    }
  };

  /**
   * An empty database of this kind.
   *
   * @param folder where a database in a file may be put
   */
  public abstract TestDatabase create(Path folder);
}
