package dev.chancery.store;

import static dev.chancery.store.schema.Tables.AUDIT_EVENTS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.IssuerId;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jooq.DSLContext;
import org.jooq.exception.DataAccessException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(DatabaseKind.class)
final class DatabaseTest {
  @Parameter DatabaseKind kind;
  @TempDir Path folder;

  private DatabaseSettings settings;
  private Database database;

  @BeforeEach
  void open() throws Exception {
    TestDatabase where = kind.create(folder);
    settings = DatabaseSettings.of(where.url(), where.user(), where::password);
    database = Database.open(settings);
  }

  @AfterEach
  void close() {
    database.close();
  }

  @Test
  void openedAgainItHasWhatItHad() throws Exception {
    new IssuerRegistry(database).register(Certificates.ISSUER, Certificates.issuerKey());
    database.close();

    database = Database.open(settings);

    assertThat(new IssuerRegistry(database).all()).containsExactly(Certificates.ISSUER);
  }

  @Test
  void issuerIsKnownByItsKey() throws Exception {
    IssuerRegistry issuers = new IssuerRegistry(database);
    issuers.register(Certificates.ISSUER, Certificates.issuerKey());
    issuers.register(new IssuerId("another"), Certificates.newKey());

    issuers.register(Certificates.ISSUER, Certificates.issuerKey());
    assertThatThrownBy(() -> issuers.register(Certificates.ISSUER, Certificates.newKey()))
        .isInstanceOf(IssuerKeyDiffers.class)
        .hasMessageContaining("test-issuer")
        .hasMessageNotContaining("\n");

    assertThat(issuers.all()).containsExactly(new IssuerId("another"), Certificates.ISSUER);
  }

  @Test
  void nodesThatStartTogetherRegisterOneIssuer() throws Exception {
    IssuerRegistry issuers = new IssuerRegistry(database);

    Threads.together(
        8,
        thread ->
            () -> {
              issuers.register(Certificates.ISSUER, Certificates.issuerKey());
              return null;
            });

    assertThat(issuers.all()).containsExactly(Certificates.ISSUER);
  }

  @Test
  void transactionThatThrowsLeavesNothing() {
    RuntimeException mine = new IllegalStateException("mine");

    assertThatThrownBy(() ->
            database.inTransaction(sql -> {
              insert(sql, "lost");
              throw mine;
            }))
        .isSameAs(mine);

    assertThat(database.sql().fetchCount(AUDIT_EVENTS)).isZero();
  }

  @Test
  void transactionThatLostARaceRunsAgain() {
    AtomicInteger runs = new AtomicInteger();

    database.inTransaction(sql -> {
      insert(sql, "once");
      if (runs.incrementAndGet() < 3) {
        throw new DataAccessException("race", new SQLException("deadlock", "40001"));
      }
      return true;
    });

    assertThat(runs).hasValue(3);
    assertThat(database.sql().fetchCount(AUDIT_EVENTS)).isEqualTo(1);
  }

  @Test
  void transactionThatAlwaysLosesIsAnOutage() {
    AtomicInteger runs = new AtomicInteger();

    assertThatThrownBy(() ->
            database.inTransaction(sql -> {
              runs.incrementAndGet();
              throw new DataAccessException("race", new SQLException("deadlock", "40001"));
            }))
        .isInstanceOf(DatabaseAway.class);

    assertThat(runs).hasValue(4);
  }

  @Test
  void diskThatIsFullIsAnOutage() {
    for (SQLException full :
        List.of(
            new SQLException("IO Exception", "90028", 90028),
            new SQLException("IO Exception", "90031", 90031),
            new SQLException("could not extend file", "53100"))) {
      assertThatThrownBy(() ->
              database.inTransaction(sql -> {
                throw new DataAccessException("full", full);
              }))
          .isInstanceOf(DatabaseAway.class);
    }
  }

  @Test
  void deadlockIsResolvedAndBothCommit() throws Exception {
    List<String> names = List.of("first", "second");
    names.forEach(name -> insert(database.sql(), name));

    Threads.together(
        2,
        thread ->
            () ->
                database.inTransaction(sql -> {
                  touch(sql, names.get(thread));
                  pause();
                  touch(sql, names.get(1 - thread));
                  return true;
                }));

    assertThat(database.sql().fetchValues(AUDIT_EVENTS.DETAIL)).containsExactly("xx", "xx");
  }

  @Test
  void statementThatGetsNoLockInTimeIsAnOutage() {
    insert(database.sql(), "held");

    database.inTransaction(sql -> {
      touch(sql, "held");
      // On another connection; it waits for five seconds.
      assertThatThrownBy(() -> touch(database.sql(), "held")).isInstanceOf(DatabaseAway.class);
      return true;
    });

    assertThat(database.sql().fetchValues(AUDIT_EVENTS.DETAIL)).containsExactly("x");
  }

  @Test
  void whoeverAsksAfterTheDatabaseIsGoneIsToldOfAnOutage() {
    database.close();

    assertThatThrownBy(() -> database.sql().fetchCount(AUDIT_EVENTS))
        .isInstanceOf(DatabaseAway.class);
    assertThatThrownBy(() -> database.inTransaction(sql -> sql.fetchCount(AUDIT_EVENTS)))
        .isInstanceOf(DatabaseAway.class);
  }

  @Test
  void databaseOfANewerServerIsRefused() {
    migrationRow("success", true);
    database.close();

    assertThatThrownBy(() -> Database.open(settings))
        .isInstanceOf(DatabaseUnusable.class)
        .hasMessageContaining("schema version 9000")
        .hasMessageContaining("knows versions up to ")
        .hasMessageNotContaining("\n");
  }

  @Test
  void databaseWhoseMigrationFailedIsRefused() {
    migrationRow("success", false);
    database.close();

    assertThatThrownBy(() -> Database.open(settings))
        .isInstanceOf(DatabaseUnusable.class)
        .hasMessageContaining("to schema version 9000 failed half-way")
        .hasMessageNotContaining("\n");
  }

  @Test
  void changedMigrationIsRefused() {
    database
        .sql()
        .execute("update \"flyway_schema_history\" set \"checksum\" = 1 where \"version\" = '1'");
    database.close();

    assertThatThrownBy(() -> Database.open(settings))
        .isInstanceOf(DatabaseUnusable.class)
        .hasMessageContaining("cannot be brought up to date")
        .hasMessageNotContaining("\n");
  }

  private void migrationRow(String column, boolean success) {
    database
        .sql()
        .execute(
            "insert into \"flyway_schema_history\" (\"installed_rank\", \"version\","
                + " \"description\", \"type\", \"script\", \"checksum\", \"installed_by\","
                + " \"execution_time\", \""
                + column
                + "\")"
                + " values (9000, '9000', 'later', 'SQL', 'V9000__later.sql', 1, 'x', 1, "
                + success
                + ")");
  }

  private static void insert(DSLContext sql, String requester) {
    sql.insertInto(AUDIT_EVENTS)
        .set(AUDIT_EVENTS.AT, Timestamps.of(LedgerContract.NOW))
        .set(AUDIT_EVENTS.ACTION, "test")
        .set(AUDIT_EVENTS.REQUESTED_BY, requester)
        .set(AUDIT_EVENTS.DETAIL, "")
        .execute();
  }

  private static void touch(DSLContext sql, String requester) {
    sql.update(AUDIT_EVENTS)
        .set(AUDIT_EVENTS.DETAIL, AUDIT_EVENTS.DETAIL.concat("x"))
        .where(AUDIT_EVENTS.REQUESTED_BY.eq(requester))
        .execute();
  }

  private static void pause() {
    try {
      Thread.sleep(200);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
