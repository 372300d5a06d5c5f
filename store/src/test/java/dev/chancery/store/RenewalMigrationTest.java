package dev.chancery.store;

import static dev.chancery.store.schema.Tables.ACME_ORDERS;
import static dev.chancery.store.schema.Tables.ACME_REPLACEMENTS;
import static dev.chancery.store.schema.Tables.COMPROMISED_KEYS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A database from before renewal information, with what was revoked in it. */
final class RenewalMigrationTest {
  private static final Instant DAY = Instant.parse("2026-01-02T00:00:00Z");
  private static final int SUPERSEDED = 4;

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(DatabaseKind.class)
  @DisplayName("keys revoked for keyCompromise are known as such, once each, since the first time")
  void compromisedKeys(DatabaseKind kind) throws Exception {
    TestDatabase where = kind.create(folder);
    try (Connection connection = EarlierSchema.migrate(where, kind, "7");
        Statement statement = connection.createStatement()) {
      statement.execute(
          "insert into \"issuers\" (\"name\", \"public_key\") values"
              + " ('one', cast('a' as bytea)), ('other', cast('b' as bytea))");
      certificate(statement, "one", "s1", "stolen");
      certificate(statement, "one", "s2", "stolen");
      // The serial number of another issuer's certificate is another one's.
      certificate(statement, "other", "s1", "good");
      certificate(statement, "one", "s3", "lost");
      certificate(statement, "one", "s4", "kept");
      revocation(statement, "one", "s1", 1, DAY.plus(Duration.ofHours(2)));
      revocation(statement, "one", "s2", 1, DAY.plus(Duration.ofHours(1)));
      revocation(statement, "other", "s1", SUPERSEDED, DAY);
      revocation(statement, "one", "s3", 1, DAY.plus(Duration.ofHours(3)));
    }

    try (Database database = open(where)) {
      assertThat(
              database
                  .sql()
                  .selectFrom(COMPROMISED_KEYS)
                  .fetchMap(
                      row -> new String(row.getPublicKeySha256(), StandardCharsets.US_ASCII),
                      row -> row.getRecordedAt().toInstant()))
          .isEqualTo(
              Map.of(
                  "stolen", DAY.plus(Duration.ofHours(1)), "lost", DAY.plus(Duration.ofHours(3))));
    }
  }

  @ParameterizedTest
  @EnumSource(DatabaseKind.class)
  @DisplayName("an order from before has no profile of its own and replaces nothing")
  void orders(DatabaseKind kind) throws Exception {
    String id = "00000000-0000-0000-0000-000000000001";
    TestDatabase where = kind.create(folder);
    try (Connection connection = EarlierSchema.migrate(where, kind, "7");
        Statement statement = connection.createStatement()) {
      statement.execute(
          "insert into \"acme_accounts\" (\"id\", \"endpoint\", \"public_key\","
              + " \"key_thumbprint\", \"status\", \"contacts\", \"created_at\") values ('%s',"
                  .formatted(id)
              + " 'default', cast('a' as bytea), cast('a' as bytea), 'valid', '', %s)"
                  .formatted(time(DAY)));
      statement.execute(
          "insert into \"acme_orders\" (\"id\", \"account_id\", \"status\", \"created_at\","
              + " \"expires_at\", \"ends_at\") values ('%s', '%s', 'pending', %s, %s, %s)"
                  .formatted(id, id, time(DAY), time(DAY), time(DAY)));
    }

    try (Database database = open(where)) {
      assertThat(database.sql().selectFrom(ACME_ORDERS).fetch())
          .singleElement()
          .satisfies(row -> {
            assertThat(row.getProfile()).isNull();
            assertThat(row.getReplaces()).isNull();
          });
      assertThat(database.sql().fetchCount(ACME_REPLACEMENTS)).isZero();
    }
  }

  private static Database open(TestDatabase where) throws DatabaseUnusable {
    return Database.open(DatabaseSettings.of(where.url(), where.user(), where::password));
  }

  private static void certificate(Statement statement, String issuer, String serial, String key)
      throws Exception {
    statement.execute(
        "insert into \"certificates\" (\"issuer\", \"serial\", \"state\", \"profile\","
            + " \"request_id\", \"public_key_sha256\", \"not_before\", \"not_after\","
            + " \"recorded_at\", \"tbs\", \"signature_scheme\") values ('%s',".formatted(issuer)
            + " cast('%s' as bytea), 'recorded', 'tls', '00000000-0000-0000-0000-000000000001',"
                .formatted(serial)
            + " cast('%s' as bytea), %s, %s, %s, cast('t' as bytea), 'x')"
                .formatted(key, time(DAY), time(DAY), time(DAY)));
  }

  private static void revocation(
      Statement statement, String issuer, String serial, int reason, Instant recorded)
      throws Exception {
    statement.execute(
        "insert into \"revocations\" (\"issuer\", \"serial\", \"revoked_at\", \"reason\","
            + " \"not_after\", \"requested_by\", \"recorded_at\") values ('%s',".formatted(issuer)
            + " cast('%s' as bytea), %s, %d, %s, 'test', %s)"
                .formatted(serial, time(DAY), reason, time(DAY), time(recorded)));
  }

  private static String time(Instant instant) {
    return "timestamp with time zone '" + instant + "'";
  }
}
