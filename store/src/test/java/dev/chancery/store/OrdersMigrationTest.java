package dev.chancery.store;

import static dev.chancery.store.schema.Tables.ACME_AUTHORIZATIONS;
import static dev.chancery.store.schema.Tables.ACME_ORDERS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Instant;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A database from before pruning knows when its orders end. */
final class OrdersMigrationTest {
  private static final String ACCOUNT = "00000000-0000-0000-0000-000000000001";
  private static final String VALID = "00000000-0000-0000-0000-000000000002";
  private static final String PENDING = "00000000-0000-0000-0000-000000000003";
  private static final Instant EXPIRY = Instant.parse("2026-01-02T00:00:00Z");
  private static final Instant END = Instant.parse("2026-04-01T00:00:00Z");

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(DatabaseKind.class)
  @DisplayName("a valid order ends with its certificate, any other with its expiry")
  void ends(DatabaseKind kind) throws Exception {
    TestDatabase where = kind.create(folder);
    try (Connection connection = EarlierSchema.migrate(where, kind, "4");
        Statement statement = connection.createStatement()) {
      statement.execute(
          "insert into \"issuers\" (\"name\", \"public_key\")"
              + " values ('issuing', cast('a' as bytea))");
      statement.execute(
          "insert into \"certificates\" (\"issuer\", \"serial\", \"state\", \"profile\","
              + " \"request_id\", \"public_key_sha256\", \"not_before\", \"not_after\","
              + " \"recorded_at\", \"tbs\", \"signature_scheme\") values ('issuing',"
              + " cast('s' as bytea), 'recorded', 'tls', '"
              + VALID
              + "', cast('k' as bytea), timestamp with time zone '"
              + EXPIRY
              + "', timestamp with time zone '"
              + END
              + "', timestamp with time zone '"
              + EXPIRY
              + "', cast('t' as bytea), 'x')");
      statement.execute(
          "insert into \"acme_accounts\" (\"id\", \"endpoint\", \"public_key\","
              + " \"key_thumbprint\", \"status\", \"contacts\", \"created_at\") values ('"
              + ACCOUNT
              + "', 'default', cast('a' as bytea), cast('a' as bytea), 'valid', '',"
              + " timestamp with time zone '"
              + EXPIRY
              + "')");
      order(statement, VALID, "valid", "'issuing', cast('s' as bytea)");
      order(statement, PENDING, "pending", "null, null");
      statement.execute(
          "insert into \"acme_authorizations\" (\"id\", \"account_id\", \"name_kind\", \"name\","
              + " \"status\", \"expires_at\") values ('"
              + VALID
              + "', '"
              + ACCOUNT
              + "', 'dns', 'a.example', 'valid', timestamp with time zone '"
              + EXPIRY
              + "')");
    }

    try (Database database =
        Database.open(DatabaseSettings.of(where.url(), where.user(), where::password))) {
      assertThat(
              database
                  .sql()
                  .selectFrom(ACME_ORDERS)
                  .orderBy(ACME_ORDERS.ID)
                  .fetch(row -> row.getEndsAt().toInstant()))
          .containsExactly(END, EXPIRY);
      assertThat(
              database
                  .sql()
                  .selectFrom(ACME_AUTHORIZATIONS)
                  .fetch(row -> row.getReviewAt().toInstant()))
          .containsExactly(EXPIRY);
    }
  }

  private static void order(Statement statement, String id, String status, String certificate)
      throws Exception {
    statement.execute(
        "insert into \"acme_orders\" (\"id\", \"account_id\", \"status\", \"created_at\","
            + " \"expires_at\", \"issuer\", \"serial\") values ('"
            + id
            + "', '"
            + ACCOUNT
            + "', '"
            + status
            + "', timestamp with time zone '"
            + EXPIRY
            + "', timestamp with time zone '"
            + EXPIRY
            + "', "
            + certificate
            + ")");
  }
}
