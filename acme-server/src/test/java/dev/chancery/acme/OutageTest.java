package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.testing.DatabaseKind;
import java.nio.file.Path;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import org.jooq.exception.DataAccessException;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Invariants 5 and 6: an outage is 503, a defect 500, and neither says how this server is built.
 */
final class OutageTest {
  private static final String INNER = "jdbc:postgresql://db.internal/chancery";

  @TempDir Path folder;

  private AcmeClient.Answer answerWhen(RuntimeException broken) {
    try (AcmeFixture acme = new AcmeFixture(DatabaseKind.H2, folder)) {
      AcmeClient client = new AcmeClient(acme.url).register();
      acme.authority.breakPolicy(broken);
      AcmeClient.Answer answer = client.newOrder("a.example");
      acme.authority.breakPolicy(null);
      client.newOrder("a.example").expect(201);
      return answer;
    }
  }

  @Test
  @DisplayName("no connection to the database: 503 with Retry-After")
  void noConnection() {
    AcmeClient.Answer answer =
        answerWhen(
            new DataAccessException(
                INNER, new SQLException(INNER, new SQLTransientConnectionException(INNER))));
    answer.expectError(503, "serverInternal");
    assertThat(answer.header("Retry-After")).isNotEmpty();
    assertThat(answer.header("Replay-Nonce")).isNotEmpty();
    assertThat(answer.body()).doesNotContain("internal/");
  }

  @ParameterizedTest
  @ValueSource(strings = {"08006", "53300", "57P01"})
  @DisplayName("the database says that it cannot: 503")
  void outages(String state) {
    answerWhen(new DataAccessException(INNER, new SQLException(INNER, state)))
        .expectError(503, "serverInternal");
  }

  @ParameterizedTest
  @ValueSource(strings = {"23505", "42601"})
  @DisplayName("a statement that is wrong is a defect: 500 without its text")
  void defects(String state) {
    AcmeClient.Answer answer =
        answerWhen(new DataAccessException(INNER, new SQLException(INNER, state)))
            .expectError(500, "serverInternal");
    assertThat(answer.text("detail")).isEqualTo("internal error");
    assertThat(answer.body()).doesNotContain("jdbc");
    assertThat(answer.header("Replay-Nonce")).isNotEmpty();
  }

  @Test
  @DisplayName("an unforeseen exception is a defect: 500 without its text")
  void unforeseen() {
    AcmeClient.Answer answer =
        answerWhen(new IllegalStateException(INNER)).expectError(500, "serverInternal");
    assertThat(answer.body()).doesNotContain("jdbc");
  }
}
