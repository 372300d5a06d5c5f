package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.ACME_ORDERS;
import static dev.chancery.store.schema.Tables.ACME_REPLACEMENTS;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** RFC 9773 section 5: which order replaces which certificate. */
final class ReplacementsTest {
  @TempDir Path folder;

  static String issue(AcmeFixture acme, AcmeClient client) {
    return identifier(
        AcmeClient.firstCertificate(
            client.certificate(acme.web, TestAuthority.generate(), "localhost")));
  }

  /** As RFC 9773 section 4.1 says, by way of the certificate's own octets. */
  static String identifier(byte[] certificate) {
    var holder =
        new org.bouncycastle.cert.X509CertificateHolder(
            org.bouncycastle.asn1.x509.Certificate.getInstance(certificate));
    return AcmeClient.base64(TestAuthority.KEY_IDENTIFIER)
        + "."
        + AcmeClient.base64(holder.getSerialNumber().toByteArray());
  }

  static AcmeClient.Answer replace(AcmeClient client, String identifier, String... names) {
    ObjectNode order = AcmeClient.object().put("replaces", identifier);
    ArrayNode identifiers = order.putArray("identifiers");
    for (String name : names) {
      identifiers.addObject().put("type", "dns").put("value", name);
    }
    return client.post(client.url("new-order"), order);
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("replaces is shown again; a second order is 409 alreadyReplaced, also once valid")
  void once(DatabaseKind kind) {
    try (AcmeFixture acme = new AcmeFixture(kind, folder)) {
      AcmeClient client = new AcmeClient(acme.url).register();
      String predecessor = issue(acme, client);

      AcmeClient.Answer order = replace(client, predecessor, "localhost", "b.example").expect(201);
      assertThat(order.text("replaces")).isEqualTo(predecessor);
      assertThat(client.read(order.location()).text("replaces")).isEqualTo(predecessor);
      int orders = acme.database.sql().fetchCount(ACME_ORDERS);
      replace(client, predecessor, "localhost").expectError(409, "alreadyReplaced");
      assertThat(acme.database.sql().fetchCount(ACME_ORDERS)).isEqualTo(orders);
    }
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("a valid replacement stays one when its order is forgotten")
  void forGood(DatabaseKind kind) {
    try (AcmeFixture acme = new AcmeFixture(kind, folder)) {
      AcmeClient client = new AcmeClient(acme.url).register();
      String predecessor = issue(acme, client);
      AcmeClient.Answer order = replace(client, predecessor, "localhost").expect(201);
      client
          .challenges(order)
          .forEach(challenge -> {
            String token = challenge.get("token").asText();
            acme.web.answer(token, token + "." + client.thumbprint());
            client.post(challenge.get("url").asText(), "{}").expect(200);
          });
      client.await(order.location(), "pending");
      assertThat(
              client
                  .finalizeOrder(order, TestAuthority.generate(), "localhost")
                  .expect(200)
                  .text("status"))
          .isEqualTo("valid");
      replace(client, predecessor, "localhost").expectError(409, "alreadyReplaced");
      acme.database
          .sql()
          .update(ACME_ORDERS)
          .set(ACME_ORDERS.STATUS, "invalid")
          .where(ACME_ORDERS.REPLACES.isNotNull())
          .execute();
      replace(client, predecessor, "localhost").expectError(409, "alreadyReplaced");
    }
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("an order that became invalid or expired gives its claim back")
  void givenBack(DatabaseKind kind) {
    AdjustableClock clock = new AdjustableClock(Instant.now());
    try (AcmeFixture acme = new AcmeFixture(kind, folder, clock, Optional.empty())) {
      // Where an order has its names proven anew, so that it can fail.
      AcmeClient client =
          new AcmeClient(acme.url, AcmeFixture.STRICT, TestAuthority.generate(), "ES256")
              .register();
      String predecessor = issue(acme, client);

      AcmeClient.Answer failed = replace(client, predecessor, "localhost").expect(201);
      client.post(client.challenges(failed).getFirst().get("url").asText(), "{}").expect(200);
      assertThat(client.await(failed.location(), "pending").text("status")).isEqualTo("invalid");

      AcmeClient.Answer deactivated = replace(client, predecessor, "localhost").expect(201);
      client
          .post(deactivated.json().at("/authorizations/0").asText(), "{\"status\":\"deactivated\"}")
          .expect(200);

      AcmeClient.Answer left = replace(client, predecessor, "localhost").expect(201);
      replace(client, predecessor, "localhost").expectError(409, "alreadyReplaced");
      clock.advance(Duration.ofDays(1));
      assertThat(client.read(left.location()).text("status")).isEqualTo("invalid");
      replace(client, predecessor, "localhost").expect(201);
      replace(client, predecessor, "localhost").expectError(409, "alreadyReplaced");
    }
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("of many at once one replaces, whether the claim is new or that of an invalid order")
  void race(DatabaseKind kind) throws Exception {
    try (AcmeFixture acme = new AcmeFixture(kind, folder);
        ExecutorService threads = Executors.newFixedThreadPool(8)) {
      AcmeClient client = new AcmeClient(acme.url).register();
      String predecessor = issue(acme, client);
      for (int round = 0; round < 5; round++) {
        CountDownLatch start = new CountDownLatch(1);
        List<Future<AcmeClient.Answer>> answers = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
          AcmeClient one =
              new AcmeClient(acme.url, AcmeEndpoint.DEFAULT, client.keys, "ES256")
                  .as(client.account());
          answers.add(
              threads.submit(() -> {
                start.await();
                return replace(one, predecessor, "localhost");
              }));
        }
        start.countDown();
        int made = 0;
        for (Future<AcmeClient.Answer> answer : answers) {
          if (answer.get().status() == 201) {
            made++;
          } else {
            answer.get().expectError(409, "alreadyReplaced");
          }
        }
        assertThat(made).as("round " + round).isEqualTo(1);
        acme.database
            .sql()
            .update(ACME_ORDERS)
            .set(ACME_ORDERS.STATUS, "invalid")
            .where(ACME_ORDERS.REPLACES.isNotNull())
            .execute();
      }
    }
  }

  @Test
  @DisplayName("only a certificate of the account, with a name in common, is replaced")
  void corresponding() {
    try (AcmeFixture acme = new AcmeFixture(DatabaseKind.H2, folder)) {
      AcmeClient client = new AcmeClient(acme.url).register();
      String predecessor = issue(acme, client);

      AcmeClient.Answer nothingInCommon = replace(client, predecessor, "b.example");
      nothingInCommon.expectError(400, "malformed");
      assertThat(nothingInCommon.text("detail")).contains("no name in common");
      AcmeClient other = new AcmeClient(acme.url).register();
      AcmeClient.Answer foreign = replace(other, predecessor, "localhost");
      foreign.expectError(400, "malformed");
      assertThat(foreign.text("detail")).contains("not this account's");
      AcmeClient.Answer unknown = replace(client, "AAAA.AQ", "localhost");
      unknown.expectError(400, "malformed");
      assertThat(unknown.text("detail")).contains("not issued here");
      AcmeClient.Answer garbled = replace(client, "no identifier", "localhost");
      garbled.expectError(400, "malformed");
      AcmeClient.Answer empty = replace(client, "", "localhost");
      empty.expectError(400, "malformed");
      // cert-manager's client orders anew without the member when it finds its name in the detail.
      for (AcmeClient.Answer refused : List.of(nothingInCommon, foreign, unknown, garbled, empty)) {
        assertThat(refused.text("detail")).startsWith("replaces: ");
      }
      assertThat(acme.database.sql().fetchCount(ACME_REPLACEMENTS)).isZero();
    }
  }

  @Test
  @DisplayName("replacements of expired certificates are forgotten, in bounded batches")
  void pruned() {
    AdjustableClock clock = new AdjustableClock(Instant.now());
    try (AcmeFixture acme = new AcmeFixture(DatabaseKind.H2, folder, clock, Optional.empty())) {
      AcmeClient client = new AcmeClient(acme.url).register();
      for (int i = 0; i < 3; i++) {
        replace(client, issue(acme, client), "localhost").expect(201);
      }
      assertThat(acme.server.prune(100)).isFalse();
      assertThat(acme.database.sql().fetchCount(ACME_REPLACEMENTS)).isEqualTo(3);
      clock.advance(Duration.ofDays(91));
      acme.server.prune(2);
      assertThat(acme.database.sql().fetchCount(ACME_REPLACEMENTS)).isEqualTo(1);
      acme.server.prune(2);
      assertThat(acme.database.sql().fetchCount(ACME_REPLACEMENTS)).isZero();
    }
  }
}
