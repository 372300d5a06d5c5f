package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.chancery.acme.RateLimits.Kind;
import dev.chancery.store.schema.Tables;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import java.net.URI;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xbill.DNS.Rcode;

/** RFC 8555 section 6.6: what a client meets that asks too often. */
final class RateLimitsTest {
  private static final Duration HOUR = Duration.ofHours(1);
  private static AdjustableClock clock;
  private static AcmeFixture acme;

  @BeforeAll
  static void start(@TempDir Path folder) {
    clock = new AdjustableClock(Instant.now());
    acme = new AcmeFixture(DatabaseKind.H2, folder, clock, Optional.empty());
  }

  @AfterAll
  static void stop() {
    acme.close();
  }

  /** Clients of a node of its own, whose endpoint has these limits. */
  private record Node(URI url) {
    static Node with(int status, Map<Kind, RateLimit> limits) {
      return new Node(
          acme.serve(
              acme.newServer(
                  acme.settings(
                      List.of(
                          new EndpointBuilder(AcmeEndpoint.DEFAULT, acme.url)
                              .rateLimits(new RateLimits(limits, status))
                              .build())))));
    }

    static Node with(Map<Kind, RateLimit> limits) {
      return with(429, limits);
    }

    AcmeClient client(KeyPair keys) {
      return new AcmeClient(acme.url, AcmeEndpoint.DEFAULT, keys, "ES256")
          .through(asked -> url.resolve(asked.getPath()));
    }

    AcmeClient client() {
      return client(TestAuthority.generate());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {429, 503})
  @DisplayName(
      "6.6: rateLimited with Retry-After and what is met; nothing is made; later it passes")
  void orders(int status) {
    AcmeClient client =
        Node.with(status, Map.of(Kind.NEW_ORDERS_PER_ACCOUNT, new RateLimit(2, HOUR)))
            .client()
            .register();
    client.newOrder("a.example").expect(201);
    client.newOrder("a.example").expect(201);
    int orders = acme.database.sql().fetchCount(Tables.ACME_ORDERS);

    AcmeClient.Answer answer = client.newOrder("a.example").expectError(status, "rateLimited");

    assertThat(answer.header("Retry-After")).isEqualTo("1800");
    assertThat(answer.header("Replay-Nonce")).isNotEmpty();
    assertThat(answer.text("detail")).contains("newOrdersPerAccount (2 in PT1H)");
    assertThat(acme.database.sql().fetchCount(Tables.ACME_ORDERS)).isEqualTo(orders);
    clock.advance(Duration.ofMinutes(30));
    client.newOrder("a.example").expect(201);
  }

  @Test
  @DisplayName("an order that is refused for another reason is not counted")
  void refusedOrders() {
    AcmeClient client =
        Node.with(Map.of(Kind.NEW_ORDERS, new RateLimit(1, HOUR))).client().register();
    for (int i = 0; i < 3; i++) {
      client.newOrder("www.forbidden.example").expectError(400, "rejectedIdentifier");
    }
    client.newOrder("a.example").expect(201);
    client.newOrder("a.example").expectError(429, "rateLimited");
  }

  @Test
  @DisplayName("accounts from one address are limited; one that is there is found all the same")
  void accounts() {
    Node node = Node.with(Map.of(Kind.NEW_ACCOUNTS_PER_ADDRESS, new RateLimit(1, HOUR)));
    KeyPair keys = TestAuthority.generate();
    String first = node.client(keys).register().account();
    AcmeClient late = node.client();
    late.post(late.url("new-account"), "{\"contact\":[\"tel:1\"]}")
        .expectError(400, "unsupportedContact");

    AcmeClient.Answer answer =
        late.post(late.url("new-account"), "{}").expectError(429, "rateLimited");

    assertThat(answer.header("Retry-After")).isEqualTo("3600");
    AcmeClient again = node.client(keys);
    assertThat(again.post(again.url("new-account"), "{}").expect(200).location()).isEqualTo(first);
    clock.advance(HOUR);
    late.register();
  }

  @Test
  @DisplayName("validations that failed put off the next attempt; the challenge stays pending")
  void failedValidations() {
    Node node = Node.with(Map.of(Kind.FAILED_VALIDATIONS_PER_NAME, new RateLimit(1, HOUR)));
    AcmeClient client = node.client().register();
    AcmeClient.Answer failing = client.newOrder("localhost").expect(201);
    client.post(challenge(client, failing), "{}").expect(200);
    assertThat(client.await(failing.location(), "pending").text("status")).isEqualTo("invalid");

    AcmeClient.Answer next = client.newOrder("localhost").expect(201);
    String challenge = challenge(client, next);
    AcmeClient.Answer answer = client.post(challenge, "{}").expectError(429, "rateLimited");

    assertThat(answer.text("detail")).contains("failedValidationsPerName");
    assertThat(client.read(challenge).text("status")).isEqualTo("pending");
    node.client().register().readyOrder(acme.web, "localhost");
    clock.advance(HOUR);
    client.readyOrder(acme.web, "localhost");
  }

  @Test
  @DisplayName("a validation that failed because no resolver answered does not count")
  void outage() throws Exception {
    Node node = Node.with(Map.of(Kind.FAILED_VALIDATIONS_PER_NAME, new RateLimit(1, HOUR)));
    AcmeClient client = node.client().register();
    acme.dns.addLoopback("away.localhost.");
    acme.dns.fail("away.localhost.", Rcode.SERVFAIL);
    for (int i = 0; i < 2; i++) {
      AcmeClient.Answer order = client.newOrder("away.localhost").expect(201);
      client.post(challenge(client, order), "{}").expect(200);
      assertThat(client.await(order.location(), "pending").text("status")).isEqualTo("invalid");
    }
    acme.dns.succeed("away.localhost.");
    client.readyOrder(acme.web, "away.localhost");
  }

  private static String challenge(AcmeClient client, AcmeClient.Answer order) {
    JsonNode challenge = client.challenges(order).getFirst();
    return challenge.get("url").asText();
  }

  @Test
  @DisplayName("an order that replaces a certificate and has no new name is spared; another is not")
  void renewals() {
    AcmeClient client =
        Node.with(
                Map.of(
                    Kind.NEW_ORDERS_PER_ACCOUNT, new RateLimit(1, HOUR),
                    Kind.NEW_ORDERS_PER_NAME, new RateLimit(1, HOUR)))
            .client()
            .register();
    String predecessor = ReplacementsTest.issue(acme, client);
    client.newOrder("localhost").expectError(429, "rateLimited");
    ReplacementsTest.replace(client, predecessor, "localhost", "new.example")
        .expectError(429, "rateLimited");
    ReplacementsTest.replace(client, predecessor, "localhost").expect(201);
    ReplacementsTest.replace(client, predecessor, "localhost").expectError(409, "alreadyReplaced");
  }

  @Test
  @DisplayName("an authorization in advance counts as an order")
  void authorizations() {
    AcmeClient client =
        Node.with(Map.of(Kind.NEW_ORDERS_PER_ACCOUNT, new RateLimit(1, HOUR))).client().register();
    String payload = "{\"identifier\":{\"type\":\"dns\",\"value\":\"advance.example\"}}";
    client.post(client.url("new-authz"), payload).expect(201);
    client.post(client.url("new-authz"), payload).expectError(429, "rateLimited");
    client.newOrder("advance.example").expectError(429, "rateLimited");
  }
}
