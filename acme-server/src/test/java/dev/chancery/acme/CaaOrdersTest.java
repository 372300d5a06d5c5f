package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.DnsName;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xbill.DNS.Rcode;

/** CAA where an endpoint heeds it (RFC 8659, RFC 8657): at the challenge and at finalize. */
final class CaaOrdersTest {
  @TempDir Path folder;

  private final AdjustableClock clock = new AdjustableClock(Instant.now());
  private AcmeFixture acme;
  private AcmeClient client;
  private AcmeServer node;

  @BeforeEach
  void start() {
    acme = new AcmeFixture(DatabaseKind.H2, folder, clock, Optional.empty());
    node =
        acme.newServer(
            acme.settings(
                List.of(
                    new EndpointBuilder(AcmeEndpoint.DEFAULT, acme.url)
                        .caaIdentities(new DnsName("ca.example"), new DnsName("alias.example"))
                        .build())));
    URI url = acme.serve(node);
    client = new AcmeClient(acme.url).through(asked -> url.resolve(asked.getPath())).register();
  }

  @AfterEach
  void stop() {
    acme.close();
  }

  private void caa(String property) throws Exception {
    acme.dns.add("localhost. 60 IN CAA " + property);
  }

  /** The record changes; the address of the name stays. */
  private void replaceCaa(String property) throws Exception {
    acme.dns.forget("localhost.");
    acme.dns.addLoopback("localhost.");
    caa(property);
  }

  private AcmeClient.Answer validated(AcmeClient.Answer order) {
    JsonNode challenge = client.challenges(order).getFirst();
    String token = challenge.get("token").asText();
    acme.web.answer(token, token + "." + client.thumbprint());
    client.post(challenge.get("url").asText(), "{}").expect(200);
    return client.await(order.json().get("authorizations").get(0).asText(), "pending");
  }

  private AcmeClient.Answer finalizeOrder(AcmeClient.Answer order) {
    return client.finalizeOrder(order, TestAuthority.generate(), "localhost");
  }

  @Test
  @DisplayName(
      "7.1.1: the directory tells the issuer domain names where CAA is heeded, and only there")
  void directory() {
    assertThat(client.get(client.url("directory")).json().at("/meta/caaIdentities").toString())
        .isEqualTo("[\"ca.example\",\"alias.example\"]");
    assertThat(
            new AcmeClient(acme.url)
                .get(acme.url + "/acme/directory")
                .json()
                .at("/meta/caaIdentities")
                .isMissingNode())
        .isTrue();
  }

  @Test
  @DisplayName("RFC 8657: account and method of this very order permit it")
  void permitted() throws Exception {
    caa("0 issue \"ca.example; accounturi=" + client.account() + "; validationmethods=http-01\"");
    AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
    assertThat(finalizeOrder(order).expect(200).text("status")).isEqualTo("valid");
  }

  @Test
  @DisplayName("RFC 8555 6.7: a challenge that is met is invalid by caa when the records forbid it")
  void forbiddenEarly() throws Exception {
    caa("0 issue \"other.example\"");
    AcmeClient.Answer authorization = validated(client.newOrder("localhost").expect(201));
    assertThat(authorization.text("status")).isEqualTo("invalid");
    assertThat(authorization.json().at("/challenges/0/error/type").asText())
        .isEqualTo("urn:ietf:params:acme:error:caa");
    assertThat(authorization.json().at("/challenges/0/error/detail").asText())
        .contains("CAA records of localhost", "issue \"other.example\"");
  }

  @Test
  @DisplayName("RFC 8659 5: an outage of DNS is dns, and tried again within the validation")
  void outageEarly() throws Exception {
    acme.dns.addLoopback("b.localhost.");
    acme.dns.fail("localhost.", Rcode.SERVFAIL);
    AcmeClient.Answer authorization = validated(client.newOrder("b.localhost").expect(201));
    assertThat(authorization.text("status")).isEqualTo("invalid");
    assertThat(authorization.json().at("/challenges/0/error/type").asText())
        .isEqualTo("urn:ietf:params:acme:error:dns");
    assertThat(authorization.json().at("/challenges/0/error/detail").asText())
        .contains("CAA records of localhost");
    // Two rounds of each attempt, of which there are three.
    assertThat(acme.dns.asked.stream().filter(DnsServer.name("localhost.")::equals)).hasSize(6);
  }

  @Test
  @DisplayName("records that changed since are found at finalize; the order stays ready")
  void forbiddenLate() throws Exception {
    caa("0 issue \"ca.example\"");
    AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
    replaceCaa("0 issue \";\"");

    AcmeClient.Answer answer = finalizeOrder(order).expectError(403, "caa");

    assertThat(answer.json().at("/subproblems/0/identifier/value").asText()).isEqualTo("localhost");
    assertThat(client.read(order.location()).text("status")).isEqualTo("ready");
    replaceCaa("0 issue \"alias.example\"");
    assertThat(finalizeOrder(order).expect(200).text("status")).isEqualTo("valid");
  }

  @Test
  @DisplayName("RFC 8659 5: an outage at finalize is 503 with Retry-After; the order stays ready")
  void outageLate() throws Exception {
    caa("0 issue \"ca.example\"");
    AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
    acme.dns.fail("localhost.", Rcode.SERVFAIL);

    AcmeClient.Answer answer = finalizeOrder(order).expectError(503, "serverInternal");

    assertThat(answer.header("Retry-After")).isEqualTo("10");
    assertThat(answer.text("detail")).contains("CAA records of localhost");
    assertThat(client.read(order.location()).text("status")).isEqualTo("ready");
  }

  @Test
  @DisplayName("RFC 8657 4: a reused authorization counts by the method that proved it")
  void reused() throws Exception {
    AcmeClient.Answer first = client.readyOrder(acme.web, "localhost");
    caa("0 issue \"ca.example; validationmethods=dns-01\"");
    AcmeClient.Answer order = client.newOrder("localhost").expect(201);
    assertThat(order.text("status")).isEqualTo("ready");
    assertThat(finalizeOrder(order).expectError(403, "caa").text("detail")).contains("http-01");
    finalizeOrder(first).expectError(403, "caa");
    replaceCaa("0 issue \"ca.example; validationmethods=dns-01,http-01\"");
    finalizeOrder(order).expect(200);
  }

  @Test
  @DisplayName("several forbidden names come back as subproblems")
  void several() throws Exception {
    acme.dns.addLoopback("b.localhost.");
    AcmeClient.Answer order = client.readyOrder(acme.web, "localhost", "b.localhost");
    caa("0 issue \";\"");
    AcmeClient.Answer answer =
        client
            .finalizeOrder(order, TestAuthority.generate(), "localhost", "b.localhost")
            .expectError(403, "caa");
    assertThat(answer.json().get("subproblems")).hasSize(2);
  }

  @Test
  @DisplayName("RFC 8659 2: an address has no CAA; where CAA is not heeded, nothing is looked up")
  void notHeeded() throws Exception {
    caa("0 issue \";\"");
    AcmeClient.Answer address = client.readyOrder(acme.web, "127.0.0.1");
    client.finalizeOrder(address, TestAuthority.generate(), "127.0.0.1").expect(200);
    AcmeClient elsewhere = new AcmeClient(acme.url).register();
    AcmeClient.Answer order = elsewhere.readyOrder(acme.web, "localhost");
    elsewhere.finalizeOrder(order, TestAuthority.generate(), "localhost").expect(200);
  }

  @Test
  @DisplayName("an order that a crash left is not issued by recovery against the records of now")
  void recovered() throws Exception {
    AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
    acme.authority.failNext(TestAuthority.Fault.BROKEN_BEFORE);
    assertThat(finalizeOrder(order).expect(200).text("status")).isEqualTo("processing");
    caa("0 issue \";\"");
    acme.dns.fail("localhost.", Rcode.SERVFAIL);
    clock.advance(Duration.ofMinutes(1));
    node.recover(Duration.ofSeconds(30));
    assertThat(client.read(order.location()).text("status")).isEqualTo("processing");

    acme.dns.succeed("localhost.");
    clock.advance(Duration.ofMinutes(1));
    node.recover(Duration.ofSeconds(30));

    AcmeClient.Answer settled = client.read(order.location());
    assertThat(settled.text("status")).isEqualTo("invalid");
    assertThat(settled.json().at("/error/type").asText()).endsWith(":caa");
    assertThat(acme.authority.records()).isEmpty();
  }

  @Test
  @DisplayName(
      "recovery waits once for an outage of CAA, and settles what needs no CAA all the same")
  void outageInRecovery() throws Exception {
    List<AcmeClient.Answer> orders = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
      acme.authority.failNext(
          i == 3 ? TestAuthority.Fault.BROKEN_AFTER_ISSUE : TestAuthority.Fault.BROKEN_BEFORE);
      assertThat(finalizeOrder(order).expect(200).text("status")).isEqualTo("processing");
      orders.add(order);
    }
    acme.dns.fail("localhost.", Rcode.SERVFAIL);
    acme.dns.asked.clear();
    clock.advance(Duration.ofMinutes(1));

    node.recover(Duration.ofSeconds(30));

    // Two rounds of one question.
    assertThat(acme.dns.asked.stream().filter(DnsServer.name("localhost.")::equals)).hasSize(2);
    assertThat(orders.stream().map(order -> client.read(order.location()).text("status")))
        .containsExactly("processing", "processing", "processing", "valid");
    acme.dns.succeed("localhost.");
    clock.advance(Duration.ofMinutes(1));
    node.recover(Duration.ofSeconds(30));
    assertThat(orders.stream().map(order -> client.read(order.location()).text("status")))
        .containsOnly("valid");
  }

  @Test
  @DisplayName("what begins after a recovery was asked for is not taken for interrupted")
  void recoveryLater() {
    Runnable recovery = node.recovery(Duration.ZERO);
    clock.advance(Duration.ofSeconds(1));
    AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
    acme.authority.failNext(TestAuthority.Fault.BROKEN_BEFORE);
    finalizeOrder(order).expect(200);
    clock.advance(Duration.ofSeconds(1));
    recovery.run();
    assertThat(client.read(order.location()).text("status")).isEqualTo("processing");
    node.recovery(Duration.ZERO).run();
    assertThat(client.read(order.location()).text("status")).isEqualTo("valid");
  }

  @Test
  @DisplayName("names that a binding key authorizes need the holder's word too")
  void preauthorized() throws Exception {
    AcmeServer binding =
        acme.newServer(
            acme.settings(
                List.of(
                    new EndpointBuilder(AcmeFixture.REQUIRED_BINDING, acme.url)
                        .binding(BindingRule.REQUIRED)
                        .caaIdentities(new DnsName("ca.example"))
                        .build())));
    URI url = acme.serve(binding);
    BindingKeys.Made key =
        acme.bindingKeys.create(
            AcmeFixture.REQUIRED_BINDING,
            "test",
            new BindingPolicy(
                List.of(NamePattern.parse("localhost")),
                List.of(),
                List.of(),
                Optional.empty(),
                Optional.empty()),
            "test");
    AcmeClient bound =
        new AcmeClient(acme.url, AcmeFixture.REQUIRED_BINDING, TestAuthority.generate(), "ES256")
            .through(asked -> url.resolve(asked.getPath()));
    ObjectNode account = AcmeClient.object();
    account.set("externalAccountBinding", ExternalAccountBindingTest.binding(bound, key));
    bound.as(bound.post(bound.url("new-account"), account).expect(201).location());
    caa("0 issue \"ca.example; validationmethods=http-01\"");

    AcmeClient.Answer order = bound.newOrder("localhost").expect(201);
    assertThat(order.text("status")).isEqualTo("ready");
    assertThat(
            bound
                .finalizeOrder(order, TestAuthority.generate(), "localhost")
                .expectError(403, "caa")
                .text("detail"))
        .contains("ca-binding-key");
    replaceCaa("0 issue \"ca.example; validationmethods=ca-binding-key\"");
    bound.finalizeOrder(order, TestAuthority.generate(), "localhost").expect(200);
  }
}
