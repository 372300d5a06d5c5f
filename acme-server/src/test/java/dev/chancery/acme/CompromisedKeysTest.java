package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.COMPROMISED_KEYS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.chancery.core.Der;
import dev.chancery.testing.DatabaseKind;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.PublicKey;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Keys that are reported compromised while the server runs, on whichever node: the statements of a
 * request find them among those of the ledger.
 */
@ParameterizedClass
@EnumSource
final class CompromisedKeysTest {
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

  private static void compromise(PublicKey key) {
    acme.authority.compromise(key);
    acme.database
        .sql()
        .insertInto(COMPROMISED_KEYS)
        .set(COMPROMISED_KEYS.PUBLIC_KEY_SHA256, Der.of(key.getEncoded()).sha256())
        .set(COMPROMISED_KEYS.RECORDED_AT, Times.stored(Instant.EPOCH))
        .execute();
  }

  @Test
  @DisplayName("RFC 8555 7.3: an account whose key is compromised later changes nothing, and reads")
  void accountKey() {
    AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
    AcmeClient.Answer pending = client.newOrder("later.example").expect(201);
    String challenge = client.challenges(pending).getFirst().get("url").asText();

    compromise(client.keys.getPublic());

    for (AcmeClient.Answer answer :
        List.of(
            client.newOrder("localhost"),
            client.post(client.account(), "{\"status\":\"deactivated\"}"),
            client.post(client.url("key-change"), "{}"),
            client.post(challenge, "{}"),
            client.finalizeOrder(order, TestAuthority.generate(), "localhost"))) {
      answer.expectError(403, "unauthorized");
      assertThat(answer.text("detail")).contains("compromised");
    }
    assertThat(client.read(order.location()).text("status")).isEqualTo("ready");
    assertThat(client.read(challenge).text("status")).isEqualTo("pending");
    assertThat(client.read(client.account()).text("status")).isEqualTo("valid");
  }

  @Test
  @DisplayName("RFC 8555 7.4: a CSR with a compromised key is badCSR, and the order stays ready")
  void csrKey() {
    AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
    KeyPair keys = TestAuthority.generate();
    compromise(keys.getPublic());

    AcmeClient.Answer refused = client.finalizeOrder(order, keys, "localhost");

    assertThat(refused.expectError(400, "badCSR").text("detail")).contains("compromised");
    assertThat(client.read(order.location()).text("status")).isEqualTo("ready");
    assertThat(
            client
                .finalizeOrder(order, TestAuthority.generate(), "localhost")
                .expect(200)
                .text("status"))
        .isEqualTo("valid");
  }

  @Test
  @DisplayName(
      "RFC 8555 7.4: finalize repeated tells of the certificate, its key compromised since")
  void repeated() {
    AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
    KeyPair keys = TestAuthority.generate();
    byte[] csr = AcmeClient.csr(keys, "", "localhost");
    client.finalizeOrder(order, csr).expect(200);
    compromise(keys.getPublic());

    assertThat(client.finalizeOrder(order, csr).expect(200).text("status")).isEqualTo("valid");
  }
}
