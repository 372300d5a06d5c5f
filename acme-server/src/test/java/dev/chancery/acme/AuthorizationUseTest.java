package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.ACME_ACCOUNTS;
import static dev.chancery.store.schema.Tables.ACME_AUTHORIZATIONS;
import static dev.chancery.store.schema.Tables.ACME_ORDERS;
import static dev.chancery.store.schema.Tables.ACME_ORDER_AUTHORIZATIONS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.databind.JsonNode;
import dev.chancery.core.AccountId;
import dev.chancery.core.DnsName;
import dev.chancery.core.Name;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import java.net.URI;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** RFC 8555 sections 7.4, 7.4.1 and 7.5.2: authorizations that more than one order needs. */
@ParameterizedClass
@EnumSource
final class AuthorizationUseTest {
  @TempDir static Path folder;
  private static final AtomicLong last = new AtomicLong();
  private static AdjustableClock clock;
  private static AcmeFixture acme;

  @Parameter DatabaseKind kind;
  private AcmeClient client;
  private KeyPair keys;

  @BeforeParameterizedClassInvocation
  static void start(DatabaseKind kind) {
    clock = new AdjustableClock(Instant.now());
    acme = new AcmeFixture(kind, folder, clock, Optional.empty());
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    acme.close();
  }

  @BeforeEach
  void register() {
    client = new AcmeClient(acme.url).register();
    keys = TestAuthority.generate();
  }

  private static List<String> authorizations(AcmeClient.Answer order) {
    return Stream.of(order.json().get("authorizations"))
        .flatMap(list -> Stream.iterate(0, i -> i < list.size(), i -> i + 1).map(list::get))
        .map(JsonNode::asText)
        .toList();
  }

  private AcmeClient.Answer newAuthorization(AcmeClient client, String type, String value) {
    return client.post(
        client.url("new-authz"),
        "{\"identifier\":{\"type\":\"%s\",\"value\":\"%s\"}}".formatted(type, value));
  }

  private String status(String url) {
    return client.read(url).expect(200).text("status");
  }

  @Test
  @DisplayName("RFC 8555 7.4: a valid authorization serves a later order, which is ready at once")
  void reused() {
    AcmeClient.Answer first = client.readyOrder(acme.web, "localhost");
    AcmeClient.Answer second = client.newOrder("localhost").expect(201);
    assertThat(second.text("status")).isEqualTo("ready");
    assertThat(second.location()).isNotEqualTo(first.location());
    assertThat(authorizations(second)).isEqualTo(authorizations(first));
    assertThat(client.finalizeOrder(second, keys, "localhost").expect(200).text("status"))
        .isEqualTo("valid");
    assertThat(status(first.location())).isEqualTo("ready");
  }

  @Test
  @DisplayName("RFC 8555 7.4: names without a valid authorization get a new one each")
  void partlyReused() {
    String known = authorizations(client.readyOrder(acme.web, "localhost")).getFirst();
    AcmeClient.Answer order = client.newOrder("127.0.0.1", "localhost").expect(201);
    assertThat(order.text("status")).isEqualTo("pending");
    assertThat(authorizations(order)).hasSize(2).endsWith(known).doesNotHaveDuplicates();
    assertThat(client.readyOrder(acme.web, "127.0.0.1", "localhost").text("status"))
        .isEqualTo("ready");
    assertThat(client.newOrder("localhost", "127.0.0.1").expect(201).text("status"))
        .isEqualTo("ready");
    // Neither the name below nor the name above is the one that was proven.
    assertThat(client.newOrder("www.localhost").expect(201).text("status")).isEqualTo("pending");
  }

  @Test
  @DisplayName("RFC 8555 7.4: never another account's authorization, nor another endpoint's")
  void ofItsAccountOnly() {
    client.readyOrder(acme.web, "localhost");
    AcmeClient other = new AcmeClient(acme.url).register();
    assertThat(other.newOrder("localhost").expect(201).text("status")).isEqualTo("pending");
    AcmeClient elsewhere = new AcmeClient(acme.url, "other", client.keys, "ES256").register();
    assertThat(elsewhere.newOrder("localhost").expect(201).text("status")).isEqualTo("pending");
  }

  @Test
  @DisplayName("RFC 8555 7.4: neither a pending nor a failed authorization is reused")
  void validOnly() {
    AcmeClient.Answer pending = client.newOrder("localhost").expect(201);
    AcmeClient.Answer second = client.newOrder("localhost").expect(201);
    assertThat(authorizations(second)).doesNotContainAnyElementsOf(authorizations(pending));
    client.post(client.challenges(pending).getFirst().get("url").asText(), "{}").expect(200);
    assertThat(client.await(pending.location(), "pending").text("status")).isEqualTo("invalid");
    assertThat(client.newOrder("localhost").expect(201).text("status")).isEqualTo("pending");
    assertThat(status(second.location())).isEqualTo("pending");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 8, 9, 100, 101, 230})
  @DisplayName("RFC 8555 7.4: of any number of names, those are found that have an authorization")
  void manyNames(int number) {
    UUID account = account(client);
    Instant until = clock.instant().plus(Duration.ofDays(1));
    Map<Name, AuthorizationId> expected = new HashMap<>();
    Set<Name> asked = new HashSet<>(Set.of(new DnsName("not-held.example")));
    for (int i = 1; i < number; i++) {
      Name name = new DnsName("n" + i + ".example");
      asked.add(name);
      valid(account, name, until);
      expected.put(name, valid(account, name, until));
    }
    valid(account, new DnsName("not-asked.example"), until);

    assertThat(
            acme.database.<Map<Name, AuthorizationId>>inTransaction(
                sql -> HeldAuthorizations.find(sql, new AccountId(account), asked, until)))
        .isEqualTo(expected);
    assertThat(
            acme.database.<Map<Name, AuthorizationId>>inTransaction(sql ->
                HeldAuthorizations.find(sql, new AccountId(account), asked, until.plusSeconds(1))))
        .isEmpty();
  }

  private static UUID account(AcmeClient client) {
    return acme.database
        .sql()
        .selectFrom(ACME_ACCOUNTS)
        .where(ACME_ACCOUNTS.KEY_THUMBPRINT.eq(Base64.getUrlDecoder().decode(client.thumbprint())))
        .fetchSingle(ACME_ACCOUNTS.ID);
  }

  /** Gives the account an authorization, later than any before. */
  private static AuthorizationId valid(UUID account, Name name, Instant until) {
    AuthorizationId id = new AuthorizationId(new UUID(Long.MAX_VALUE, last.incrementAndGet()));
    acme.database
        .sql()
        .insertInto(ACME_AUTHORIZATIONS)
        .set(ACME_AUTHORIZATIONS.ID, id.value())
        .set(ACME_AUTHORIZATIONS.ACCOUNT_ID, account)
        .set(ACME_AUTHORIZATIONS.NAME_KIND, Identifiers.type(name))
        .set(ACME_AUTHORIZATIONS.NAME, name.value())
        .set(ACME_AUTHORIZATIONS.STATUS, "valid")
        .set(ACME_AUTHORIZATIONS.EXPIRES_AT, Times.stored(until))
        .set(ACME_AUTHORIZATIONS.REVIEW_AT, Times.stored(until))
        .execute();
    return id;
  }

  @Test
  @DisplayName("RFC 8555 7.4: an authorization that ends before the order would is not reused")
  void lifetime() {
    client.readyOrder(acme.web, "localhost");
    clock.advance(Duration.ofDays(6).minusMinutes(1));
    AcmeClient.Answer inTime = client.newOrder("localhost").expect(201);
    assertThat(inTime.text("status")).isEqualTo("ready");
    String expires = client.read(authorizations(inTime).getFirst()).text("expires");
    assertThat(Instant.parse(expires)).isAfterOrEqualTo(Instant.parse(inTime.text("expires")));
    clock.advance(Duration.ofMinutes(2));
    assertThat(client.newOrder("localhost").expect(201).text("status")).isEqualTo("pending");
  }

  @Test
  @DisplayName("reuse and pre-authorization can be switched off per endpoint")
  void switchedOff() {
    AcmeClient strict =
        new AcmeClient(acme.url, AcmeFixture.STRICT, client.keys, "ES256").register();
    strict.readyOrder(acme.web, "localhost");
    assertThat(strict.newOrder("localhost").expect(201).text("status")).isEqualTo("pending");
    assertThat(strict.get(strict.url("directory")).json().has("newAuthz")).isFalse();
    newAuthorization(strict, "dns", "localhost").expectError(404, "malformed");
    assertThatIllegalArgumentException().isThrownBy(() -> new AuthorizationUse(false, true));
  }

  @Test
  @DisplayName("RFC 8555 7.5.2: deactivation ends every open order that shares the authorization")
  void deactivation() {
    AcmeClient.Answer first = client.readyOrder(acme.web, "localhost");
    String authorization = authorizations(first).getFirst();
    AcmeClient.Answer issued = client.newOrder("localhost").expect(201);
    client.finalizeOrder(issued, keys, "localhost").expect(200);
    AcmeClient.Answer pending = client.newOrder("localhost", "127.0.0.1").expect(201);

    assertThat(client.post(authorization, "{\"status\":\"deactivated\"}").text("status"))
        .isEqualTo("deactivated");

    for (AcmeClient.Answer open : List.of(first, pending)) {
      AcmeClient.Answer ended = client.read(open.location());
      assertThat(ended.text("status")).isEqualTo("invalid");
      assertThat(ended.json().at("/error/type").asText()).endsWith(":unauthorized");
      assertThat(ended.json().at("/error/detail").asText()).contains("localhost", "deactivated");
      client.finalizeOrder(open, keys, "localhost").expectError(403, "orderNotReady");
    }
    assertThat(status(issued.location())).isEqualTo("valid");
    client.read(client.read(issued.location()).text("certificate")).expect(200);
    assertThat(client.newOrder("localhost").expect(201).text("status")).isEqualTo("pending");
    // An answer may have been lost: said again it is no error.
    client.post(authorization, "{\"status\":\"deactivated\"}").expect(200);
    client.post(authorization, "{\"status\":\"pending\"}").expectError(400, "malformed");
  }

  @Test
  @DisplayName("RFC 8555 7.1.6: an order made while its authorization is deactivated is not ready")
  void deactivationRace() {
    for (int round = 0; round < 20; round++) {
      register();
      AcmeClient.Answer proven = client.readyOrder(acme.web, "localhost");
      String authorization = authorizations(proven).getFirst();
      List<Runnable> atOnce =
          List.of(
              () -> client.newOrder("localhost").expect(201),
              () -> client.post(authorization, "{\"status\":\"deactivated\"}").expect(200),
              () -> client.newOrder("localhost").expect(201));
      atOnce.parallelStream().forEach(Runnable::run);
    }
    assertThat(
            acme.database
                .sql()
                .select(ACME_ORDERS.ID)
                .from(ACME_ORDERS)
                .join(ACME_ORDER_AUTHORIZATIONS)
                .on(ACME_ORDER_AUTHORIZATIONS.ORDER_ID.eq(ACME_ORDERS.ID))
                .join(ACME_AUTHORIZATIONS)
                .on(ACME_AUTHORIZATIONS.ID.eq(ACME_ORDER_AUTHORIZATIONS.AUTHORIZATION_ID))
                .where(ACME_ORDERS.STATUS.in("pending", "ready"))
                .and(ACME_AUTHORIZATIONS.STATUS.eq("deactivated"))
                .fetch())
        .isEmpty();
  }

  @Test
  @DisplayName("RFC 8555 7.4.1: newAuthz makes an authorization, and an order for it is ready")
  void inAdvance() {
    assertThat(client.get(client.url("directory")).text("newAuthz"))
        .isEqualTo(client.url("new-authz"));
    AcmeClient.Answer made = newAuthorization(client, "dns", "LocalHost").expect(201);
    assertThat(made.location()).startsWith(client.url("authorization/"));
    assertThat(made.text("status")).isEqualTo("pending");
    assertThat(made.json().get("identifier").toString())
        .isEqualTo("{\"type\":\"dns\",\"value\":\"localhost\"}");
    assertThat(client.read(made.location()).json()).isEqualTo(made.json());

    AcmeClient.Answer again = newAuthorization(client, "dns", "localhost").expect(200);
    assertThat(again.location()).isEqualTo(made.location());

    JsonNode challenge = made.json().at("/challenges/0");
    String token = challenge.get("token").asText();
    acme.web.answer(token, token + "." + client.thumbprint());
    client.post(challenge.get("url").asText(), "{}").expect(200);
    assertThat(client.await(made.location(), "pending").text("status")).isEqualTo("valid");
    assertThat(newAuthorization(client, "dns", "localhost").expect(200).text("status"))
        .isEqualTo("valid");

    AcmeClient.Answer order = client.newOrder("localhost").expect(201);
    assertThat(order.text("status")).isEqualTo("ready");
    assertThat(authorizations(order)).containsExactly(made.location());
    client.finalizeOrder(order, keys, "localhost").expect(200);
    // Another account gets another one.
    AcmeClient other = new AcmeClient(acme.url).register();
    assertThat(newAuthorization(other, "dns", "localhost").expect(201).location())
        .isNotEqualTo(made.location());
    other.read(made.location()).expectError(404, "malformed");
  }

  @Test
  @DisplayName("RFC 8555 7.4.1: an authorization that has ended is not handed out again")
  void inAdvanceAnew() {
    AcmeClient.Answer made = newAuthorization(client, "ip", "127.0.0.1").expect(201);
    client.post(made.location(), "{\"status\":\"deactivated\"}").expect(200);
    AcmeClient.Answer second = newAuthorization(client, "ip", "127.0.0.1").expect(201);
    assertThat(second.location()).isNotEqualTo(made.location());
    clock.advance(Duration.ofHours(25));
    assertThat(status(second.location())).isEqualTo("invalid");
    newAuthorization(client, "ip", "127.0.0.1").expect(201);
  }

  @Test
  @DisplayName("RFC 8555 7.4.1: what is not certified is 403, and makes nothing")
  void unwilling() {
    int before = acme.database.sql().fetchCount(ACME_AUTHORIZATIONS);
    newAuthorization(client, "dns", "*.example.com").expectError(403, "rejectedIdentifier");
    newAuthorization(client, "dns", "www.forbidden.example").expectError(403, "rejectedIdentifier");
    newAuthorization(client, "dns", "a..b").expectError(403, "rejectedIdentifier");
    newAuthorization(client, "ip", "localhost").expectError(403, "rejectedIdentifier");
    newAuthorization(client, "email", "a@b.example").expectError(403, "unsupportedIdentifier");
    assertThat(acme.database.sql().fetchCount(ACME_AUTHORIZATIONS)).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{}",
        "{\"identifier\":null}",
        "{\"identifier\":[]}",
        "{\"identifier\":\"a.example\"}",
        "{\"identifier\":{\"type\":\"dns\"}}",
        "{\"identifier\":{\"type\":\"dns\",\"value\":7}}",
        "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example\"}]}",
      })
  @DisplayName("RFC 8555 7.4.1: what is no authorization is malformed")
  void malformed(String payload) {
    client.post(client.url("new-authz"), payload).expectError(400, "malformed");
  }

  @Test
  @DisplayName("RFC 8555 7.4.1: a name that any profile to choose has can be proven in advance")
  void inAdvanceForOtherProfile() {
    URI node =
        acme.serve(
            acme.newServer(
                acme.settings(
                    List.of(
                        new EndpointBuilder(AcmeEndpoint.DEFAULT, acme.url)
                            .profiles(TestAuthority.SHORT_LIVED, TestAuthority.PROFILES)
                            .build()))));
    AcmeClient there =
        new AcmeClient(acme.url, AcmeEndpoint.DEFAULT, client.keys, "ES256")
            .as(client.account())
            .through(node);
    // The default profile has no addresses.
    newAuthorization(there, "ip", "127.0.0.1").expect(201);
    newAuthorization(there, "dns", "a.forbidden.example").expectError(403, "rejectedIdentifier");
  }
}
