package dev.chancery.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuerId;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.math.BigInteger;
import java.net.URI;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Clock;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A database from before the URLs of CRLs had numbers. */
final class LocationNumbersMigrationTest {
  private static final CrlScope SHARD = new CrlScope(new IssuerId("issuing"), 1);

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(DatabaseKind.class)
  @DisplayName("URLs stay in their order, and every CRL that there is may lack one")
  void numbered(DatabaseKind kind) throws Exception {
    TestDatabase where = kind.create(folder);
    try (Connection connection = EarlierSchema.migrate(where, kind, "21");
        Statement statement = connection.createStatement()) {
      statement.execute(
          "insert into \"issuers\" (\"name\", \"public_key\", \"last_crl_number\") values"
              + " ('issuing', cast('a' as bytea), 4711), ('other', cast('b' as bytea), 5)");
      statement.execute(
          "insert into \"crl_locations\" (\"issuer\", \"shard\", \"url\", \"added_at\") values"
              + " ('issuing', 1, 'http://b.example/1.crl', timestamp '2026-01-01 00:00:00'),"
              + " ('issuing', 1, 'http://a.example/1.crl', timestamp '2026-01-02 00:00:00')");
    }
    try (Database database =
        Database.open(DatabaseSettings.of(where.url(), where.user(), where::password))) {
      JooqCrlLedger crls = new JooqCrlLedger(database, Clock.systemUTC());
      assertThat(crls.locations(SHARD))
          .containsExactly(
              URI.create("http://b.example/1.crl"), URI.create("http://a.example/1.crl"));
      assertThat(crls.locationsSince(SHARD)).isEqualTo(BigInteger.valueOf(4711));
    }
  }
}
