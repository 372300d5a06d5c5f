package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.ACME_ORDERS;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.ProfileId;
import dev.chancery.testing.DatabaseKind;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** draft-ietf-acme-profiles. */
final class ProfilesTest {
  @TempDir Path folder;

  private static ObjectNode localhost() {
    ObjectNode order = AcmeClient.object();
    order.putArray("identifiers").addObject().put("type", "dns").put("value", "localhost");
    return order;
  }

  private static AcmeClient.Answer order(AcmeClient client, String profile) {
    return client.post(client.url("new-order"), localhost().put("profile", profile));
  }

  private static void prove(AcmeFixture acme, AcmeClient client, AcmeClient.Answer order) {
    client
        .challenges(order)
        .forEach(challenge -> {
          String token = challenge.get("token").asText();
          acme.web.answer(token, token + "." + client.thumbprint());
          client.post(challenge.get("url").asText(), "{}").expect(200);
        });
    assertThat(client.await(order.location(), "pending").text("status")).isEqualTo("ready");
  }

  /** The endpoint named default with other profiles; the rest as it is. */
  private static AcmeServer node(
      AcmeFixture acme, ProfileId standard, Map<ProfileId, String> profiles) {
    return acme.newServer(
        acme.settings(
            List.of(
                new EndpointBuilder(AcmeEndpoint.DEFAULT, acme.url)
                    .profiles(standard, profiles)
                    .build())));
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("section 4: the profile that an order names is shown, and is what is issued")
  void chosen(DatabaseKind kind) {
    try (AcmeFixture acme = new AcmeFixture(kind, folder)) {
      AcmeClient client = new AcmeClient(acme.url).register();
      assertThat(client.get(acme.url + "/acme/directory").json().at("/meta/profiles"))
          .isEqualTo(
              AcmeClient.parse(
                  "{\"tls-server\":\"for most servers\",\"short-lived\":\"for six days\"}"));

      AcmeClient.Answer order = order(client, "short-lived").expect(201);
      assertThat(order.text("profile")).isEqualTo("short-lived");
      prove(acme, client, order);
      assertThat(
              client
                  .finalizeOrder(order, TestAuthority.generate(), "localhost")
                  .expect(200)
                  .text("profile"))
          .isEqualTo("short-lived");
      CertificateRecord issued = acme.authority.inState(CertificateRecord.State.ISSUED).getFirst();
      assertThat(issued.profile()).isEqualTo(TestAuthority.SHORT_LIVED);
      assertThat(Duration.between(issued.notBefore(), issued.notAfter())).hasDays(6);

      assertThat(client.newOrder("localhost").expect(201).text("profile")).isEqualTo("tls-server");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"tls-client", "", "TLS-SERVER", "tls-server ", "tls-server\\u0000"})
  @DisplayName("section 4: a profile that is not offered is invalidProfile, and no order is made")
  void notOffered(String profile) {
    try (AcmeFixture acme = new AcmeFixture(DatabaseKind.H2, folder)) {
      AcmeClient client = new AcmeClient(acme.url).register();
      String payload =
          "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"localhost\"}],\"profile\":\"%s\"}"
              .formatted(profile);

      AcmeClient.Answer answer = client.post(client.url("new-order"), payload);

      answer.expectError(400, "invalidProfile");
      assertThat(answer.text("detail")).contains("short-lived").contains("tls-server");
      assertThat(acme.database.sql().fetchCount(ACME_ORDERS)).isZero();
    }
  }

  @Test
  @DisplayName("an endpoint that offers no profiles shows none and takes none")
  void noneOffered() {
    try (AcmeFixture acme = new AcmeFixture(DatabaseKind.H2, folder)) {
      KeyPair keys = TestAuthority.generate();
      AcmeClient client = new AcmeClient(acme.url, "other", keys, "ES256").register();
      assertThat(client.get(client.url("directory")).json().at("/meta").has("profiles")).isFalse();
      assertThat(client.newOrder("localhost").expect(201).json().has("profile")).isFalse();
      order(client, "tls-server").expectError(400, "invalidProfile");
      client
          .post(client.url("new-order"), localhost().put("profile", 1))
          .expectError(400, "malformed");
    }
  }

  @ParameterizedTest
  @EnumSource
  @DisplayName("an order keeps its profile when the default changes; one from before has the new")
  void defaultChanges(DatabaseKind kind) {
    try (AcmeFixture acme = new AcmeFixture(kind, folder)) {
      AcmeClient client = new AcmeClient(acme.url).register();
      AcmeClient.Answer order = client.newOrder("localhost").expect(201);
      AcmeClient.Answer older = client.newOrder("localhost").expect(201);
      prove(acme, client, order);
      prove(acme, client, older);
      // As orders are that were made before they had a profile.
      acme.database
          .sql()
          .update(ACME_ORDERS)
          .set(ACME_ORDERS.PROFILE, (String) null)
          .where(ACME_ORDERS.ID.eq(id(older)))
          .execute();
      for (AcmeClient.Answer one : List.of(order, older)) {
        acme.authority.failNext(TestAuthority.Fault.BROKEN_BEFORE);
        client.finalizeOrder(one, TestAuthority.generate(), "localhost").expect(200);
      }

      // Recovery, by a node on which the default is another.
      node(acme, TestAuthority.SHORT_LIVED, TestAuthority.PROFILES).recover(Duration.ZERO);

      assertThat(client.read(order.location()).text("status")).isEqualTo("valid");
      assertThat(client.read(older.location()).text("status")).isEqualTo("valid");
      assertThat(
              acme.authority.inState(CertificateRecord.State.ISSUED).stream()
                  .map(CertificateRecord::profile))
          .containsExactlyInAnyOrder(TestAuthority.PROFILE, TestAuthority.SHORT_LIVED);
    }
  }

  private static java.util.UUID id(AcmeClient.Answer order) {
    try {
      return OrderId.parse(order.location().replaceFirst(".*/", "")).value();
    } catch (AcmeProblem e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  @DisplayName("section 4: finalizing under a profile that was taken away is invalidProfile")
  void takenAway() {
    try (AcmeFixture acme = new AcmeFixture(DatabaseKind.H2, folder)) {
      AcmeClient client = new AcmeClient(acme.url).register();
      AcmeClient.Answer order = order(client, "short-lived").expect(201);
      prove(acme, client, order);
      acme.database.sql().update(ACME_ORDERS).set(ACME_ORDERS.PROFILE, "taken-away").execute();

      client
          .finalizeOrder(order, TestAuthority.generate(), "localhost")
          .expectError(400, "invalidProfile");

      assertThat(client.read(order.location()).text("status")).isEqualTo("ready");
      assertThat(acme.authority.records()).isEmpty();
    }
  }

  @Test
  @DisplayName("section 4: names that the named profile does not certify are invalidProfile")
  void incompatible() {
    try (AcmeFixture acme = new AcmeFixture(DatabaseKind.H2, folder)) {
      AcmeClient client = new AcmeClient(acme.url).register();
      ObjectNode order = AcmeClient.object().put("profile", "short-lived");
      order.putArray("identifiers").addObject().put("type", "ip").put("value", "127.0.0.1");
      client.post(client.url("new-order"), order).expectError(400, "invalidProfile");
      order.put("profile", "tls-server");
      client.post(client.url("new-order"), order).expect(201);
    }
  }
}
