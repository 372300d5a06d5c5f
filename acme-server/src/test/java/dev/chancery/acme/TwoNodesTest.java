package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.ACME_ORDERS;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.CertificateRecord;
import dev.chancery.testing.DatabaseKind;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two servers on one PostgreSQL behind one URL, whose requests come to either in turn. */
final class TwoNodesTest {
  private static AcmeFixture acme;
  private static URI second;
  private final AtomicInteger requests = new AtomicInteger();

  @BeforeAll
  static void start(@TempDir Path folder) {
    acme = new AcmeFixture(DatabaseKind.POSTGRESQL, folder);
    second = acme.secondNode();
  }

  @AfterAll
  static void stop() {
    acme.close();
  }

  private URI balanced(URI url) {
    return requests.getAndIncrement() % 2 == 0 ? url : atSecond(url);
  }

  private static URI atSecond(URI url) {
    return URI.create(url.toString().replace(acme.url.toString(), second.toString()));
  }

  private AcmeClient client() {
    return new AcmeClient(acme.url).through(this::balanced);
  }

  @Test
  @DisplayName("RFC 8555 6.5: a nonce of one server works at the other, and once at both together")
  void nonces() {
    AcmeClient client = client().register();
    String url = client.url("new-order");
    String payload = "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"n.example\"}]}";
    for (int round = 0; round < 10; round++) {
      String nonce = client.through(UnaryOperator.identity()).nonce();
      String request =
          client.jws(client.header(url).put("nonce", nonce).toString(), payload).toString();
      AcmeClient elsewhere = client.through(TwoNodesTest::atSecond);
      elsewhere.send(url, AcmeClient.JOSE, request).expect(201);
      elsewhere.send(url, AcmeClient.JOSE, request).expectError(400, "badNonce");
      client
          .through(UnaryOperator.identity())
          .send(url, AcmeClient.JOSE, request)
          .expectError(400, "badNonce");
    }
  }

  @Test
  @DisplayName("RFC 8555 6.5: the same request at both servers at once acts once")
  void nonceRace() {
    AcmeClient client = client().register();
    String url = client.url("new-order");
    String payload = "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"race.example\"}]}";
    for (int round = 0; round < 5; round++) {
      String request = client.jws(client.header(url).toString(), payload).toString();
      List<AcmeClient.Answer> answers =
          IntStream.range(0, 8)
              .parallel()
              .mapToObj(i -> client.send(url, AcmeClient.JOSE, request))
              .toList();
      assertThat(answers.stream().filter(answer -> answer.status() == 201)).hasSize(1);
      answers.stream()
          .filter(answer -> answer.status() != 201)
          .forEach(answer -> answer.expectError(400, "badNonce"));
    }
  }

  @Test
  @DisplayName("RFC 8555 7.3.5, 7.3.6: what one server has just seen of an account does not count")
  void accountKnownElsewhere() {
    AcmeClient client = new AcmeClient(acme.url).register();
    String account = client.account();
    for (int round = 0; round < 2; round++) {
      client.through(UnaryOperator.identity()).read(account).expect(200);
      client.through(TwoNodesTest::atSecond).read(account).expect(200);
    }
    String contact = "mailto:new@example.org";
    client
        .through(UnaryOperator.identity())
        .post(account, "{\"contact\":[\"" + contact + "\"]}")
        .expect(200);
    assertThat(client.through(TwoNodesTest::atSecond).read(account).expect(200).body())
        .contains(contact);

    client
        .through(UnaryOperator.identity())
        .post(account, "{\"status\":\"deactivated\"}")
        .expect(200);
    client.through(TwoNodesTest::atSecond).read(account).expectError(401, "unauthorized");
    client.newOrder("late.example").expectError(401, "unauthorized");
  }

  /** Two looks: what the first one keeps must not decide about the second. */
  private static void seenAtSecond(AcmeClient client) {
    for (int look = 0; look < 2; look++) {
      client.through(TwoNodesTest::atSecond).read(client.account()).expect(200);
    }
    client.through(UnaryOperator.identity());
  }

  @Test
  @DisplayName("RFC 8555 7.3.5: a key that was changed at one server is refused by the other")
  void keyChangedElsewhere() {
    AcmeClient client = new AcmeClient(acme.url).register();
    String account = client.account();
    seenAtSecond(client);
    AcmeClient next = new AcmeClient(acme.url);
    String url = client.url("key-change");
    ObjectNode header = AcmeClient.object().put("alg", "ES256").put("url", url);
    header.set("jwk", next.jwk());
    ObjectNode payload = AcmeClient.object().put("account", account);
    payload.set("oldKey", client.jwk());
    client.post(url, next.jws(header.toString(), payload.toString()).toString()).expect(200);
    client.through(TwoNodesTest::atSecond).read(account).expectError(400, "malformed");
    next.as(account).through(TwoNodesTest::atSecond).read(account).expect(200);
  }

  @Test
  @DisplayName("RFC 8555 7.3.3: terms that were agreed to at one server are known to the other")
  void termsAgreedElsewhere() {
    URI terms = URI.create("https://ca.example/terms");
    AcmeSettings changed =
        acme.settings(
            List.of(
                new EndpointBuilder(AcmeEndpoint.DEFAULT, acme.url)
                    .termsOfService(Optional.of(terms))
                    .build()));
    URI first = acme.serve(acme.newServer(changed));
    URI other = acme.serve(acme.newServer(changed));
    AcmeClient client = new AcmeClient(acme.url).register();
    for (int look = 0; look < 2; look++) {
      client.through(other).newOrder("terms.example").expectError(403, "userActionRequired");
    }
    client.through(first).post(client.account(), "{\"termsOfServiceAgreed\":true}").expect(200);
    client.through(other).newOrder("terms.example").expect(201);
  }

  @Test
  @DisplayName("RFC 8555 7.3: the same new account at both servers at once is one")
  void newAccountRace() {
    AcmeClient client = client();
    Set<String> locations =
        IntStream.range(0, 8)
            .parallel()
            .mapToObj(i ->
                client
                    .post(client.url("new-account"), "{\"termsOfServiceAgreed\":true}")
                    .location())
            .collect(Collectors.toSet());
    assertThat(locations).hasSize(1).doesNotContain("");
  }

  @Test
  @DisplayName(
      "one account orders in parallel from many clients: every order ends valid, once each")
  void parallelOrders() {
    AcmeClient account = client().register();
    List<String> locations =
        IntStream.range(0, 24)
            .parallel()
            .mapToObj(i -> {
              AcmeClient client =
                  new AcmeClient(acme.url, AcmeEndpoint.DEFAULT, account.keys, "ES256")
                      .as(account.account())
                      .through(this::balanced);
              String[] names =
                  i % 2 == 0 ? new String[] {"localhost", "127.0.0.1"} : new String[] {"127.0.0.1"};
              AcmeClient.Answer order = client.readyOrder(acme.web, names);
              byte[] csr = AcmeClient.csr(TestAuthority.generate(), "", names);
              AcmeClient.Answer valid = client.finalizeOrder(order, csr).expect(200);
              // The answer was lost; the client comes to the other server.
              AcmeClient.Answer again = client.finalizeOrder(order, csr).expect(200);
              assertThat(again.json()).isEqualTo(valid.json());
              assertThat(valid.text("status")).isEqualTo("valid");
              assertThat(AcmeClient.firstCertificate(client.read(valid.text("certificate"))))
                  .isNotEmpty();
              return order.location();
            })
            .toList();
    assertThat(locations).doesNotHaveDuplicates();
    assertThat(
            acme.authority.inState(CertificateRecord.State.ISSUED).stream()
                .filter(record ->
                    account
                        .account()
                        .endsWith(Base64Url.encode(record.account().orElseThrow().value()))))
        .hasSize(24);
    assertThat(acme.authority.inState(CertificateRecord.State.REVOKED)).isEmpty();
    assertThat(acme.database.sql().fetchCount(ACME_ORDERS, ACME_ORDERS.STATUS.eq("processing")))
        .isZero();
  }

  @Test
  @DisplayName("RFC 8555 7.4: the same finalize at both servers at once makes one certificate")
  void finalizeRace() {
    AcmeClient client = client().register();
    for (int round = 0; round < 5; round++) {
      AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
      byte[] csr = AcmeClient.csr(TestAuthority.generate(), "", "localhost");
      IntStream.range(0, 8).parallel().forEach(i -> client.finalizeOrder(order, csr).expect(200));
      AcmeClient.Answer valid = client.await(order.location(), "processing");
      assertThat(valid.text("status")).isEqualTo("valid");
    }
    assertThat(
            acme.authority.records().stream()
                .filter(record ->
                    client
                        .account()
                        .endsWith(Base64Url.encode(record.account().orElseThrow().value()))))
        .hasSize(5);
  }

  @Test
  @DisplayName("RFC 8555 7.5.1: a challenge is accepted once, whichever servers are told how often")
  void challengeRace() {
    AcmeClient client = client().register();
    AcmeClient.Answer order = client.newOrder("localhost").expect(201);
    JsonNode challenge = client.challenges(order).getFirst();
    String token = challenge.get("token").asText();
    acme.web.answer(token, token + "." + client.thumbprint());
    IntStream.range(0, 8)
        .parallel()
        .forEach(i -> client.post(challenge.get("url").asText(), "{}").expect(200));
    assertThat(client.await(order.location(), "pending").text("status")).isEqualTo("ready");
    assertThat(client.post(challenge.get("url").asText(), "{}").expect(200).text("status"))
        .isEqualTo("valid");
  }

  @Test
  @DisplayName("what one server left processing the other ends")
  void recovery() {
    AcmeClient client = client().register();
    AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
    acme.authority.failNext(TestAuthority.Fault.BROKEN_AFTER_ISSUE);
    client.finalizeOrder(order, TestAuthority.generate(), "localhost").expect(200);
    acme.newServer().recover(Duration.ZERO);
    assertThat(client.read(order.location()).text("status")).isEqualTo("valid");
  }
}
