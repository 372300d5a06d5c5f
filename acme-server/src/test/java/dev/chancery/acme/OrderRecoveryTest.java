package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.ACME_ORDERS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.testing.DatabaseKind;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What recovery does beyond one order (that is FinalizeTest). */
final class OrderRecoveryTest {
  @TempDir Path folder;

  private static void interruptOrders(AcmeFixture acme, AcmeClient owner, int count)
      throws AcmeProblem {
    AcmeUrls urls =
        acme.settings.endpoints().stream()
            .filter(one -> one.name().equals("other"))
            .map(AcmeUrls::new)
            .findFirst()
            .orElseThrow();
    Instant longAgo = Clock.systemUTC().instant().minus(Duration.ofDays(1));
    for (int i = 0; i < count; i++) {
      acme.database
          .sql()
          .insertInto(ACME_ORDERS)
          .set(ACME_ORDERS.ID, UUID.randomUUID())
          .set(ACME_ORDERS.ACCOUNT_ID, urls.accountAt(owner.account()).value())
          .set(ACME_ORDERS.STATUS, "processing")
          .set(ACME_ORDERS.CREATED_AT, Times.stored(longAgo))
          .set(ACME_ORDERS.EXPIRES_AT, Times.stored(longAgo.plus(Duration.ofDays(7))))
          .set(ACME_ORDERS.ENDS_AT, Times.stored(longAgo.plus(Duration.ofDays(7))))
          .set(ACME_ORDERS.CSR, new byte[] {1})
          .set(ACME_ORDERS.PROCESSING_SINCE, Times.stored(longAgo))
          .execute();
    }
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("recovery: orders of an endpoint that is gone do not keep others from it")
  void endpointGone(DatabaseKind kind) throws AcmeProblem {
    try (AcmeFixture acme = new AcmeFixture(kind, folder)) {
      AcmeClient gone =
          new AcmeClient(acme.url, "other", TestAuthority.generate(), "ES256").register();
      interruptOrders(acme, gone, 120);
      AcmeClient client = new AcmeClient(acme.url).register();
      AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
      acme.authority.failNext(TestAuthority.Fault.BROKEN_BEFORE);
      client.finalizeOrder(order, TestAuthority.generate(), "localhost").expect(200);
      assertThat(client.read(order.location()).text("status")).isEqualTo("processing");

      AcmeServer node = acme.newServer(acme.settings(acme.settings.endpoints().subList(0, 1)));
      node.recover(Duration.ZERO);

      assertThat(client.read(order.location()).text("status")).isEqualTo("valid");
      // A node that has the endpoint finds them as they were.
      assertThat(acme.database.sql().fetchCount(ACME_ORDERS, ACME_ORDERS.STATUS.eq("processing")))
          .isEqualTo(120);
    }
  }
}
