package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.ACME_ACCOUNTS;
import static dev.chancery.store.schema.Tables.ACME_AUTHORIZATIONS;
import static dev.chancery.store.schema.Tables.ACME_FORMER_KEYS;
import static dev.chancery.store.schema.Tables.ACME_ORDERS;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.testing.DatabaseKind;
import java.net.URI;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.IntStream;
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

/** RFC 8555 section 7.3. The default endpoint has terms of service, the other has none. */
@ParameterizedClass
@EnumSource
final class AccountsTest {
  @TempDir static Path folder;
  private static AcmeFixture acme;

  @Parameter DatabaseKind kind;
  private AcmeClient client;

  @BeforeParameterizedClassInvocation
  static void start(DatabaseKind kind) {
    acme =
        new AcmeFixture(
            kind, folder, Clock.systemUTC(), Optional.of(URI.create("https://ca.example/terms")));
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    acme.close();
  }

  @BeforeEach
  void client() {
    client = new AcmeClient(acme.url);
  }

  private AcmeClient.Answer register(String payload) {
    return client.as("").post(client.url("new-account"), payload);
  }

  @Test
  @DisplayName("RFC 8555 7.3: 201 with Location, then 200 with the same")
  void sameKey() {
    AcmeClient.Answer made =
        register("{\"termsOfServiceAgreed\":true,\"contact\":[\"mailto:a@example.com\"]}")
            .expect(201);
    assertThat(made.text("status")).isEqualTo("valid");
    assertThat(made.json().get("contact").toString()).isEqualTo("[\"mailto:a@example.com\"]");
    AcmeClient.Answer again =
        register("{\"termsOfServiceAgreed\":true,\"unknown\":{}}").expect(200);
    assertThat(again.location()).isEqualTo(made.location());
    AcmeClient.Answer found = register("{\"onlyReturnExisting\":true}").expect(200);
    assertThat(found.location()).isEqualTo(made.location());
    assertThat(found.json()).isEqualTo(made.json());
  }

  @Test
  @DisplayName("RFC 8555 7.3.1: onlyReturnExisting without an account is accountDoesNotExist")
  void onlyReturnExisting() {
    register("{\"onlyReturnExisting\":true}").expectError(400, "accountDoesNotExist");
  }

  @Test
  @DisplayName("RFC 8555 7.3: the same key 16 times at once makes one account")
  void race() {
    List<AcmeClient.Answer> answers =
        IntStream.range(0, 16)
            .parallel()
            .mapToObj(i -> register("{\"termsOfServiceAgreed\":true}"))
            .toList();
    assertThat(answers.stream().filter(answer -> answer.status() == 201)).hasSize(1);
    assertThat(answers.stream().map(AcmeClient.Answer::location).distinct()).hasSize(1);
    assertThat(answers).allMatch(answer -> answer.status() == 200 || answer.status() == 201);
  }

  @Test
  @DisplayName("RFC 8555 7.3.3: terms of service must be agreed to where there are some")
  void terms() {
    assertThat(client.get(client.url("directory")).json().at("/meta/termsOfService").asText())
        .isEqualTo("https://ca.example/terms");
    register("{}").expectError(403, "userActionRequired");
    AcmeClient.Answer refused =
        register("{\"termsOfServiceAgreed\":false}").expectError(403, "userActionRequired");
    assertTermsNamed(refused);
    AcmeClient other = new AcmeClient(acme.url, "other", client.keys, "ES256");
    other.post(other.url("new-account"), "{}").expect(201);
  }

  private static void assertTermsNamed(AcmeClient.Answer refused) {
    assertThat(refused.headers().allValues("Link"))
        .contains("<https://ca.example/terms>;rel=\"terms-of-service\"");
    assertThat(refused.text("instance")).isEqualTo("https://ca.example/terms");
  }

  @Test
  @DisplayName(
      "RFC 8555 7.3.3: terms that came or changed later are to be agreed to before an order")
  void changedTerms() {
    client.register();
    client.newOrder("localhost").expect(201);
    for (String before : Arrays.asList(null, "https://ca.example/terms-of-old")) {
      acme.database
          .sql()
          .update(ACME_ACCOUNTS)
          .set(ACME_ACCOUNTS.TERMS_AGREED, before)
          .where(
              ACME_ACCOUNTS.KEY_THUMBPRINT.eq(Base64.getUrlDecoder().decode(client.thumbprint())))
          .execute();
      assertTermsNamed(client.newOrder("localhost").expectError(403, "userActionRequired"));
      assertTermsNamed(
          client
              .post(
                  client.url("new-authz"),
                  "{\"identifier\":{\"type\":\"dns\",\"value\":\"localhost\"}}")
              .expectError(403, "userActionRequired"));
      client.post(client.account(), "{\"termsOfServiceAgreed\":false}").expect(200);
      client.newOrder("localhost").expectError(403, "userActionRequired");
      AcmeClient.Answer agreed =
          client.post(client.account(), "{\"termsOfServiceAgreed\":true}").expect(200);
      assertThat(agreed.json().get("termsOfServiceAgreed").asBoolean()).isTrue();
      client.newOrder("localhost").expect(201);
    }
  }

  @Test
  @DisplayName("RFC 8555 7.3.3: terms that changed stop no order that only replaces a certificate")
  void renewalUnderChangedTerms() {
    client.register();
    String certificate = ReplacementsTest.issue(acme, client);
    acme.database
        .sql()
        .update(ACME_ACCOUNTS)
        .set(ACME_ACCOUNTS.TERMS_AGREED, "https://ca.example/terms-of-old")
        .where(ACME_ACCOUNTS.KEY_THUMBPRINT.eq(Base64.getUrlDecoder().decode(client.thumbprint())))
        .execute();
    client.newOrder("localhost").expectError(403, "userActionRequired");
    ReplacementsTest.replace(client, certificate, "localhost", "more.example")
        .expectError(403, "userActionRequired");
    ReplacementsTest.replace(client, certificate, "localhost").expect(201);
  }

  @Test
  @DisplayName("the former keys of an account that are kept are limited, the latest ones stay")
  void formerKeys() throws Exception {
    client.register();
    UUID account = Base64Url.decodeId(client.account().replaceAll(".*/", ""));
    for (int i = 0; i < 60; i++) {
      acme.database
          .sql()
          .insertInto(ACME_FORMER_KEYS)
          .set(ACME_FORMER_KEYS.ACCOUNT_ID, account)
          .set(ACME_FORMER_KEYS.KEY_THUMBPRINT, new byte[] {(byte) i})
          .set(ACME_FORMER_KEYS.REPLACED_AT, Times.stored(Instant.EPOCH.plusSeconds(i)))
          .execute();
    }
    changeKey(new AcmeClient(acme.url), client.jwk(), client.account()).expect(200);
    List<byte[]> kept =
        acme.database
            .sql()
            .selectFrom(ACME_FORMER_KEYS)
            .where(ACME_FORMER_KEYS.ACCOUNT_ID.eq(account))
            .orderBy(ACME_FORMER_KEYS.REPLACED_AT.desc())
            .fetch(ACME_FORMER_KEYS.KEY_THUMBPRINT);
    assertThat(kept).hasSize(50);
    assertThat(kept.getFirst()).isEqualTo(Base64.getUrlDecoder().decode(client.thumbprint()));
    assertThat(kept.getLast()).isEqualTo(new byte[] {11});
  }

  @Test
  @DisplayName("RFC 8555 7.3: contacts are mailto: with one address and no header fields")
  void contacts() {
    for (String bad :
        List.of(
            "mailto:a@b.example,c@d.example",
            "mailto:a@b.example?subject=x",
            "mailto:a",
            "mailto:",
            "mailto:a@b%2e.example",
            "mailto:a\\nb@c.example")) {
      register("{\"termsOfServiceAgreed\":true,\"contact\":[\"" + bad + "\"]}")
          .expectError(400, "invalidContact");
    }
    register("{\"termsOfServiceAgreed\":true,\"contact\":[\"tel:+12025551212\"]}")
        .expectError(400, "unsupportedContact");
    register("{\"termsOfServiceAgreed\":true,\"contact\":\"mailto:a@b.example\"}")
        .expectError(400, "malformed");
    register("{\"termsOfServiceAgreed\":\"yes\"}").expectError(400, "malformed");
    register("{\"onlyReturnExisting\":true}").expectError(400, "accountDoesNotExist");
  }

  @Test
  @DisplayName("RFC 8555 7.3.2: an update changes the contacts and answers with Location")
  void update() {
    client.register();
    AcmeClient.Answer answer =
        client.post(client.account(), "{\"contact\":[\"mailto:b@example.com\"]}").expect(200);
    assertThat(answer.location()).isEqualTo(client.account());
    assertThat(answer.json().get("contact").get(0).asText()).isEqualTo("mailto:b@example.com");
    assertThat(client.read(client.account()).json()).isEqualTo(answer.json());
    client.post(client.account(), "{\"contact\":[\"x:y\"]}").expectError(400, "unsupportedContact");
    assertThat(client.post(client.account(), "{\"contact\":[]}").json().get("contact")).isEmpty();
  }

  @Test
  @DisplayName("RFC 8555 7.3.2: a status other than deactivated is ignored, as is what is unknown")
  void postedBack() {
    client.register();
    ObjectNode account = (ObjectNode) client.read(client.account()).expect(200).json();
    account.putArray("contact").add("mailto:c@example.com");
    AcmeClient.Answer answer = client.post(client.account(), account).expect(200);
    assertThat(answer.json()).isEqualTo(account);
    assertThat(client.read(client.account()).json()).isEqualTo(account);
    for (String status : List.of("revoked", "Deactivated", "")) {
      client.post(client.account(), AcmeClient.object().put("status", status)).expect(200);
    }
    client.post(client.account(), "{\"status\":7}").expectError(400, "malformed");
    assertThat(client.read(client.account()).json()).isEqualTo(account);
  }

  @Test
  @DisplayName("RFC 8555 7.3.6: a deactivated account can do nothing more: 401 unauthorized")
  void deactivation() {
    client.register();
    AcmeClient.Answer order = client.newOrder("gone.example").expect(201);
    String account = client.account();
    assertThat(client.post(account, "{\"status\":\"deactivated\"}").expect(200).text("status"))
        .isEqualTo("deactivated");
    client.read(account).expectError(401, "unauthorized");
    client.read(order.location()).expectError(401, "unauthorized");
    client.newOrder("gone.example").expectError(401, "unauthorized");
    register("{\"termsOfServiceAgreed\":true}").expectError(401, "unauthorized");
    register("{\"onlyReturnExisting\":true}").expectError(401, "unauthorized");
  }

  @Test
  @DisplayName("RFC 8555 7.3.6: deactivation ends what the account has open, and nothing else")
  void deactivationOfOpen() {
    client.register();
    AcmeClient.Answer ready = client.readyOrder(acme.web, "localhost");
    AcmeClient.Answer pending = client.newOrder("gone.example").expect(201);
    AcmeClient.Answer valid = client.newOrder("localhost").expect(201);
    client.finalizeOrder(valid, TestAuthority.generate(), "localhost").expect(200);
    AcmeClient other = new AcmeClient(acme.url).register();
    AcmeClient.Answer kept = other.readyOrder(acme.web, "localhost");

    client.post(client.account(), "{\"status\":\"deactivated\"}").expect(200);

    assertThat(status(ready)).isEqualTo("invalid");
    assertThat(status(pending)).isEqualTo("invalid");
    assertThat(status(valid)).isEqualTo("valid");
    assertThat(
            acme.database
                .sql()
                .selectDistinct(ACME_AUTHORIZATIONS.STATUS)
                .from(ACME_AUTHORIZATIONS)
                .join(ACME_ACCOUNTS)
                .on(ACME_ACCOUNTS.ID.eq(ACME_AUTHORIZATIONS.ACCOUNT_ID))
                .where(ACME_ACCOUNTS.STATUS.eq("deactivated"))
                .fetch(ACME_AUTHORIZATIONS.STATUS))
        .containsOnly("deactivated");
    assertThat(other.read(kept.location()).text("status")).isEqualTo("ready");
    assertThat(other.newOrder("localhost").text("status")).isEqualTo("ready");
  }

  /** From the database: the account may not ask any more. */
  private static String status(AcmeClient.Answer order) {
    String id = order.location().substring(order.location().lastIndexOf('/') + 1);
    try {
      return acme.database
          .sql()
          .selectFrom(ACME_ORDERS)
          .where(ACME_ORDERS.ID.eq(OrderId.parse(id).value()))
          .fetchSingle()
          .getStatus();
    } catch (AcmeProblem e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  @DisplayName("RFC 8555 7.3.6: an account that is deactivated in the midst of its orders is so")
  void deactivationRace() {
    client.register();
    for (int i = 0; i < 8; i++) {
      client.newOrder("open" + i + ".example").expect(201);
    }
    List<Integer> statuses =
        IntStream.range(0, 12)
            .parallel()
            .mapToObj(i ->
                i == 6
                    ? client.post(client.account(), "{\"status\":\"deactivated\"}").status()
                    : client.newOrder("more" + i + ".example").status())
            .toList();
    assertThat(statuses).isSubsetOf(200, 201, 401).contains(200);
    client.newOrder("late.example").expectError(401, "unauthorized");
  }

  @Test
  @DisplayName("RFC 8555 7.1.2.1: the orders come in pages, each once")
  void orders() {
    client.register();
    List<String> made = new ArrayList<>();
    for (int i = 0; i < 7; i++) {
      made.add(client.newOrder("order" + i + ".example").expect(201).location());
    }
    List<String> listed = new ArrayList<>();
    Optional<String> page = Optional.of(client.read(client.account()).text("orders"));
    int pages = 0;
    while (page.isPresent()) {
      AcmeClient.Answer answer = client.read(page.get()).expect(200);
      answer.json().get("orders").forEach(url -> listed.add(url.asText()));
      page =
          answer.headers().allValues("Link").stream()
              .filter(link -> link.endsWith(";rel=\"next\""))
              .map(link -> link.substring(1, link.indexOf('>')))
              .findFirst();
      pages++;
    }
    assertThat(pages).isEqualTo(3);
    assertThat(new HashSet<>(listed)).hasSameSizeAs(listed);
    assertThat(listed).containsExactlyInAnyOrderElementsOf(made);
  }

  @ParameterizedTest
  @ValueSource(strings = {"?%C3%28", "?after=%FF", "?a&&=%20"})
  @DisplayName("invariant 6: a query that no page has is the client's fault or of no matter")
  void otherQueries(String query) {
    client.register();
    String orders = client.account() + "/orders" + query;
    assertThat(client.read(orders).status()).isIn(200, 400, 404);
    assertThat(client.read(client.account() + query).status()).isEqualTo(200);
    client.post(orders, "", header -> header.put("url", "")).expectError(403, "unauthorized");
  }

  private AcmeClient.Answer changeKey(AcmeClient to, JsonNode oldKey, String account) {
    String url = client.url("key-change");
    ObjectNode header = AcmeClient.object().put("alg", "ES256").put("url", url);
    header.set("jwk", to.jwk());
    ObjectNode payload = AcmeClient.object().put("account", account);
    payload.set("oldKey", oldKey);
    return client.post(url, to.jws(header.toString(), payload.toString()));
  }

  @Test
  @DisplayName("RFC 8555 7.3.5: after a key change the new key works and the old does not")
  void keyChange() {
    client.register();
    AcmeClient next = new AcmeClient(acme.url);
    changeKey(next, client.jwk(), client.account()).expect(200);
    next.as(client.account()).read(client.account()).expect(200);
    client.read(client.account()).expectError(400, "malformed");
  }

  @Test
  @DisplayName("RFC 8555 7.3.5: a key in use is 409 with that account's Location")
  void keyInUse() {
    client.register();
    AcmeClient other = new AcmeClient(acme.url).register();
    AcmeClient.Answer answer =
        changeKey(other, client.jwk(), client.account()).expectError(409, "malformed");
    assertThat(answer.location()).isEqualTo(other.account());
    client.read(client.account()).expect(200);
  }

  @Test
  @DisplayName("RFC 8555 7.3.5: an account's own key is in use too")
  void ownKey() {
    client.register();
    AcmeClient.Answer answer =
        changeKey(client, client.jwk(), client.account()).expectError(409, "malformed");
    assertThat(answer.location()).isEqualTo(client.account());
    client.read(client.account()).expect(200);
  }

  @Test
  @DisplayName("RFC 8555 7.3.5: the inner JWS must name account, old key and url, by its own key")
  void badKeyChange() {
    client.register();
    AcmeClient next = new AcmeClient(acme.url);
    changeKey(next, next.jwk(), client.account()).expectError(400, "malformed");
    changeKey(next, client.jwk(), client.url("account/x")).expectError(400, "malformed");
    String url = client.url("key-change");
    ObjectNode payload = AcmeClient.object().put("account", client.account());
    payload.set("oldKey", client.jwk());
    ObjectNode header = AcmeClient.object().put("alg", "ES256").put("url", url + "x");
    header.set("jwk", next.jwk());
    client.post(url, next.jws(header.toString(), payload.toString())).expectError(400, "malformed");
    header.put("url", url);
    client
        .post(url, next.jws(header.toString(), payload.toString(), client.keys.getPrivate()))
        .expectError(400, "malformed");
    client.post(url, "{}").expectError(400, "malformed");
    // Right but for the nonce, which the inner JWS must omit.
    header.put("nonce", client.nonce());
    client.post(url, next.jws(header.toString(), payload.toString())).expectError(400, "malformed");
    client.read(client.account()).expect(200);
    header.remove("nonce");
    client.post(url, next.jws(header.toString(), payload.toString())).expect(200);
  }
}
