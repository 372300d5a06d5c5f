package dev.chancery.server;

import static dev.chancery.store.schema.Tables.BULK_REVOCATIONS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.BulkRevocation.Filter;
import dev.chancery.core.BulkRevocation.Order;
import dev.chancery.core.RevocationReason;
import dev.chancery.server.engine.Revoking;
import dev.chancery.store.BulkRevocations;
import dev.chancery.store.Database;
import dev.chancery.store.DatabaseSettings;
import dev.chancery.store.JooqIssuanceLedger;
import dev.chancery.store.JooqRevocationLedger;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@DisplayName("Revocations of many certificates at once, carried out")
final class BulkRevokingTest {
  private static final Filter ALL =
      new Filter(
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty());

  @TempDir Path folder;

  private final AdjustableClock clock = new AdjustableClock(Instant.parse("2026-03-01T12:00:00Z"));

  @ParameterizedTest
  @EnumSource(DatabaseKind.class)
  @DisplayName("one that cannot go on keeps no later one from it")
  void stuck(DatabaseKind kind) throws Exception {
    TestDatabase where = kind.create(folder);
    try (Database database =
        Database.open(DatabaseSettings.of(where.url(), where.user(), where::password))) {
      BulkRevocations ledger = new BulkRevocations(database, clock);
      UUID stuck = begin(ledger);
      UUID next = begin(ledger);
      database
          .sql()
          .update(BULK_REVOCATIONS)
          .set(BULK_REVOCATIONS.REASON, (short) 99)
          .where(BULK_REVOCATIONS.ID.eq(stuck))
          .execute();
      Revoking revoking =
          new Revoking(
              new JooqIssuanceLedger(database, clock),
              new JooqRevocationLedger(database, clock),
              clock,
              scope -> {},
              false);
      try (BulkRevoking bulk = new BulkRevoking(ledger, revoking)) {
        bulk.run();
      }
      assertThat(ledger.unfinished()).containsExactly(stuck);
      assertThat(ledger.find(next).orElseThrow().endedAt()).isPresent();
    }
  }

  private UUID begin(BulkRevocations ledger) {
    UUID id = UUID.randomUUID();
    Order order =
        new Order(
            ALL, RevocationReason.SUPERSEDED, clock.instant(), Optional.empty(), "admin alice");
    assertThat(ledger.begin(id, order, 0)).isPresent();
    clock.advance(Duration.ofSeconds(1));
    return id;
  }
}
