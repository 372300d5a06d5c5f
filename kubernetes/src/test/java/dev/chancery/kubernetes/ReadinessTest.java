package dev.chancery.kubernetes;

import static dev.chancery.store.schema.Tables.VAULT_SIGNINGS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.chancery.core.IssuerId;
import dev.chancery.core.ProfileId;
import dev.chancery.core.TokenAway;
import dev.chancery.store.Database;
import dev.chancery.store.DatabaseAway;
import dev.chancery.store.DatabaseSettings;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@DisplayName("Whether something can be signed now, as a login asks")
class ReadinessTest {
  private static final int CONNECTIONS = 4;
  private static final IssuerId ISSUER = new IssuerId("issuing");

  @TempDir Path folder;
  private final AdjustableClock clock = new AdjustableClock(Instant.parse("2026-11-25T12:00:00Z"));
  private final SecureRandom random = new SecureRandom();
  private boolean keyAnswers = true;

  private static Database open(TestDatabase where) throws Exception {
    return Database.open(
        new DatabaseSettings(
            where.url(), where.user(), where::password, CONNECTIONS, Duration.ofSeconds(5)));
  }

  private LoginGate gate(Database database) {
    Readiness readiness =
        new Readiness(this::probe, new WriteProbe(database, clock, random), clock);
    return new LoginGate(2, new SigningLoad(2), readiness);
  }

  private void probe(IssuerId issuer) throws TokenAway {
    if (!keyAnswers) {
      throw new TokenAway("pulled out by the test");
    }
  }

  private static Role role() {
    return new Role(
        new RoleId(UUID.randomUUID()),
        new RoleName("web"),
        new RolePolicy(
            ISSUER,
            new ProfileId("tls-server"),
            new NameRules(List.of("dns:*"), List.of(), false),
            Optional.empty(),
            Optional.empty(),
            false,
            OptionalInt.empty()),
        RoleLogins.NONE,
        Instant.EPOCH);
  }

  private void requireShed(LoginGate gate, String says) {
    // What was known is known for a second.
    clock.advance(Duration.ofSeconds(2));
    assertThatThrownBy(() -> gate.requireReady(role()))
        .isInstanceOfSatisfying(
            VaultProblem.class,
            problem -> {
              assertThat(problem.status()).isEqualTo(503);
              assertThat(problem.text()).contains(says);
            });
  }

  /** Connections that were lost meanwhile may cost a look each. */
  private void requireLetIn(LoginGate gate) throws VaultProblem {
    for (int i = 0; i < 10; i++) {
      clock.advance(Duration.ofSeconds(2));
      try {
        gate.requireReady(role());
        return;
      } catch (VaultProblem e) {
        assertThat(e.status()).isEqualTo(503);
      }
    }
    gate.requireReady(role());
  }

  @ParameterizedTest
  @EnumSource(DatabaseKind.class)
  @DisplayName("a key that answers and a database that takes a row let it in, and no row is left")
  void ready(DatabaseKind kind) throws Exception {
    TestDatabase where = kind.create(folder);
    try (Database database = open(where)) {
      LoginGate gate = gate(database);
      gate.requireReady(role());
      assertThat(database.sql().fetchCount(VAULT_SIGNINGS)).isZero();
      keyAnswers = false;
      requireShed(gate, "signing key");
    }
  }

  @Test
  @DisplayName("a database that became read-only (25006) or whose disk is full (53100): 503")
  void notWritable() throws Exception {
    TestDatabase where = DatabaseKind.POSTGRESQL.create(folder);
    try (Database database = open(where)) {
      LoginGate gate = gate(database);
      gate.requireReady(role());

      full(where);
      requireShed(gate, "nothing can be recorded");
      // What signs meanwhile meets an outage, which it waits out, and no defect.
      assertThatThrownBy(() -> new WriteProbe(database, clock, random).run())
          .isInstanceOf(DatabaseAway.class);
      execute(where, "drop trigger full_disk on vault_signings");
      requireLetIn(gate);

      readOnly(where, "on");
      requireShed(gate, "nothing can be recorded");
      readOnly(where, "off");
      requireLetIn(gate);
    }
  }

  @Test
  @DisplayName(
      "connections to a server that became a standby and goes on are given up: it has a"
          + " successor")
  void demoted() throws Exception {
    TestDatabase where = DatabaseKind.POSTGRESQL.create(folder);
    try (Database database = open(where)) {
      List<Connection> all = new ArrayList<>();
      for (int i = 0; i < CONNECTIONS; i++) {
        Connection connection = database.dataSource().getConnection();
        all.add(connection);
        try (var sql = connection.createStatement()) {
          sql.execute("set session characteristics as transaction read only");
        }
      }
      for (Connection connection : all) {
        connection.close();
      }
      LoginGate gate = gate(database);

      requireShed(gate, "nothing can be recorded");
      requireLetIn(gate);
    }
  }

  /** As a server whose disk is full answers an insert. */
  private static void full(TestDatabase where) throws SQLException {
    execute(
        where,
        "create function full_disk() returns trigger language plpgsql as $$ begin"
            + " raise exception 'could not extend file' using errcode = '53100'; end $$");
    execute(
        where,
        "create trigger full_disk before insert on vault_signings"
            + " for each row execute function full_disk()");
  }

  /** As a server that became a standby: connections are new, and none writes. */
  private static void readOnly(TestDatabase where, String how) throws SQLException {
    String name = where.url().replaceFirst(".*/", "").replaceFirst("\\?.*", "");
    execute(
        where,
        "begin read write; alter database \""
            + name
            + "\" set default_transaction_read_only = "
            + how
            + "; commit");
    execute(
        where,
        "select pg_terminate_backend(pid) from pg_stat_activity"
            + " where datname = current_database() and pid <> pg_backend_pid()");
  }

  private static void execute(TestDatabase where, String statement) throws SQLException {
    try (Connection connection =
            DriverManager.getConnection(where.url(), where.user(), where.password());
        var sql = connection.createStatement()) {
      sql.execute(statement);
    }
  }
}
