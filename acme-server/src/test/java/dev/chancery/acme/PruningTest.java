package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.ACME_AUTHORIZATIONS;
import static dev.chancery.store.schema.Tables.ACME_CHALLENGES;
import static dev.chancery.store.schema.Tables.ACME_ORDERS;
import static dev.chancery.store.schema.Tables.ACME_ORDER_AUTHORIZATIONS;
import static dev.chancery.store.schema.Tables.ACME_SPENT_NONCES;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.chancery.core.CertificateRecord;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jooq.Table;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Invariant 7: the database keeps what can still be needed, and forgets the rest. */
@ParameterizedClass
@EnumSource
final class PruningTest {
  private static final List<Table<?>> TABLES =
      List.of(
          ACME_ORDERS,
          ACME_ORDER_AUTHORIZATIONS,
          ACME_AUTHORIZATIONS,
          ACME_CHALLENGES,
          ACME_SPENT_NONCES);

  @Parameter DatabaseKind kind;
  @TempDir Path folder;
  private AdjustableClock clock;
  private AcmeFixture acme;
  private AcmeClient client;
  private KeyPair keys;

  @BeforeEach
  void start() {
    clock = new AdjustableClock(Instant.now());
    acme = new AcmeFixture(kind, folder, clock, Optional.empty());
    client = new AcmeClient(acme.url).register();
    keys = TestAuthority.generate();
  }

  @AfterEach
  void stop() {
    acme.close();
  }

  private Map<String, Integer> rows() {
    Map<String, Integer> rows = new LinkedHashMap<>();
    TABLES.forEach(table -> rows.put(table.getName(), acme.database.sql().fetchCount(table)));
    return rows;
  }

  private void prune() {
    int calls = 0;
    while (acme.server.prune(7)) {
      assertThat(calls++).isLessThan(1000);
    }
  }

  /** An order of every way in which one can end, for names of different lives. */
  private void load() {
    AcmeClient account = new AcmeClient(acme.url).register();
    for (int i = 0; i < 3; i++) {
      account.newOrder("abandoned" + i + ".example", "localhost").expect(201);
    }
    AcmeClient.Answer failed = account.newOrder("127.0.0.1").expect(201);
    account.post(account.challenges(failed).getFirst().get("url").asText(), "{}").expect(200);
    account.await(failed.location(), "pending");
    account.readyOrder(acme.web, "localhost", "127.0.0.1");
    for (int i = 0; i < 2; i++) {
      AcmeClient.Answer valid = account.newOrder("localhost").expect(201);
      assertThat(account.finalizeOrder(valid, keys, "localhost").expect(200).text("status"))
          .isEqualTo("valid");
    }
    account
        .post(
            account.url("new-authz"),
            "{\"identifier\":{\"type\":\"dns\",\"value\":\"early.example\"}}")
        .expect(201);
  }

  @Test
  @DisplayName("under a steady load the rows stop growing, and without one there are none")
  void steadyLoad() {
    List<Map<String, Integer>> seen = new ArrayList<>();
    // The certificates live for 90 days and are kept for 30.
    for (int day = 0; day < 400; day += 20) {
      load();
      clock.advance(Duration.ofDays(20));
      prune();
      seen.add(rows());
    }
    assertThat(seen.get(seen.size() - 1)).isEqualTo(seen.get(seen.size() - 6));
    assertThat(seen.getLast().get("acme_orders")).isPositive();
    clock.advance(Duration.ofDays(365));
    prune();
    assertThat(rows().values()).containsOnly(0);
  }

  @Test
  @DisplayName("RFC 8555 7.6: a certificate's order stays while it lives: to fetch, to revoke by")
  void keptWhileNeeded() {
    AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
    AcmeClient.Answer valid = client.finalizeOrder(order, keys, "localhost").expect(200);
    clock.advance(Duration.ofDays(89));
    prune();
    AcmeClient.Answer kept = client.read(order.location()).expect(200);
    assertThat(kept.json()).isEqualTo(valid.json());
    assertThat(client.read(kept.json().get("authorizations").get(0).asText()).text("status"))
        .isEqualTo("expired");
    byte[] certificate = AcmeClient.firstCertificate(client.read(kept.text("certificate")));
    client
        .post(
            client.url("revoke-cert"),
            AcmeClient.object().put("certificate", AcmeClient.base64(certificate)))
        .expect(200);
    assertThat(acme.authority.inState(CertificateRecord.State.REVOKED)).hasSize(1);
    // A month after the certificate it is gone.
    clock.advance(Duration.ofDays(32));
    prune();
    client.read(order.location()).expectError(404, "malformed");
    client.read(kept.text("certificate")).expectError(404, "malformed");
    assertThat(client.read(client.account() + "/orders").json().get("orders")).isEmpty();
  }

  @Test
  @DisplayName("what can be gone on with is kept: open orders, valid authorizations, processing")
  void keptWhileOpen() {
    AcmeClient.Answer processing = client.readyOrder(acme.web, "localhost");
    acme.authority.failNext(TestAuthority.Fault.BROKEN_BEFORE);
    client.finalizeOrder(processing, keys, "localhost").expect(200);
    clock.advance(Duration.ofDays(3));
    AcmeClient.Answer open = client.newOrder("open.example").expect(201);
    AcmeClient.Answer reused = client.newOrder("localhost").expect(201);
    prune();
    assertThat(client.read(open.location()).text("status")).isEqualTo("pending");
    assertThat(client.read(reused.location()).text("status")).isEqualTo("ready");
    clock.advance(Duration.ofDays(100));
    prune();
    acme.server.recover(Duration.ZERO);
    assertThat(client.read(processing.location()).text("status")).isEqualTo("valid");
    client.read(open.location()).expectError(404, "malformed");
  }

  @Test
  @DisplayName("what ended without a certificate goes a day after its expiry")
  void failuresGoSooner() {
    AcmeClient.Answer order = client.newOrder("localhost").expect(201);
    String authorization = order.json().get("authorizations").get(0).asText();
    String challenge = client.challenges(order).getFirst().get("url").asText();
    clock.advance(Duration.ofHours(47));
    prune();
    assertThat(client.read(order.location()).text("status")).isEqualTo("invalid");
    clock.advance(Duration.ofHours(2));
    prune();
    for (String url : List.of(order.location(), authorization, challenge)) {
      client.read(url).expectError(404, "malformed");
    }
  }

  @Test
  @DisplayName("a call deletes no more than it is told to, and says whether there may be more")
  void bounded() {
    for (int i = 0; i < 10; i++) {
      client.newOrder("a" + i + ".example").expect(201);
      clock.advance(Duration.ofSeconds(1));
    }
    clock.advance(Duration.ofDays(3));
    assertThat(acme.server.prune(4)).isTrue();
    assertThat(rows()).containsEntry("acme_orders", 6).containsEntry("acme_authorizations", 10);
    prune();
    assertThat(rows()).containsEntry("acme_orders", 0).containsEntry("acme_challenges", 0);
    assertThat(acme.server.prune(4)).isFalse();
  }

  @Test
  @DisplayName("two nodes may prune at once, while others order")
  void atOnce() {
    AcmeServer second = acme.newServer();
    for (int round = 0; round < 3; round++) {
      load();
      clock.advance(Duration.ofDays(3));
      List<Runnable> atOnce =
          List.of(
              this::prune,
              () -> {
                while (second.prune(5)) {
                  Thread.onSpinWait();
                }
              },
              this::load);
      atOnce.parallelStream().forEach(Runnable::run);
    }
  }

  @Test
  @DisplayName("what has ended is kept for an hour at least: clocks differ")
  void retention() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Retention(Duration.ofMinutes(59), Duration.ofDays(1)));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Retention(Duration.ofDays(1), Duration.ZERO));
  }
}
