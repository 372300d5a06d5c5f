package dev.chancery.store;

import static dev.chancery.store.schema.Tables.ACME_ORDERS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Instant;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A database from when every order kept its CSR. */
final class CsrDigestMigrationTest {
  private static final String ID = "00000000-0000-0000-0000-00000000000";
  private static final String DAY =
      "timestamp with time zone '" + Instant.parse("2026-01-02T00:00:00Z") + "'";

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource(DatabaseKind.class)
  @DisplayName("each order has the digest of its CSR, and only what is processing the CSR itself")
  void digests(DatabaseKind kind) throws Exception {
    TestDatabase where = kind.create(folder);
    try (Connection connection = EarlierSchema.migrate(where, kind, "8");
        Statement statement = connection.createStatement()) {
      statement.execute(
          "insert into \"acme_accounts\" (\"id\", \"endpoint\", \"public_key\","
              + " \"key_thumbprint\", \"status\", \"contacts\", \"created_at\") values ('"
              + ID
              + "1', 'default', cast('a' as bytea), cast('a' as bytea), 'valid', '', "
              + DAY
              + ")");
      order(statement, 1, "invalid", "cast('csr' as bytea)");
      order(statement, 2, "processing", "cast('csr' as bytea)");
      order(statement, 3, "ready", "null");
    }

    byte[] csr = "csr".getBytes(StandardCharsets.US_ASCII);
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(csr);
    try (Database database =
        Database.open(DatabaseSettings.of(where.url(), where.user(), where::password))) {
      assertThat(database.sql().selectFrom(ACME_ORDERS).orderBy(ACME_ORDERS.ID).fetch())
          .satisfiesExactly(
              settled -> {
                assertThat(settled.getCsr()).isNull();
                assertThat(settled.getCsrSha256()).isEqualTo(digest);
              },
              processing -> {
                assertThat(processing.getCsr()).isEqualTo(csr);
                assertThat(processing.getCsrSha256()).isEqualTo(digest);
              },
              ready -> {
                assertThat(ready.getCsr()).isNull();
                assertThat(ready.getCsrSha256()).isNull();
              });
    }
  }

  private static void order(Statement statement, int number, String status, String csr)
      throws Exception {
    statement.execute(
        "insert into \"acme_orders\" (\"id\", \"account_id\", \"status\", \"created_at\","
            + " \"expires_at\", \"ends_at\", \"processing_since\", \"csr\") values ('%s%d',"
                .formatted(ID, number)
            + " '%s1', '%s', %s, %s, %s, %s, %s)".formatted(ID, status, DAY, DAY, DAY, DAY, csr));
  }
}
