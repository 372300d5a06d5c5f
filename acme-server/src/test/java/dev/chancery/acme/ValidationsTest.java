package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.store.DatabaseAway;
import dev.chancery.testing.DatabaseKind;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** RFC 8555 sections 7.1.6 and 7.5: from an accepted challenge to a ready or an invalid order. */
@ParameterizedClass
@EnumSource
final class ValidationsTest {
  @TempDir static Path folder;
  private static AcmeFixture acme;

  @Parameter DatabaseKind kind;
  private AcmeClient client;

  @BeforeParameterizedClassInvocation
  static void start(DatabaseKind kind) {
    acme = new AcmeFixture(kind, folder);
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    acme.close();
  }

  @BeforeEach
  void register() {
    client = new AcmeClient(acme.url).register();
  }

  private void answer(JsonNode challenge) {
    String token = challenge.get("token").asText();
    acme.web.answer(token, token + "." + client.thumbprint());
  }

  private String authorization(AcmeClient.Answer order) {
    return order.json().get("authorizations").get(0).asText();
  }

  @Test
  @DisplayName("RFC 8555 7.1.6: a wrong answer makes challenge, authorization and order invalid")
  void wrongAnswer() {
    AcmeClient.Answer order = client.newOrder("localhost", "127.0.0.1").expect(201);
    JsonNode challenge = client.challenges(order).getFirst();
    acme.web.answer(challenge.get("token").asText(), "something else");
    client.post(challenge.get("url").asText(), "{}").expect(200);
    AcmeClient.Answer authorization = client.await(authorization(order), "pending");
    assertThat(authorization.text("status")).isEqualTo("invalid");
    JsonNode problem = authorization.json().at("/challenges/0/error");
    assertThat(problem.get("type").asText()).endsWith(":incorrectResponse");
    assertThat(problem.get("detail").asText())
        .contains("127.0.0.1 port " + acme.web.port(), "something else");
    assertThat(client.read(order.location()).text("status")).isEqualTo("invalid");
    assertThat(client.read(order.location()).json().at("/error/type").asText())
        .endsWith(":incorrectResponse");
  }

  @Test
  @DisplayName("RFC 8555 8.2: attempts are repeated, so an answer may come late")
  void lateAnswer() {
    AcmeClient.Answer order = client.newOrder("localhost").expect(201);
    JsonNode challenge = client.challenges(order).getFirst();
    AcmeClient.Answer accepted = client.post(challenge.get("url").asText(), "{}").expect(200);
    assertThat(accepted.headers().allValues("Link"))
        .contains("<" + authorization(order) + ">;rel=\"up\"");
    answer(challenge);
    assertThat(client.await(order.location(), "pending").text("status")).isEqualTo("ready");
    AcmeClient.Answer again = client.post(challenge.get("url").asText(), "{}").expect(200);
    assertThat(again.text("status")).isEqualTo("valid");
    assertThat(again.text("validated")).isNotEmpty();
  }

  @Test
  @DisplayName("two names settled at once leave no order behind")
  void settledAtOnce() {
    for (int round = 0; round < 10; round++) {
      // An account that has proven the names would not have to again.
      register();
      AcmeClient.Answer order = client.newOrder("localhost", "127.0.0.1").expect(201);
      List<JsonNode> challenges = client.challenges(order);
      challenges.forEach(this::answer);
      challenges.parallelStream()
          .forEach(challenge -> client.post(challenge.get("url").asText(), "{}").expect(200));
      assertThat(client.await(order.location(), "pending").text("status")).isEqualTo("ready");
    }
  }

  @Test
  @DisplayName("two validations of one challenge settle it once, and the loser changes nothing")
  void settlesOnce() throws Exception {
    Clock clock = Clock.systemUTC();
    Authorizations authorizations = new Authorizations(acme.database, clock, Duration.ofDays(1));
    AcmeClient.Answer order = client.newOrder("localhost").expect(201);
    AcmeUrls urls = new AcmeUrls(acme.settings.endpoints().getFirst());
    String id = authorization(order).replaceAll(".*/", "");
    Authorization authorization =
        authorizations
            .find(urls.accountAt(client.account()), AuthorizationId.parse(id))
            .orElseThrow();
    Challenge challenge = authorization.challenges().getFirst();
    AccountKey key = AccountKey.parse((ObjectNode) client.jwk());
    Instant lease = Times.now(clock).plusSeconds(60);
    long accepted =
        IntStream.range(0, 8)
            .parallel()
            .filter(i -> authorizations.accept(challenge, key, lease.plusMillis(i)).isPresent())
            .count();
    assertThat(accepted).isEqualTo(1);
    Challenge.State.Processing held =
        (Challenge.State.Processing)
            authorizations
                .find(urls.accountAt(client.account()), authorization.id())
                .orElseThrow()
                .challenges()
                .getFirst()
                .state();
    Problem problem = Problem.of(AcmeError.CONNECTION, "by the test");
    long settled =
        IntStream.range(0, 8)
            .parallel()
            .filter(i ->
                i % 2 == 0
                    ? authorizations.succeed(challenge, held, Optional.empty())
                    : authorizations.fail(challenge, held, problem))
            .count();
    assertThat(settled).isEqualTo(1);
    String status = client.read(authorization(order)).text("status");
    assertThat(client.read(order.location()).text("status"))
        .isEqualTo(status.equals("valid") ? "ready" : "invalid");
  }

  @Test
  @DisplayName("a validation whose node died is gone on with by another")
  void abandoned() throws Exception {
    Authorizations authorizations =
        new Authorizations(acme.database, Clock.systemUTC(), Duration.ofDays(1));
    AcmeClient.Answer order = client.newOrder("localhost").expect(201);
    JsonNode answered = client.challenges(order).getFirst();
    answer(answered);
    AcmeUrls urls = new AcmeUrls(acme.settings.endpoints().getFirst());
    Challenge challenge =
        authorizations
            .find(
                urls.accountAt(client.account()),
                AuthorizationId.parse(authorization(order).replaceAll(".*/", "")))
            .orElseThrow()
            .challenges()
            .getFirst();
    Optional<Challenge.State.Processing> dead =
        authorizations.accept(
            challenge,
            AccountKey.parse((ObjectNode) client.jwk()),
            Times.now(Clock.systemUTC()).minusSeconds(1));
    assertThat(dead).isPresent();
    assertThat(client.read(answered.get("url").asText()).text("status")).isEqualTo("processing");
    AcmeServer second = acme.newServer();
    List.of(acme.server, second).parallelStream()
        .forEach(node -> node.recover(Duration.ofHours(1)));
    assertThat(client.await(order.location(), "pending").text("status")).isEqualTo("ready");
    assertThat(authorizations.succeed(challenge, dead.get(), Optional.empty())).isFalse();
  }

  @Test
  @DisplayName("a defect in an attempt ends the challenge like an answer that is not met")
  void defect() throws Exception {
    Authorizations authorizations =
        new Authorizations(acme.database, Clock.systemUTC(), Duration.ofDays(1));
    AcmeClient.Answer order = client.newOrder("localhost").expect(201);
    Authorization authorization =
        authorizations
            .find(
                new AcmeUrls(acme.settings.endpoints().getFirst()).accountAt(client.account()),
                AuthorizationId.parse(authorization(order).replaceAll(".*/", "")))
            .orElseThrow();
    AtomicInteger attempts = new AtomicInteger();
    HostAddresses broken =
        (name, patience) -> {
          attempts.incrementAndGet();
          throw new IllegalStateException("jdbc:broken by the test");
        };
    try (WebFetch fetch = new WebFetch(1, new SecureRandom());
        Validations validations =
            new Validations(
                authorizations,
                Map.of(
                    ChallengeKind.HTTP_01,
                    new Http01(
                        fetch,
                        new TargetAddresses(broken, TargetNetworks.byDefault()),
                        80,
                        Set.of(80))),
                acme.settings.endpoints(),
                new RateLimiter(acme.settings.endpoints(), Clock.systemUTC()),
                Clock.systemUTC(),
                List.of(Duration.ofMillis(10), Duration.ofMillis(10)),
                1)) {
      validations.accept(
          authorization,
          authorization.challenges().getFirst(),
          AccountKey.parse((ObjectNode) client.jwk()),
          new AcmeUrls(acme.settings.endpoints().getFirst()));
      AcmeClient.Answer answer = client.await(authorization(order), "pending");
      assertThat(answer.text("status")).isEqualTo("invalid");
      assertThat(answer.json().at("/challenges/0/error/type").asText()).endsWith(":serverInternal");
      assertThat(answer.body()).doesNotContain("jdbc");
      assertThat(attempts).hasValue(3);
    }
  }

  @Test
  @DisplayName("a challenge that the database was away for does not take an attempt from the next")
  void databaseAway() throws Exception {
    Authorizations authorizations =
        new Authorizations(acme.database, Clock.systemUTC(), Duration.ofDays(1));
    AcmeClient.Answer order = client.newOrder("localhost").expect(201);
    Authorization authorization =
        authorizations
            .find(
                new AcmeUrls(acme.settings.endpoints().getFirst()).accountAt(client.account()),
                AuthorizationId.parse(authorization(order).replaceAll(".*/", "")))
            .orElseThrow();
    Challenge challenge = authorization.challenges().getFirst();
    AccountKey key = AccountKey.parse((ObjectNode) client.jwk());
    AcmeUrls urls = new AcmeUrls(acme.settings.endpoints().getFirst());
    answer(client.challenges(order).getFirst());
    try (WebFetch fetch = new WebFetch(1, new SecureRandom());
        Validations validations =
            new Validations(
                authorizations,
                Map.of(
                    ChallengeKind.HTTP_01,
                    new Http01(
                        fetch,
                        new TargetAddresses(Attempts.LOOPBACK, TargetNetworks.byDefault()),
                        acme.web.port(),
                        Set.of(acme.web.port()))),
                acme.settings.endpoints(),
                new RateLimiter(acme.settings.endpoints(), Clock.systemUTC()),
                Clock.systemUTC(),
                List.of(),
                1)) {
      acme.whileNoneConnects(() ->
          assertThatThrownBy(() -> validations.accept(authorization, challenge, key, urls))
              .isInstanceOf(DatabaseAway.class));
      validations.accept(authorization, challenge, key, urls);
      assertThat(client.await(order.location(), "pending").text("status")).isEqualTo("ready");
    }
  }

  @Test
  @DisplayName("RFC 8555 7.5.2: a deactivated authorization takes its pending order with it")
  void deactivation() {
    AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
    String url = authorization(order);
    AcmeClient.Answer answer = client.post(url, "{\"status\":\"deactivated\"}").expect(200);
    assertThat(answer.text("status")).isEqualTo("deactivated");
    assertThat(client.read(order.location()).text("status")).isEqualTo("invalid");
    client.post(url, "{\"status\":\"deactivated\"}").expect(200);
    client.post(url, "{\"status\":\"valid\"}").expectError(400, "malformed");
    AcmeClient.Answer pending = client.newOrder("localhost").expect(201);
    JsonNode challenge = client.challenges(pending).getFirst();
    client.post(authorization(pending), "{\"status\":\"deactivated\"}").expect(200);
    client.post(challenge.get("url").asText(), "{}").expectError(400, "malformed");
  }

  @Test
  @DisplayName(
      "RFC 8555 7.1.4: a valid authorization lists what was validated, an invalid what failed")
  void settledChallenges() {
    AcmeClient.Answer order = client.newOrder("localhost").expect(201);
    assertThat(client.read(authorization(order)).json().get("challenges")).hasSize(3);
    JsonNode challenge = client.challenges(order).getFirst();
    client.post(challenge.get("url").asText(), "{}").expect(200);
    AcmeClient.Answer invalid = client.await(authorization(order), "pending");
    assertThat(invalid.text("status")).isEqualTo("invalid");
    assertThat(invalid.json().get("challenges")).hasSize(1);
    assertThat(invalid.json().at("/challenges/0/status").asText()).isEqualTo("invalid");
    AcmeClient.Answer ready = client.readyOrder(acme.web, "localhost");
    JsonNode valid = client.read(authorization(ready)).json();
    assertThat(valid.get("challenges")).hasSize(1);
    assertThat(valid.at("/challenges/0/status").asText()).isEqualTo("valid");
    assertThat(valid.at("/challenges/0/type").asText()).isEqualTo("http-01");
  }
}
