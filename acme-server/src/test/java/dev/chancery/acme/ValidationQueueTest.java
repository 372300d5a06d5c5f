package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.ACME_ACCOUNTS;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.AccountId;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** What becomes of challenges when more are accepted than are attempted at once. */
@ParameterizedClass
@EnumSource
final class ValidationQueueTest {
  private static final int PLACES = 8;

  @TempDir Path folder;
  @Parameter DatabaseKind kind;
  private final AdjustableClock clock = new AdjustableClock(Instant.now());
  private final CountDownLatch held = new CountDownLatch(1);
  private AcmeFixture acme;
  private Authorizations authorizations;
  private Validations validations;

  @BeforeEach
  void start() {
    acme = new AcmeFixture(kind, folder, clock, Optional.empty());
    authorizations = new Authorizations(acme.database, clock, Duration.ofDays(1));
    validations = node();
  }

  /** Attempts at names that begin with slow wait for the latch; all are met. */
  private Validations node() {
    return node(
        PLACES,
        attempt -> {
          if (attempt.name().value().startsWith("slow")) {
            try {
              held.await();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
              return new Validator.Outcome.NotMet(
                  Problem.of(AcmeError.SERVER_INTERNAL, "broken off"), false);
            }
          }
          return new Validator.Outcome.Met();
        });
  }

  private Validations node(int places, Validator validator) {
    return new Validations(
        authorizations,
        Map.of(ChallengeKind.HTTP_01, validator),
        acme.settings.endpoints(),
        new RateLimiter(acme.settings.endpoints(), Clock.systemUTC()),
        clock,
        List.of(),
        places);
  }

  @AfterEach
  void stop() {
    validations.close();
    acme.close();
  }

  private AcmeUrls urls() {
    return new AcmeUrls(acme.settings.endpoints().getFirst());
  }

  private String accept(AcmeClient client, String name) throws Exception {
    return accept(validations, client, name);
  }

  private String accept(Validations node, AcmeClient client, String name) throws Exception {
    AcmeClient.Answer order = client.newOrder(name).expect(201);
    String url = order.json().at("/authorizations/0").asText();
    Authorization authorization =
        authorizations
            .find(
                urls().accountAt(client.account()),
                AuthorizationId.parse(url.replaceAll(".*/", "")))
            .orElseThrow();
    node.accept(
        authorization,
        authorization.challenges().getFirst(),
        AccountKey.parse((ObjectNode) client.jwk()),
        urls());
    return url;
  }

  private List<String> flood(AcmeClient client) throws Exception {
    List<String> flood = new ArrayList<>();
    for (int i = 0; i < PLACES + 4; i++) {
      flood.add(accept(client, "slow" + i + ".example"));
    }
    return flood;
  }

  @Test
  @DisplayName("an account that has many keeps no other waiting")
  void fair() throws Exception {
    flood(new AcmeClient(acme.url).register());
    AcmeClient other = new AcmeClient(acme.url).register();
    String quick = accept(other, "quick.example");
    assertThat(other.await(quick, "pending").text("status")).isEqualTo("valid");
  }

  @Test
  @DisplayName("what found no place begins when one is free, without waiting for the next pass")
  void drained() throws Exception {
    AcmeClient client = new AcmeClient(acme.url).register();
    List<String> flood = flood(client);
    held.countDown();
    for (String url : flood) {
      assertThat(client.await(url, "pending").text("status")).isEqualTo("valid");
    }
  }

  @Test
  @DisplayName("a node that has places takes up what another has none for, in turn by account")
  void elsewhere() throws Exception {
    AcmeClient client = new AcmeClient(acme.url).register();
    flood(client);
    AcmeClient other = new AcmeClient(acme.url).register();
    String first = accept(other, "slow-too.example");
    String second = accept(other, "quick.example");
    try (Validations node = node()) {
      assertThat(node.recover()).isEqualTo(2);
      assertThat(other.await(second, "pending").text("status")).isEqualTo("valid");
      assertThat(other.read(first).text("status")).isEqualTo("pending");
    }
  }

  @Test
  @DisplayName("RFC 8555 8.1: what waits is met by the key of when it was chosen, changed or not")
  void keyChangedMeanwhile() throws Exception {
    AcmeClient client = new AcmeClient(acme.url).register();
    String thumbprint = client.thumbprint();
    accept(client, "slow.example");
    accept(client, "waits.example");
    acme.database
        .sql()
        .update(ACME_ACCOUNTS)
        .set(ACME_ACCOUNTS.KEY_THUMBPRINT, new byte[32])
        .where(ACME_ACCOUNTS.KEY_THUMBPRINT.eq(Base64Url.decode(thumbprint, "thumbprint")))
        .execute();
    BlockingQueue<String> answers = new LinkedBlockingQueue<>();
    try (Validations node =
        node(
            1,
            attempt -> {
              answers.add(attempt.keyAuthorization());
              return new Validator.Outcome.Met();
            })) {
      assertThat(node.recover()).isEqualTo(1);
      assertThat(answers.poll(30, TimeUnit.SECONDS)).endsWith("." + thumbprint);
    }
  }

  @Test
  @DisplayName("what found no place for too long becomes invalid, and says why; what runs goes on")
  void tooLate() throws Exception {
    AcmeClient client = new AcmeClient(acme.url).register();
    List<String> flood = flood(client);
    clock.advance(Duration.ofSeconds(41));
    validations.recover();
    int invalid = 0;
    for (String url : flood) {
      AcmeClient.Answer authorization = client.read(url);
      if (authorization.text("status").equals("invalid")) {
        assertThat(authorization.json().at("/challenges/0/error/detail").asText())
            .contains("too many validations");
        invalid++;
      }
    }
    assertThat(invalid).isEqualTo(flood.size() - 1);
    held.countDown();
    assertThat(client.await(flood.getFirst(), "pending").text("status")).isEqualTo("valid");
  }

  /** Attempts that end one by one, and say in which order they began. */
  private static final class OneByOne implements Validator {
    final BlockingQueue<String> begun = new LinkedBlockingQueue<>();
    final Semaphore ends = new Semaphore(0);

    @Override
    public Outcome attempt(Attempt attempt) {
      begun.add(attempt.name().value());
      try {
        ends.acquire();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return new Outcome.Met();
    }

    String next() throws InterruptedException {
      return Objects.requireNonNull(begun.poll(30, TimeUnit.SECONDS), "nothing began");
    }
  }

  @Test
  @DisplayName("with one place, an account that always has more keeps no other waiting")
  void inTurn() throws Exception {
    AcmeClient older = new AcmeClient(acme.url).register();
    AcmeClient younger = new AcmeClient(acme.url).register();
    OneByOne attempts = new OneByOne();
    try (Validations node = node(1, attempts)) {
      for (int i = 0; i < 3; i++) {
        accept(node, older, "older" + i + ".example");
        clock.advance(Duration.ofSeconds(1));
      }
      accept(node, younger, "younger0.example");
      clock.advance(Duration.ofSeconds(1));
      accept(node, younger, "younger1.example");
      List<String> order = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        order.add(attempts.next());
        attempts.ends.release();
      }
      assertThat(order)
          .containsExactly(
              "older0.example",
              "younger0.example",
              "older1.example",
              "younger1.example",
              "older2.example");
    }
  }

  @Test
  @DisplayName("more accounts than places that always have more keep no younger one waiting")
  void manyFloods() throws Exception {
    OneByOne attempts = new OneByOne();
    try (Validations node = node(PLACES, attempts)) {
      for (int account = 0; account < PLACES + 1; account++) {
        AcmeClient older = new AcmeClient(acme.url).register();
        for (int i = 0; i < 3; i++) {
          accept(node, older, "older" + account + "-" + i + ".example");
          clock.advance(Duration.ofMillis(100));
        }
      }
      accept(node, new AcmeClient(acme.url).register(), "younger.example");
      for (int i = 0; i < PLACES; i++) {
        assertThat(attempts.next()).endsWith("-0.example");
      }
      attempts.ends.release();
      assertThat(attempts.next()).isEqualTo("older" + PLACES + "-0.example");
      attempts.ends.release();
      assertThat(attempts.next()).isEqualTo("younger.example");
    }
  }

  @Test
  @DisplayName("an account that has some of its share is found no more for than the rest of it")
  void restOfShare() throws Exception {
    List<AccountId> accounts = new ArrayList<>();
    for (int account = 0; account < 2; account++) {
      AcmeClient client = new AcmeClient(acme.url).register();
      flood(client);
      accounts.add(urls().accountAt(client.account()));
    }
    clock.advance(Duration.ofSeconds(1));
    WaitingChallenges waiting = authorizations.waiting(Set.of(AcmeEndpoint.DEFAULT));
    List<AccountId> found =
        waiting
            .abandoned(
                clock.instant(),
                new ValidationPlaces.Standings(
                    6, 4, Map.of(accounts.getFirst(), new ValidationPlaces.Standing(3, 1))))
            .stream()
            .map(Authorizations.Accepted::account)
            .toList();
    // The first has room for one more; it comes after those that bring the second as far.
    assertThat(found)
        .startsWith(accounts.get(1), accounts.get(1), accounts.get(1))
        .hasSize(5)
        .containsOnlyOnce(accounts.getFirst());
  }
}
