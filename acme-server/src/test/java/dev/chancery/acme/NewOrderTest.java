package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.chancery.store.schema.Tables;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** RFC 8555 section 7.4: what can be ordered. */
final class NewOrderTest {
  private static AdjustableClock clock;
  private static AcmeFixture acme;
  private static AcmeClient client;

  @BeforeAll
  static void start(@TempDir Path folder) {
    clock = new AdjustableClock(Instant.now());
    acme = new AcmeFixture(DatabaseKind.H2, folder, clock, Optional.empty());
    client = new AcmeClient(acme.url).register();
  }

  @AfterAll
  static void stop() {
    acme.close();
  }

  private static AcmeClient.Answer post(String payload) {
    return client.post(client.url("new-order"), payload);
  }

  private static AcmeClient.Answer order(String type, String value) {
    return post("{\"identifiers\":[{\"type\":\"" + type + "\",\"value\":\"" + value + "\"}]}");
  }

  @Test
  @DisplayName(
      "RFC 8555 7.4: 201 with Location, authorizations and finalize; the challenge http-01")
  void order() {
    AcmeClient.Answer order = client.newOrder("a.example", "b.example").expect(201);
    assertThat(order.location()).startsWith(client.url("order/"));
    assertThat(order.text("status")).isEqualTo("pending");
    assertThat(order.text("finalize")).isEqualTo(order.location() + "/finalize");
    assertThat(Instant.parse(order.text("expires"))).isAfter(clock.instant());
    assertThat(order.json().get("authorizations")).hasSize(2);
    assertThat(client.read(order.location()).json()).isEqualTo(order.json());
    AcmeClient.Answer authorization =
        client.read(order.json().get("authorizations").get(0).asText()).expect(200);
    assertThat(authorization.json().at("/identifier/value").asText()).isEqualTo("a.example");
    JsonNode challenge = authorization.json().at("/challenges/0");
    assertThat(challenge.get("type").asText()).isEqualTo("http-01");
    assertThat(challenge.get("status").asText()).isEqualTo("pending");
    assertThat(challenge.get("token").asText()).matches("[A-Za-z0-9_-]{43}");
  }

  @Test
  @DisplayName("RFC 8555 7.1.4: names are lower-cased and duplicates collapse")
  void duplicates() {
    AcmeClient.Answer order =
        client.newOrder("Same.Example", "same.example", "SAME.example").expect(201);
    assertThat(order.json().get("identifiers").toString())
        .isEqualTo("[{\"type\":\"dns\",\"value\":\"same.example\"}]");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "*",
        "*.*.example.com",
        "*.forbidden.example",
        "a..b",
        "a.example.",
        "-a.example",
        "a_b.example",
        "1.2.3.4",
        "",
        "a b.example",
        "b\u00fccher.example",
        "a.*.example",
        "www.forbidden.example",
        "http://a/"
      })
  @DisplayName("RFC 8555 7.4: a name that is none, or forbidden, is rejectedIdentifier")
  void rejected(String name) {
    AcmeClient.Answer answer = order("dns", name).expectError(400, "rejectedIdentifier");
    assertThat(answer.json().at("/subproblems/0/identifier/value").asText()).isEqualTo(name);
  }

  @ParameterizedTest
  @CsvSource({
    "2001:DB8::1",
    "2001:db8:0:0:0:0:0:1",
    "127.1",
    "010.0.0.1",
    "::1%lo",
    "1.2.3",
    "localhost"
  })
  @DisplayName("RFC 8738: an address has one text, that of RFC 5952")
  void addresses(String address) {
    order("ip", address).expectError(400, "rejectedIdentifier");
    order("ip", "2001:db8::1").expect(201);
  }

  @ParameterizedTest
  @ValueSource(strings = {"email", "DNS", "uri", ""})
  @DisplayName("RFC 8555 6.7: other types are unsupportedIdentifier")
  void otherTypes(String type) {
    order(type, "a.example").expectError(400, "unsupportedIdentifier");
  }

  @Test
  @DisplayName("RFC 8555 6.7.1: several bad identifiers come back as subproblems")
  void subproblems() {
    AcmeClient.Answer answer =
        post("{\"identifiers\":[{\"type\":\"dns\",\"value\":\"good.example\"},"
                + "{\"type\":\"dns\",\"value\":\"*.*.example\"},"
                + "{\"type\":\"who\",\"value\":\"x\"}]}")
            .expectError(400, "malformed");
    assertThat(answer.json().get("subproblems")).hasSize(2);
    assertThat(answer.json().at("/subproblems/0/type").asText()).endsWith("rejectedIdentifier");
    assertThat(answer.json().at("/subproblems/1/type").asText()).endsWith("unsupportedIdentifier");
    assertThat(answer.json().at("/subproblems/1/identifier/type").asText()).isEqualTo("who");
  }

  @Test
  @DisplayName("RFC 8555 7.4: too many identifiers, and the message says how many may be")
  void tooMany() {
    String[] names =
        IntStream.range(0, 11).mapToObj(i -> "n" + i + ".example").toArray(String[]::new);
    AcmeClient.Answer answer = client.newOrder(names).expectError(400, "rejectedIdentifier");
    assertThat(answer.text("detail")).contains("10");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{\"identifiers\":[]}",
        "{\"identifiers\":{}}",
        "{\"identifiers\":[\"a.example\"]}",
        "{\"identifiers\":[{\"type\":\"dns\"}]}",
        "{\"identifiers\":[{\"type\":\"dns\",\"value\":7}]}",
        "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}],\"notAfter\":\"soon\"}",
        "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}],\"notAfter\":1}",
        "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}],"
            + "\"notAfter\":\"2020-01-01T00:00:00Z\"}",
        "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}],"
            + "\"notAfter\":\"+999999999-12-31T23:59:59Z\"}",
        "[]",
        "null",
        "{\"a\":",
      })
  @DisplayName("RFC 8555 6.7: what is no order is malformed")
  void malformed(String payload) {
    post(payload).expectError(400, "malformed");
  }

  @Test
  @DisplayName("RFC 8555 7.4: notBefore and notAfter are kept")
  void window() {
    Instant notBefore = clock.instant().plus(Duration.ofDays(10)).truncatedTo(ChronoUnit.SECONDS);
    Instant notAfter = notBefore.plus(Duration.ofDays(30));
    AcmeClient.Answer order =
        orderBetween(notBefore.atOffset(ZoneOffset.ofHours(1)).toString(), notAfter.toString())
            .expect(201);
    assertThat(order.text("notBefore")).isEqualTo(notBefore.toString());
    assertThat(order.text("notAfter")).isEqualTo(notAfter.toString());
  }

  @Test
  @DisplayName("RFC 8555 7.4: times that could not be granted are refused now, with the bounds")
  void windowOutOfBounds() {
    int before = orders();
    Instant now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
    String inBounds = now.plus(Duration.ofDays(20)).toString();
    String tooLate = now.plus(TestAuthority.LONGEST).plus(Duration.ofDays(30)).toString();
    String tooEarly = now.minus(Duration.ofDays(30)).toString();
    for (AcmeClient.Answer answer :
        List.of(
            orderBetween(inBounds, tooLate),
            orderBetween(tooEarly, inBounds),
            orderBetween(tooLate, tooLate))) {
      answer.expectError(400, "malformed");
      assertThat(answer.text("detail"))
          .containsPattern("not(Before|After) must lie between .* and");
      assertThat(answer.json().has("subproblems")).isFalse();
    }
    assertThat(orders()).isEqualTo(before);
  }

  private static AcmeClient.Answer orderBetween(String notBefore, String notAfter) {
    return post(
        "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}],"
            + "\"notBefore\":\"%s\",\"notAfter\":\"%s\"}".formatted(notBefore, notAfter));
  }

  private static int orders() {
    return acme.database.sql().fetchCount(Tables.ACME_ORDERS);
  }

  @Test
  @DisplayName("RFC 8555 7.1.6: an order and what it left pending end with its expiry")
  void expiry() {
    AcmeClient client = new AcmeClient(acme.url).register();
    AcmeClient.Answer pending = client.newOrder("localhost").expect(201);
    assertThat(client.read(client.account() + "/orders").json().get("orders")).hasSize(1);
    AcmeClient.Answer ready = client.readyOrder(acme.web, "localhost");
    String unproven = pending.json().get("authorizations").get(0).asText();
    String proven = ready.json().get("authorizations").get(0).asText();
    String challenge = client.challenges(pending).getFirst().get("url").asText();
    clock.advance(Duration.ofHours(25));
    // Section 7.1.2.1: the list has no orders that are invalid.
    assertThat(client.read(client.account() + "/orders").json().get("orders")).isEmpty();
    for (AcmeClient.Answer order : List.of(pending, ready)) {
      assertThat(client.read(order.location()).text("status")).isEqualTo("invalid");
    }
    client
        .finalizeOrder(ready, TestAuthority.generate(), "localhost")
        .expectError(403, "orderNotReady");
    assertThat(client.read(unproven).text("status")).isEqualTo("invalid");
    // Section 7.1.4: none was tried.
    assertThat(client.read(unproven).json().get("challenges")).isEmpty();
    client.post(challenge, "{}").expectError(400, "malformed");
    assertThat(client.read(proven).text("status")).isEqualTo("valid");
    clock.advance(Duration.ofDays(7));
    assertThat(client.read(proven).text("status")).isEqualTo("expired");
  }
}
