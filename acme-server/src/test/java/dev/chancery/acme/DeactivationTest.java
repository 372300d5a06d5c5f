package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.ACME_AUTHORIZATIONS;
import static dev.chancery.store.schema.Tables.ACME_ORDERS;
import static dev.chancery.store.schema.Tables.ACME_ORDER_AUTHORIZATIONS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.chancery.testing.DatabaseKind;
import java.nio.file.Path;
import java.security.KeyPair;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** RFC 8555 section 7.5.2: what becomes of the orders when an authorization is deactivated. */
@ParameterizedClass
@EnumSource
final class DeactivationTest {
  @TempDir static Path folder;
  private static AcmeFixture acme;

  @Parameter DatabaseKind kind;

  @BeforeParameterizedClassInvocation
  static void start(DatabaseKind kind) {
    acme = new AcmeFixture(kind, folder);
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    acme.close();
  }

  private static String authorization(AcmeClient.Answer order) {
    return order.json().get("authorizations").get(0).asText();
  }

  private static UUID id(String url) throws AcmeProblem {
    return Base64Url.decodeId(url.replaceAll(".*/", ""));
  }

  private static AcmeClient.Answer deactivate(AcmeClient client, String authorization) {
    return client.post(authorization, "{\"status\":\"deactivated\"}");
  }

  @Test
  @DisplayName("orders that are settled are not touched, however many they are")
  void settled() throws Exception {
    assumeThat(kind).as("H2 lets one transaction write at a time").isNotEqualTo(DatabaseKind.H2);
    AcmeClient client = new AcmeClient(acme.url).register();
    AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
    client.finalizeOrder(order, TestAuthority.generate(), "localhost").expect(200);
    try (Connection other = acme.database.dataSource().getConnection();
        PreparedStatement lock =
            other.prepareStatement(
                "select \"id\" from \"acme_orders\" where \"id\" = ? for update")) {
      other.setAutoCommit(false);
      // Whoever were to lock or to read it for a change would wait for this.
      lock.setObject(1, id(order.location()));
      try (ResultSet rows = lock.executeQuery()) {
        assertThat(rows.next()).isTrue();
      }
      deactivate(client, authorization(order)).expect(200);
      other.rollback();
    }
    assertThat(client.read(order.location()).text("status")).isEqualTo("valid");
  }

  @Test
  @DisplayName("of more orders than one transaction takes, all become invalid")
  void many() throws Exception {
    AcmeClient client = new AcmeClient(acme.url).register();
    AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
    UUID owner =
        new AcmeUrls(acme.settings.endpoints().getFirst()).accountAt(client.account()).value();
    UUID authorization = id(authorization(order));
    Instant end = Times.now(Clock.systemUTC()).plusSeconds(3600);
    List<UUID> orders = new ArrayList<>();
    for (int i = 0; i < 1001; i++) {
      orders.add(UUID.randomUUID());
    }
    acme.database.inTransaction(sql -> {
      for (UUID one : orders) {
        sql.insertInto(ACME_ORDERS)
            .set(ACME_ORDERS.ID, one)
            .set(ACME_ORDERS.ACCOUNT_ID, owner)
            .set(ACME_ORDERS.STATUS, "ready")
            .set(ACME_ORDERS.CREATED_AT, Times.stored(end))
            .set(ACME_ORDERS.EXPIRES_AT, Times.stored(end))
            .set(ACME_ORDERS.ENDS_AT, Times.stored(end))
            .execute();
        sql.insertInto(ACME_ORDER_AUTHORIZATIONS)
            .set(ACME_ORDER_AUTHORIZATIONS.ORDER_ID, one)
            .set(ACME_ORDER_AUTHORIZATIONS.POSITION, 0)
            .set(ACME_ORDER_AUTHORIZATIONS.AUTHORIZATION_ID, authorization)
            .execute();
      }
      return orders.size();
    });
    deactivate(client, authorization(order)).expect(200);
    assertThat(
            acme.database
                .sql()
                .fetchCount(
                    ACME_ORDERS,
                    ACME_ORDERS.ACCOUNT_ID.eq(owner).and(ACME_ORDERS.STATUS.ne("invalid"))))
        .isZero();
  }

  @Test
  @DisplayName("what a crash left ready is not finalized, and invalid when the request is repeated")
  void crashed() throws Exception {
    AcmeClient client = new AcmeClient(acme.url).register();
    AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
    acme.database
        .sql()
        .update(ACME_AUTHORIZATIONS)
        .set(ACME_AUTHORIZATIONS.STATUS, "deactivated")
        .where(ACME_AUTHORIZATIONS.ID.eq(id(authorization(order))))
        .execute();
    client
        .finalizeOrder(order, TestAuthority.generate(), "localhost")
        .expectError(403, "orderNotReady");
    deactivate(client, authorization(order)).expect(200);
    assertThat(client.read(order.location()).text("status")).isEqualTo("invalid");
  }

  @Test
  @DisplayName("at the same instant as finalize: the order is valid or invalid, nothing between")
  void race() throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      for (int round = 0; round < 8; round++) {
        AcmeClient client = new AcmeClient(acme.url).register();
        AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
        KeyPair keys = TestAuthority.generate();
        byte[] csr = AcmeClient.csr(keys, "", "localhost");
        int before = acme.authority.records().size();
        Future<AcmeClient.Answer> finalized =
            threads.submit(() -> client.finalizeOrder(order, csr));
        boolean account = round % 2 == 0;
        Future<AcmeClient.Answer> deactivated =
            threads.submit(
                () -> deactivate(client, account ? client.account() : authorization(order)));
        deactivated.get().expect(200);
        int status = finalized.get().status();
        assertThat(status).as(finalized.get().body()).isIn(200, 401, 403);
        String stored =
            acme.database
                .sql()
                .select(ACME_ORDERS.STATUS)
                .from(ACME_ORDERS)
                .where(ACME_ORDERS.ID.eq(id(order.location())))
                .fetchSingle()
                .value1();
        assertThat(stored).isEqualTo(status == 200 ? "valid" : "invalid");
        assertThat(acme.authority.records()).hasSize(before + (status == 200 ? 1 : 0));
      }
    }
  }
}
