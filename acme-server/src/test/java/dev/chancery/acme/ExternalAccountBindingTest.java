package dev.chancery.acme;

import static dev.chancery.acme.AcmeFixture.OPTIONAL_BINDING;
import static dev.chancery.acme.AcmeFixture.REQUIRED_BINDING;
import static dev.chancery.store.schema.Tables.ACME_ACCOUNTS;
import static dev.chancery.store.schema.Tables.ACME_BINDING_KEYS;
import static dev.chancery.store.schema.Tables.AUDIT_EVENTS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.shredzone.acme4j.Account;
import org.shredzone.acme4j.AccountBuilder;
import org.shredzone.acme4j.Login;
import org.shredzone.acme4j.Order;
import org.shredzone.acme4j.Session;
import org.shredzone.acme4j.Status;
import org.shredzone.acme4j.exception.AcmeServerException;

/** RFC 8555 section 7.3.4, and the policies of the keys by which accounts are bound. */
@ParameterizedClass
@EnumSource
final class ExternalAccountBindingTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final String OPERATOR = "CN=operator";

  @TempDir static Path folder;
  private static AdjustableClock clock;
  private static AcmeFixture acme;

  @Parameter DatabaseKind kind;

  @BeforeParameterizedClassInvocation
  static void start(DatabaseKind kind) {
    clock = new AdjustableClock(Instant.now());
    acme = new AcmeFixture(kind, folder, clock, Optional.empty());
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    acme.close();
  }

  private static List<NamePattern> patterns(String... texts) {
    return Stream.of(texts).map(NamePattern::parse).toList();
  }

  private static BindingPolicy reusable(List<NamePattern> preauthorized, List<NamePattern> names) {
    return new BindingPolicy(preauthorized, names, List.of(), Optional.empty(), Optional.empty());
  }

  private static BindingPolicy uses(int most) {
    return new BindingPolicy(
        List.of(), patterns("*"), List.of(), Optional.of(most), Optional.empty());
  }

  private static BindingKeys.Made key(BindingPolicy policy) {
    return key(REQUIRED_BINDING, policy);
  }

  private static BindingKeys.Made key(String endpoint, BindingPolicy policy) {
    return acme.bindingKeys.create(endpoint, "test", policy, OPERATOR);
  }

  private static AcmeClient client() {
    return client(REQUIRED_BINDING);
  }

  private static AcmeClient client(String endpoint) {
    return new AcmeClient(acme.url, endpoint, TestAuthority.generate(), "ES256");
  }

  /** A binding as it should be, with changes to its header, its payload and the whole of it. */
  private static ObjectNode binding(
      AcmeClient client,
      BindingKeys.Made key,
      String algorithm,
      Consumer<ObjectNode> header,
      UnaryOperator<String> payload) {
    ObjectNode protectedHeader =
        AcmeClient.object()
            .put("alg", algorithm)
            .put("kid", key.key().id().toString())
            .put("url", client.url("new-account"));
    header.accept(protectedHeader);
    return mac(protectedHeader.toString(), payload.apply(client.jwk().toString()), key, algorithm);
  }

  static ObjectNode binding(AcmeClient client, BindingKeys.Made key) {
    return binding(client, key, "HS256", header -> {}, UnaryOperator.identity());
  }

  private static ObjectNode mac(
      String header, String payload, BindingKeys.Made key, String algorithm) {
    String signed = AcmeClient.base64(header) + "." + AcmeClient.base64(payload);
    try {
      Mac mac = Mac.getInstance("Hmac" + algorithm.replace("HS", "SHA"));
      mac.init(new SecretKeySpec(Base64.getUrlDecoder().decode(key.macKey()), "mac"));
      return AcmeClient.object()
          .put("protected", AcmeClient.base64(header))
          .put("payload", AcmeClient.base64(payload))
          .put(
              "signature",
              AcmeClient.base64(mac.doFinal(signed.getBytes(StandardCharsets.US_ASCII))));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static AcmeClient.Answer register(AcmeClient client, JsonNode binding) {
    ObjectNode payload = AcmeClient.object();
    payload.set("externalAccountBinding", binding);
    return client.as("").post(client.url("new-account"), payload);
  }

  private static AcmeClient bound(BindingKeys.Made key) {
    AcmeClient client = client(key.key().endpoint());
    return client.as(register(client, binding(client, key)).expect(201).location());
  }

  private static BindingKey now(BindingKeys.Made key) {
    return acme.bindingKeys.find(key.key().id()).orElseThrow();
  }

  private static List<String> audited(String action, BindingKeys.Made key) {
    return acme.database
        .sql()
        .selectFrom(AUDIT_EVENTS)
        .where(AUDIT_EVENTS.ACTION.eq(action))
        .and(AUDIT_EVENTS.DETAIL.contains(key.key().id().toString()))
        .orderBy(AUDIT_EVENTS.ID)
        .fetch(row -> row.getRequestedBy() + ": " + row.getDetail());
  }

  @Test
  @DisplayName("RFC 8555 7.1.1: the directory says where a binding is required")
  void directory() {
    assertThat(required(REQUIRED_BINDING)).isTrue();
    assertThat(required(OPTIONAL_BINDING)).isFalse();
    assertThat(required(AcmeEndpoint.DEFAULT)).isFalse();
  }

  private static boolean required(String endpoint) {
    AcmeClient client = client(endpoint);
    return client
        .get(client.url("directory"))
        .expect(200)
        .json()
        .at("/meta/externalAccountRequired")
        .asBoolean();
  }

  @Test
  @DisplayName("RFC 8555 7.3.4: required and missing is externalAccountRequired, optional is not")
  void missing() {
    AcmeClient client = client();
    client.post(client.url("new-account"), "{}").expectError(403, "externalAccountRequired");
    client
        .post(client.url("new-account"), "{\"externalAccountBinding\":null}")
        .expectError(403, "externalAccountRequired");
    client
        .post(client.url("new-account"), "{\"onlyReturnExisting\":true}")
        .expectError(400, "accountDoesNotExist");
    AcmeClient other = client(OPTIONAL_BINDING);
    other.post(other.url("new-account"), "{}").expect(201);
  }

  @ParameterizedTest
  @ValueSource(strings = {"HS256", "HS384", "HS512"})
  @DisplayName("RFC 8555 7.3.4: a right binding makes an account that shows it, now and later")
  void right(String algorithm) {
    BindingKeys.Made key = key(uses(1));
    AcmeClient client = client();
    ObjectNode binding = binding(client, key, algorithm, header -> {}, UnaryOperator.identity());
    AcmeClient.Answer made = register(client, binding).expect(201);
    assertThat(made.json().get("externalAccountBinding")).isEqualTo(binding);
    client.as(made.location());
    assertThat(client.read(made.location()).expect(200).json().get("externalAccountBinding"))
        .isEqualTo(binding);
    assertThat(now(key).uses()).isEqualTo(1);
    assertThat(now(key).state(clock.instant())).isEqualTo(BindingKey.State.SPENT);

    // Whoever has an account needs no binding, nor another use, to find it.
    AcmeClient.Answer again = register(client, binding).expect(200);
    assertThat(again.location()).isEqualTo(made.location());
    assertThat(client.as("").post(client.url("new-account"), "{}").expect(200).location())
        .isEqualTo(made.location());
    assertThat(now(key).uses()).isEqualTo(1);
  }

  @Test
  @DisplayName("RFC 8555 7.3.4: a binding is no field that an update could change")
  void update() {
    BindingKeys.Made key = key(uses(1));
    AcmeClient client = bound(key);
    JsonNode before = client.read(client.account()).json().get("externalAccountBinding");
    client
        .post(client.account(), "{\"externalAccountBinding\":{\"payload\":\"other\"}}")
        .expect(200);
    assertThat(client.read(client.account()).json().get("externalAccountBinding"))
        .isEqualTo(before);
  }

  @Test
  @DisplayName("RFC 8555 7.3.4: what is not verified is not shown")
  void notLookedAt() {
    AcmeClient client = client(AcmeEndpoint.DEFAULT);
    AcmeClient.Answer made =
        register(client, AcmeClient.object().put("protected", "nonsense")).expect(201);
    assertThat(made.json().has("externalAccountBinding")).isFalse();
  }

  record Wrong(String name, int status, String error, String detail, Change change) {
    interface Change {
      JsonNode of(AcmeClient client, BindingKeys.Made key);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  private static Wrong wrongHeader(String name, String detail, Consumer<ObjectNode> header) {
    return new Wrong(
        name,
        400,
        "malformed",
        detail,
        (client, key) -> binding(client, key, "HS256", header, UnaryOperator.identity()));
  }

  private static Wrong wrongMember(String name, String detail, Consumer<ObjectNode> change) {
    return new Wrong(
        name,
        400,
        "malformed",
        detail,
        (client, key) -> {
          ObjectNode binding = binding(client, key);
          change.accept(binding);
          return binding;
        });
  }

  private static Wrong unauthorized(String name, String detail, Wrong.Change change) {
    return new Wrong(name, 403, "unauthorized", detail, change);
  }

  static Stream<Wrong> wrong() {
    return Stream.of(
        new Wrong(
            "text",
            400,
            "malformed",
            "not an object",
            (client, key) -> AcmeClient.object().textNode("x")),
        new Wrong(
            "a list",
            400,
            "malformed",
            "not an object",
            (client, key) -> AcmeClient.object().arrayNode()),
        wrongMember("no protected", "no text member protected", jws -> jws.remove("protected")),
        wrongMember("no payload", "no text member payload", jws -> jws.remove("payload")),
        wrongMember("no signature", "no text member signature", jws -> jws.remove("signature")),
        wrongMember(
            "signature is a number", "no text member signature", jws -> jws.put("signature", 1)),
        wrongMember("padded", "base64url", jws -> jws.put("payload", "e30=")),
        wrongMember("stray bits", "base64url", jws -> jws.put("signature", "AB")),
        wrongMember(
            "longer than anything right",
            "more than 8000",
            jws -> jws.put("payload", "A".repeat(8004))),
        wrongMember(
            "unprotected header", "member header", jws -> jws.putObject("header").put("kid", "x")),
        wrongMember(
            "general serialization", "member signatures", jws -> jws.putArray("signatures")),
        wrongMember(
            "header is no JSON",
            "not well-formed",
            jws -> jws.put("protected", AcmeClient.base64("{"))),
        wrongMember(
            "a parameter twice",
            "not well-formed",
            jws ->
                jws.put(
                    "protected",
                    AcmeClient.base64("{\"alg\":\"HS256\",\"alg\":\"HS256\",\"kid\":\"x\"}"))),
        wrongHeader("no alg", "no text member alg", header -> header.remove("alg")),
        wrongHeader("alg none", "MAC algorithms", header -> header.put("alg", "none")),
        wrongHeader("alg of a signature", "MAC algorithms", header -> header.put("alg", "ES256")),
        wrongHeader("alg in lower case", "MAC algorithms", header -> header.put("alg", "hs256")),
        wrongHeader("no kid", "no text member kid", header -> header.remove("kid")),
        wrongHeader("kid is a number", "no text member kid", header -> header.put("kid", 1)),
        wrongHeader("no url", "no text member url", header -> header.remove("url")),
        wrongHeader("nonce", "parameter nonce", header -> header.put("nonce", "AAAA")),
        wrongHeader("jwk beside kid", "parameter jwk", header -> header.putObject("jwk")),
        wrongHeader("crit", "parameter crit", header -> header.putArray("crit").add("exp")),
        wrongHeader("b64", "parameter b64", header -> header.put("b64", false)),
        new Wrong(
            "payload is no JWK",
            400,
            "badPublicKey",
            "",
            (client, key) -> binding(client, key, "HS256", header -> {}, jwk -> "{}")),
        new Wrong(
            "payload is no JSON",
            400,
            "malformed",
            "",
            (client, key) -> binding(client, key, "HS256", header -> {}, jwk -> "x")),
        new Wrong(
            "payload is empty",
            400,
            "malformed",
            "",
            (client, key) -> binding(client, key, "HS256", header -> {}, jwk -> "")),
        unauthorized(
            "payload is another key",
            "another account key",
            (client, key) ->
                binding(client, key, "HS256", header -> {}, jwk -> client().jwk().toString())),
        unauthorized(
            "url of another resource",
            "url",
            (client, key) ->
                binding(
                    client,
                    key,
                    "HS256",
                    header -> header.put("url", client.url("new-order")),
                    UnaryOperator.identity())),
        unauthorized(
            "url of another endpoint",
            "url",
            (client, key) ->
                binding(
                    client,
                    key,
                    "HS256",
                    header -> header.put("url", client(OPTIONAL_BINDING).url("new-account")),
                    UnaryOperator.identity())),
        unauthorized(
            "kid of no key",
            "no binding key",
            (client, key) ->
                binding(
                    client,
                    key,
                    "HS256",
                    header -> header.put("kid", "AZAAAAAAcACAAAAAAAAAAA"),
                    UnaryOperator.identity())),
        unauthorized(
            "kid of no form",
            "no binding key",
            (client, key) ->
                binding(
                    client,
                    key,
                    "HS256",
                    header -> header.put("kid", "' or 1=1"),
                    UnaryOperator.identity())),
        unauthorized(
            "secret of another key",
            "MAC",
            (client, key) ->
                binding(client, new BindingKeys.Made(key.key(), key(uses(1)).macKey()))),
        unauthorized(
            "key of another endpoint",
            "no binding key",
            (client, key) -> binding(client, key(OPTIONAL_BINDING, uses(1)))),
        unauthorized(
            "MAC of another alg",
            "MAC",
            (client, key) ->
                binding(
                    client,
                    key,
                    "HS256",
                    header -> header.put("alg", "HS512"),
                    UnaryOperator.identity())),
        unauthorized(
            "MAC cut short",
            "MAC",
            (client, key) -> {
              ObjectNode binding = binding(client, key);
              byte[] whole = Base64.getUrlDecoder().decode(binding.get("signature").asText());
              return binding.put(
                  "signature", AcmeClient.base64(java.util.Arrays.copyOf(whole, 16)));
            }),
        unauthorized("no MAC", "MAC", (client, key) -> binding(client, key).put("signature", "")));
  }

  @ParameterizedTest
  @MethodSource("wrong")
  @DisplayName("RFC 8555 7.3.4: a wrong binding is refused, and uses nothing")
  void wrong(Wrong wrong) {
    for (String endpoint : List.of(REQUIRED_BINDING, OPTIONAL_BINDING)) {
      BindingKeys.Made key = key(endpoint, uses(1));
      AcmeClient client = client(endpoint);
      if (wrong.name().equals("key of another endpoint") && endpoint.equals(OPTIONAL_BINDING)) {
        continue;
      }
      if (wrong.name().equals("url of another endpoint") && endpoint.equals(OPTIONAL_BINDING)) {
        continue;
      }
      AcmeClient.Answer answer =
          register(client, wrong.change().of(client, key))
              .expectError(wrong.status(), wrong.error());
      assertThat(answer.text("detail")).contains(wrong.detail());
      assertThat(now(key).uses()).isZero();
      client
          .as("")
          .post(client.url("new-account"), "{\"onlyReturnExisting\":true}")
          .expectError(400, "accountDoesNotExist");
      register(client, binding(client, key)).expect(201);
    }
  }

  @Test
  @DisplayName("seeded mutations of a binding: refused with a 4xx problem, never a defect")
  void mutations() {
    Random random = new Random(8555);
    BindingKeys.Made key = key(uses(1));
    AcmeClient client = client();
    AcmeUrls urls = new AcmeUrls(acme.settings.endpoints().get(3));
    ObjectNode right = binding(client, key);
    List<String> members = List.of("protected", "payload", "signature");
    int refused = 0;
    for (int i = 0; i < 2_000; i++) {
      ObjectNode mutant = right.deepCopy();
      String member = members.get(random.nextInt(members.size()));
      byte[] octets = Base64.getUrlDecoder().decode(right.get(member).asText());
      String text = new String(octets, StandardCharsets.ISO_8859_1);
      StringBuilder changed = new StringBuilder(text);
      int at = random.nextInt(text.length());
      switch (random.nextInt(4)) {
        case 0 -> changed.setCharAt(at, (char) random.nextInt(0x100));
        case 1 -> changed.delete(at, at + 1 + random.nextInt(8));
        case 2 -> changed.insert(at, (char) random.nextInt(0x80));
        default -> changed.setLength(at);
      }
      if (changed.toString().equals(text)) {
        continue;
      }
      mutant.put(
          member, AcmeClient.base64(changed.toString().getBytes(StandardCharsets.ISO_8859_1)));
      try {
        ExternalAccountBinding.parse(mutant).verify(acme.bindingKeys, urls, keyOf(client));
        assertThat(mutant).as("changed, and yet taken").isEqualTo(right);
      } catch (AcmeProblem e) {
        assertThat(e.problem().error().status()).isBetween(400, 499);
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(1_900);
  }

  private static AccountKey keyOf(AcmeClient client) throws AcmeProblem {
    return AccountKey.parse((ObjectNode) client.jwk());
  }

  @Test
  @DisplayName("RFC 8555 7.3.4: a single-use key binds one account, of 16 at once as well")
  void singleUse() {
    BindingKeys.Made key = key(uses(1));
    List<AcmeClient.Answer> answers =
        IntStream.range(0, 16)
            .parallel()
            .mapToObj(i -> {
              AcmeClient client = client();
              return register(client, binding(client, key));
            })
            .toList();
    assertThat(answers.stream().filter(answer -> answer.status() == 201)).hasSize(1);
    answers.stream()
        .filter(answer -> answer.status() != 201)
        .forEach(answer -> answer.expectError(403, "unauthorized"));
    assertThat(now(key).uses()).isEqualTo(1);
    assertThat(accounts(key)).isEqualTo(1);
    assertThat(audited("use-binding", key)).hasSize(1);
  }

  private static int accounts(BindingKeys.Made key) {
    return acme.database
        .sql()
        .fetchCount(ACME_ACCOUNTS, ACME_ACCOUNTS.BINDING_KEY_ID.eq(key.key().id().value()));
  }

  @Test
  @DisplayName("the same newAccount 16 times at once is one account and one use")
  void sameAccountAtOnce() {
    BindingKeys.Made key = key(uses(5));
    BindingKeys.Made single = key(uses(1));
    for (BindingKeys.Made used : List.of(key, single)) {
      KeyPair keys = TestAuthority.generate();
      List<AcmeClient.Answer> answers =
          IntStream.range(0, 16)
              .parallel()
              .mapToObj(i -> {
                AcmeClient client = new AcmeClient(acme.url, REQUIRED_BINDING, keys, "ES256");
                return register(client, binding(client, used));
              })
              .toList();
      assertThat(answers).allMatch(answer -> answer.status() == 200 || answer.status() == 201);
      assertThat(answers.stream().map(AcmeClient.Answer::location).distinct()).hasSize(1);
      assertThat(now(used).uses()).isEqualTo(1);
      assertThat(accounts(used)).isEqualTo(1);
    }
  }

  @Test
  @DisplayName("a key binds as many accounts as it says, of more at once, on two nodes' ledgers")
  void countedUses() throws Exception {
    BindingKeys.Made key = key(uses(5));
    Accounts other =
        new Accounts(
            acme.database,
            new dev.chancery.core.TimeOrderedIds(clock, new java.security.SecureRandom()),
            clock);
    AcmeEndpoint endpoint = acme.settings.endpoints().get(3);
    long made =
        IntStream.range(0, 24)
            .parallel()
            .filter(i -> {
              AcmeClient client = client();
              if (i % 2 == 0) {
                return register(client, binding(client, key)).status() == 201;
              }
              try {
                return other.create(
                        endpoint,
                        keyOf(client),
                        List.of(),
                        Optional.empty(),
                        Optional.of(new ExternalAccountBinding.Verified(key.key().id(), "{}")))
                    instanceof Accounts.Creation.Made;
              } catch (AcmeProblem e) {
                throw new IllegalStateException(e);
              }
            })
            .count();
    assertThat(made).isEqualTo(5);
    assertThat(now(key).uses()).isEqualTo(5);
    assertThat(accounts(key)).isEqualTo(5);
    assertThat(audited("use-binding", key)).hasSize(5);
  }

  @Test
  @DisplayName("a reusable key binds any number of accounts")
  void unlimited() {
    BindingKeys.Made key = key(reusable(List.of(), patterns("*")));
    for (int i = 0; i < 3; i++) {
      bound(key);
    }
    assertThat(now(key).uses()).isEqualTo(3);
    assertThat(now(key).state(clock.instant())).isEqualTo(BindingKey.State.LIVE);
  }

  @Test
  @DisplayName("preauthorized names: the order is ready at once, and no challenge is there")
  void preauthorized() {
    BindingKeys.Made key =
        key(
            reusable(
                patterns("*.corp.example", "localhost", "127.0.0.0/8", "2001:db8::/32"),
                List.of()));
    AcmeClient client = bound(key);
    String[] names = {"a.b.corp.example", "localhost", "127.0.0.1", "2001:db8::1"};
    AcmeClient.Answer order = client.newOrder(names).expect(201);
    assertThat(order.text("status")).isEqualTo("ready");
    for (JsonNode url : order.json().get("authorizations")) {
      AcmeClient.Answer authorization = client.read(url.asText()).expect(200);
      assertThat(authorization.text("status")).isEqualTo("valid");
      assertThat(authorization.json().get("challenges")).isEmpty();
      assertThat(Instant.parse(authorization.text("expires"))).isAfter(clock.instant());
    }
    AcmeClient.Answer valid =
        client.finalizeOrder(order, TestAuthority.generate(), names).expect(200);
    assertThat(valid.text("status")).as(valid.body()).isEqualTo("valid");
    client.read(valid.text("certificate")).expect(200);
  }

  @Test
  @DisplayName("a name that the key does not have is rejectedIdentifier, one by one")
  void otherNames() {
    AcmeClient client = bound(key(reusable(patterns("*.corp.example"), List.of())));
    AcmeClient.Answer one = client.newOrder("corp.example").expectError(400, "rejectedIdentifier");
    assertThat(one.text("detail")).contains("binding key", "corp.example");
    AcmeClient.Answer two =
        client
            .newOrder("a.corp.example", "b.example", "192.0.2.1")
            .expectError(400, "rejectedIdentifier");
    assertThat(two.json().get("subproblems"))
        .extracting(problem -> problem.at("/identifier/value").asText())
        .containsExactly("b.example", "192.0.2.1");
    assertThat(client.read(client.account() + "/orders").json().get("orders")).isEmpty();
  }

  @Test
  @DisplayName("names beside the preauthorized ones are proven by challenges where the key says so")
  void mixed() {
    AcmeClient client = bound(key(reusable(patterns("*.corp.example"), patterns("localhost"))));
    client.newOrder("other.example").expectError(400, "rejectedIdentifier");
    AcmeClient.Answer order = client.newOrder("a.corp.example", "localhost").expect(201);
    assertThat(order.text("status")).isEqualTo("pending");
    client
        .finalizeOrder(order, TestAuthority.generate(), "a.corp.example", "localhost")
        .expectError(403, "orderNotReady");
    String proven = order.json().get("authorizations").get(1).asText();
    JsonNode challenge = client.read(proven).json().get("challenges").get(0);
    String token = challenge.get("token").asText();
    acme.web.answer(token, token + "." + client.thumbprint());
    client.post(challenge.get("url").asText(), "{}").expect(200);
    AcmeClient.Answer ready = client.await(order.location(), "pending");
    assertThat(ready.text("status")).isEqualTo("ready");
    AcmeClient.Answer valid =
        client
            .finalizeOrder(ready, TestAuthority.generate(), "a.corp.example", "localhost")
            .expect(200);
    assertThat(valid.text("status")).isEqualTo("valid");
  }

  @Test
  @DisplayName("a profile that the key does not have is unauthorized")
  void profiles() {
    BindingPolicy other =
        new BindingPolicy(
            patterns("localhost"),
            List.of(),
            List.of(new dev.chancery.core.ProfileId("tls-client")),
            Optional.empty(),
            Optional.empty());
    AcmeClient.Answer refused =
        bound(key(other)).newOrder("localhost").expectError(403, "unauthorized");
    assertThat(refused.text("detail")).contains("profile " + TestAuthority.PROFILE);
    BindingPolicy same =
        new BindingPolicy(
            patterns("localhost"),
            List.of(),
            List.of(TestAuthority.PROFILE),
            Optional.empty(),
            Optional.empty());
    bound(key(same)).newOrder("localhost").expect(201);
  }

  @Test
  @DisplayName("a revoked key: no account, no order, no finalize; what was issued stays")
  void revoked() throws Exception {
    BindingKeys.Made key = key(reusable(patterns("localhost"), List.of()));
    AcmeClient client = bound(key);
    AcmeClient.Answer order = client.newOrder("localhost").expect(201);
    AcmeClient.Answer issued =
        client
            .finalizeOrder(client.newOrder("localhost"), TestAuthority.generate(), "localhost")
            .expect(200);

    acme.bindingKeys.revoke(key.key().id(), OPERATOR);

    AcmeClient late = client();
    assertThat(register(late, binding(late, key)).expectError(403, "unauthorized").text("detail"))
        .contains("revoked");
    assertThat(client.newOrder("localhost").expectError(403, "unauthorized").text("detail"))
        .contains("revoked");
    client
        .finalizeOrder(order, TestAuthority.generate(), "localhost")
        .expectError(403, "unauthorized");
    assertThat(client.read(order.location()).text("status")).isEqualTo("ready");
    AcmeClient.Answer chain = client.read(issued.text("certificate")).expect(200);
    client
        .post(
            client.url("revoke-cert"),
            AcmeClient.object()
                .put("certificate", AcmeClient.base64(AcmeClient.firstCertificate(chain))))
        .expect(200);
    assertThatThrownBy(() -> acme.bindingKeys.revoke(key.key().id(), OPERATOR))
        .isInstanceOfSatisfying(
            Refused.class, no -> assertThat(no.reason()).isEqualTo(Reason.ALREADY_REVOKED));
    assertThat(audited("create-binding", key)).singleElement().asString().startsWith(OPERATOR);
    assertThat(audited("revoke-binding", key)).singleElement().asString().startsWith(OPERATOR);
    assertThat(audited("use-binding", key)).singleElement().asString().contains("acme account");
  }

  @Test
  @DisplayName(
      "RFC 8555 7.6: a preauthorized name, proven by nobody, revokes no other's certificate")
  void preauthorizedRevokesNothing() throws Exception {
    BindingKeys.Made key = key(reusable(patterns("localhost"), List.of()));
    AcmeClient client = bound(key);
    AcmeClient.Answer order = client.newOrder("localhost").expect(201);
    AcmeClient other = client("other").register();
    String foreign = revocation(other.certificate(acme.web, TestAuthority.generate(), "localhost"));
    client.post(client.url("revoke-cert"), foreign).expectError(403, "unauthorized");
    other.post(other.url("revoke-cert"), foreign).expect(200);
    // Its own it revokes as ever, since it ordered it.
    AcmeClient.Answer valid =
        client.finalizeOrder(order, TestAuthority.generate(), "localhost").expect(200);
    String own = revocation(client.read(valid.text("certificate")).expect(200));
    client.post(client.url("revoke-cert"), own).expect(200);
  }

  @Test
  @DisplayName("RFC 8555 7.6: proven names revoke others' certificates until the binding key ends")
  void revokedKeyRevokesNothing() throws Exception {
    BindingKeys.Made key = key(reusable(List.of(), patterns("localhost")));
    AcmeClient client = bound(key);
    client.readyOrder(acme.web, "localhost");
    AcmeClient other = bound(key(reusable(List.of(), patterns("localhost"))));
    String first = revocation(other.certificate(acme.web, TestAuthority.generate(), "localhost"));
    String second = revocation(other.certificate(acme.web, TestAuthority.generate(), "localhost"));
    client.post(client.url("revoke-cert"), first).expect(200);
    acme.bindingKeys.revoke(key.key().id(), OPERATOR);
    client.post(client.url("revoke-cert"), second).expectError(403, "unauthorized");
    other.post(other.url("revoke-cert"), second).expect(200);
  }

  private static String revocation(AcmeClient.Answer chain) {
    return AcmeClient.object()
        .put("certificate", AcmeClient.base64(AcmeClient.firstCertificate(chain)))
        .toString();
  }

  @Test
  @DisplayName("a binding key allows no name that the profile does not")
  void profileStillDecides() {
    AcmeClient client = bound(key(reusable(patterns("*"), List.of())));
    client.newOrder("forbidden.example").expectError(400, "rejectedIdentifier");
  }

  @Test
  @DisplayName("an expired key: no account, no order, no finalize")
  void expired() {
    BindingPolicy policy =
        new BindingPolicy(
            patterns("localhost"),
            List.of(),
            List.of(),
            Optional.empty(),
            Optional.of(clock.instant().plusSeconds(60)));
    BindingKeys.Made key = key(policy);
    AcmeClient client = bound(key);
    AcmeClient.Answer order = client.newOrder("localhost").expect(201);
    clock.advance(Duration.ofSeconds(60));
    AcmeClient late = client();
    assertThat(register(late, binding(late, key)).expectError(403, "unauthorized").text("detail"))
        .contains("expired");
    assertThat(client.newOrder("localhost").expectError(403, "unauthorized").text("detail"))
        .contains("expired");
    client
        .finalizeOrder(order, TestAuthority.generate(), "localhost")
        .expectError(403, "unauthorized");
  }

  @Test
  @DisplayName("the secret is in no row of the database, and in no text of the one who has it")
  void secrecy() {
    BindingKeys.Made key = key(uses(1));
    byte[] secret = Base64.getUrlDecoder().decode(key.macKey());
    assertThat(secret).hasSize(64);
    assertThat(key.macKey()).doesNotStartWith("-");
    assertThat(key.toString()).doesNotContain(key.macKey());
    byte[] stored =
        acme.database
            .sql()
            .selectFrom(ACME_BINDING_KEYS)
            .where(ACME_BINDING_KEYS.ID.eq(key.key().id().value()))
            .fetchSingle(ACME_BINDING_KEYS.MAC_KEY);
    assertThat(new String(stored, StandardCharsets.ISO_8859_1))
        .doesNotContain(new String(secret, 0, 16, StandardCharsets.ISO_8859_1));
  }

  @Test
  @DisplayName("a secret is of one key: under another's id, or another cipher, it is none")
  void encryption() {
    BindingKeyId id = key(uses(1)).key().id();
    BindingKeyId other = key(uses(1)).key().id();
    byte[] secret = new byte[BindingCipher.SECRET_OCTETS];
    BindingCipher cipher = new BindingCipher(secret.clone());
    secret[31] = 1;
    byte[] macKey = {1, 2, 3};
    byte[] encrypted = cipher.encrypt(id, macKey, new java.security.SecureRandom());
    assertThat(cipher.decrypt(id, encrypted)).contains(macKey);
    assertThat(cipher.decrypt(other, encrypted)).isEmpty();
    assertThat(new BindingCipher(secret).decrypt(id, encrypted)).isEmpty();
  }

  @Test
  @DisplayName("all nodes have one cipher: the first claims the database")
  void cipher() {
    BindingCipher first = new BindingCipher(new byte[BindingCipher.SECRET_OCTETS]);
    byte[] secret = new byte[BindingCipher.SECRET_OCTETS];
    secret[0] = 1;
    assertThat(BindingKeys.claim(acme.database, first)).isTrue();
    assertThat(BindingKeys.claim(acme.database, first)).isTrue();
    assertThat(BindingKeys.claim(acme.database, new BindingCipher(secret))).isFalse();
    assertThat(BindingKeys.isClaimed(acme.database)).isTrue();
  }

  @Test
  @DisplayName("acme4j binds its account and has a certificate without a challenge")
  void acme4j() throws Exception {
    BindingKeys.Made key = key(reusable(patterns("localhost"), List.of()));
    Session session = new Session(acme.url.resolve("/acme/" + REQUIRED_BINDING + "/directory"));
    assertThat(session.getMetadata().isExternalAccountRequired()).isTrue();
    for (String algorithm : List.of("HS256", "HS384", "HS512")) {
      Login login =
          new AccountBuilder()
              .agreeToTermsOfService()
              .useKeyPair(TestAuthority.generate())
              .withKeyIdentifier(key.key().id().toString(), key.macKey())
              .withMacAlgorithm(algorithm)
              .createLogin(session);
      Account account = login.getAccount();
      assertThat(account.hasExternalAccountBinding()).isTrue();
      assertThat(account.getKeyIdentifier()).contains(key.key().id().toString());
      Order order = account.newOrder().domains("localhost").create();
      assertThat(order.getStatus()).isEqualTo(Status.READY);
      assertThat(order.getAuthorizations())
          .singleElement()
          .satisfies(
              authorization -> assertThat(authorization.getStatus()).isEqualTo(Status.VALID));
      order.execute(TestAuthority.generate());
      assertThat(order.waitForCompletion(PATIENCE)).isEqualTo(Status.VALID);
      assertThat(order.getCertificate().getCertificateChain()).hasSize(2);
    }
    assertThatThrownBy(
            () -> new AccountBuilder().useKeyPair(TestAuthority.generate()).create(session))
        .isInstanceOfSatisfying(
            AcmeServerException.class,
            no ->
                assertThat(no.getType().toString())
                    .isEqualTo("urn:ietf:params:acme:error:externalAccountRequired"));
  }
}
