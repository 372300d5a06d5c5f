package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.testing.DatabaseKind;
import java.nio.file.Path;
import java.sql.SQLException;
import java.sql.SQLTransientException;
import org.jooq.exception.DataAccessException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Invariants 5 and 6: an outage is 503, a defect 500, and neither says how this server is built.
 */
final class OutageTest {
  private static final String INNER = "jdbc:postgresql://db.internal/chancery";

  @TempDir Path folder;
  private AcmeFixture acme;
  private AcmeClient client;

  @BeforeEach
  void start() {
    acme = new AcmeFixture(DatabaseKind.H2, folder);
    client = new AcmeClient(acme.url).register();
  }

  @AfterEach
  void stop() {
    acme.close();
  }

  private static void assertOutage(AcmeClient.Answer answer) {
    answer.expectError(503, "serverInternal");
    assertThat(answer.header("Retry-After")).isNotEmpty();
    assertThat(answer.header("Replay-Nonce")).isNotEmpty();
    assertThat(answer.text("detail")).doesNotContainIgnoringCase("database");
  }

  @Test
  @DisplayName("no connection to the database in time: 503 with Retry-After, then it works")
  void noConnection() throws SQLException {
    acme.whileNoneConnects(() -> assertOutage(client.newOrder("a.example")));
    client.newOrder("a.example").expect(201);
  }

  @Test
  @DisplayName("a database that stopped: 503 with Retry-After, whatever is asked")
  void stopped() {
    String order = client.newOrder("a.example").expect(201).location();
    acme.database.close();
    assertOutage(client.newOrder("a.example"));
    assertOutage(client.read(order));
    assertOutage(client.as("").post(client.url("new-account"), "{}"));
    client.get(client.url("directory")).expect(200);
  }

  private void assertDefect(RuntimeException broken) {
    acme.authority.breakPolicy(broken);
    AcmeClient.Answer answer = client.newOrder("a.example").expectError(500, "serverInternal");
    assertThat(answer.text("detail")).isEqualTo("internal error");
    assertThat(answer.body()).doesNotContain("jdbc");
    assertThat(answer.header("Replay-Nonce")).isNotEmpty();
    acme.authority.breakPolicy(null);
    client.newOrder("a.example").expect(201);
  }

  @Test
  @DisplayName("an unforeseen exception is a defect: 500 without its text")
  void unforeseen() {
    assertDefect(new IllegalStateException(INNER));
    // The store says itself what is an outage; any other failure of a statement is a defect.
    assertDefect(new DataAccessException(INNER, new SQLTransientException(INNER)));
  }
}
