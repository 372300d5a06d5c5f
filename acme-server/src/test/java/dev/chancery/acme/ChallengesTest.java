package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.Name;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import java.net.InetAddress;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;
import org.shredzone.acme4j.Account;
import org.shredzone.acme4j.AccountBuilder;
import org.shredzone.acme4j.Authorization;
import org.shredzone.acme4j.Identifier;
import org.shredzone.acme4j.Order;
import org.shredzone.acme4j.Session;
import org.shredzone.acme4j.Status;
import org.shredzone.acme4j.challenge.Challenge;
import org.shredzone.acme4j.challenge.Dns01Challenge;
import org.shredzone.acme4j.challenge.DnsAccount01Challenge;
import org.shredzone.acme4j.challenge.Http01Challenge;
import org.shredzone.acme4j.challenge.TlsAlpn01Challenge;

/** Every kind of challenge from the order to the certificate, and what endpoints offer. */
@ParameterizedClass
@EnumSource
final class ChallengesTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  @TempDir static Path folder;
  private static AdjustableClock clock;
  private static AcmeFixture acme;

  @Parameter DatabaseKind kind;
  private AcmeClient client;
  private AcmeClient other;
  private AcmeClient drafts;

  @BeforeParameterizedClassInvocation
  static void start(DatabaseKind kind) {
    clock = new AdjustableClock(Instant.now());
    acme = new AcmeFixture(kind, folder, clock, Optional.empty());
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    acme.close();
  }

  @BeforeEach
  void register() {
    client = new AcmeClient(acme.url).register();
    other = new AcmeClient(acme.url, "other", TestAuthority.generate(), "ES256").register();
    drafts = new AcmeClient(acme.url, "drafts", TestAuthority.generate(), "ES256").register();
  }

  private static Account acme4j(String directory) throws Exception {
    return new AccountBuilder()
        .agreeToTermsOfService()
        .useKeyPair(TestAuthority.generate())
        .create(new Session(acme.url.resolve(directory)));
  }

  private interface Solution<C> {
    void provide(C challenge, Identifier identifier) throws Exception;
  }

  private static <C extends Challenge> X509Certificate obtain(
      Account account, Class<C> kind, Solution<C> solution, Identifier... identifiers)
      throws Exception {
    Order order = account.newOrder().identifiers(List.of(identifiers)).create();
    for (Authorization authorization : order.getAuthorizations()) {
      C challenge = authorization.findChallenge(kind).orElseThrow();
      solution.provide(challenge, authorization.getIdentifier());
      challenge.trigger();
      assertThat(authorization.waitForCompletion(PATIENCE))
          .as(() -> challenge.getError().toString())
          .isEqualTo(Status.VALID);
    }
    order.waitUntilReady(PATIENCE);
    order.execute(TestAuthority.generate());
    assertThat(order.waitForCompletion(PATIENCE)).isEqualTo(Status.VALID);
    return order.getCertificate().getCertificate();
  }

  private static Set<String> names(X509Certificate certificate) throws Exception {
    Set<String> names = new TreeSet<>();
    certificate
        .getSubjectAlternativeNames()
        .forEach(name -> names.add(String.valueOf(name.get(1))));
    return names;
  }

  @Test
  @DisplayName("RFC 8555 8.3, RFC 8738: http-01 for a name and an address")
  void http01() throws Exception {
    X509Certificate certificate =
        obtain(
            acme4j("/acme/directory"),
            Http01Challenge.class,
            (challenge, identifier) ->
                acme.web.answer(challenge.getToken(), challenge.getAuthorization()),
            Identifier.dns("localhost"),
            Identifier.ip("127.0.0.1"));
    assertThat(names(certificate)).containsExactly("127.0.0.1", "localhost");
  }

  @Test
  @DisplayName("RFC 8555 8.4: dns-01 for a name, a wildcard of it, and one behind an alias")
  void dns01() throws Exception {
    acme.dns.add("_acme-challenge.alias.example. 60 IN CNAME alias.delegated.example.");
    X509Certificate certificate =
        obtain(
            acme4j("/acme/directory"),
            Dns01Challenge.class,
            (challenge, identifier) ->
                acme.dns.addText(
                    identifier.getDomain().equals("alias.example")
                        ? "alias.delegated.example."
                        : challenge.getRRName(identifier),
                    challenge.getDigest()),
            Identifier.dns("both.example"),
            Identifier.dns("*.both.example"),
            Identifier.dns("alias.example"));
    assertThat(names(certificate))
        .containsExactly("*.both.example", "alias.example", "both.example");
  }

  @Test
  @DisplayName("RFC 8737, RFC 8738: tls-alpn-01 for a name and an address")
  void tlsAlpn01() throws Exception {
    acme.dns.addLoopback("tls.example.");
    // The only keys that acme4j makes a certificate for.
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    KeyPair keys = generator.generateKeyPair();
    X509Certificate certificate =
        obtain(
            acme4j("/acme/directory"),
            TlsAlpn01Challenge.class,
            (challenge, identifier) ->
                acme.tls.show(
                    identifier.getType().equals("ip")
                        ? "1.0.0.127.in-addr.arpa"
                        : identifier.getDomain(),
                    keys,
                    challenge.createCertificate(keys, identifier)),
            Identifier.dns("tls.example"),
            Identifier.ip("127.0.0.1"));
    assertThat(names(certificate)).containsExactly("127.0.0.1", "tls.example");
  }

  @Test
  @DisplayName("draft-ietf-acme-dns-account-label: dns-account-01 for a name and a wildcard of it")
  void dnsAccount01() throws Exception {
    X509Certificate certificate =
        obtain(
            acme4j("/acme/drafts/directory"),
            DnsAccount01Challenge.class,
            (challenge, identifier) ->
                acme.dns.addText(challenge.getRRName(identifier), challenge.getDigest()),
            Identifier.dns("account.example"),
            Identifier.dns("*.account.example"));
    assertThat(names(certificate)).containsExactly("*.account.example", "account.example");
  }

  private static List<String> types(AcmeClient who, AcmeClient.Answer order) {
    List<String> types = new ArrayList<>();
    for (JsonNode url : order.expect(201).json().get("authorizations")) {
      for (JsonNode challenge : who.read(url.asText()).expect(200).json().get("challenges")) {
        types.add(challenge.get("type").asText());
      }
    }
    return types;
  }

  @Test
  @DisplayName("an endpoint offers what its configuration lists")
  void offered() {
    assertThat(types(client, client.newOrder("a.example")))
        .containsExactly("http-01", "dns-01", "tls-alpn-01");
    assertThat(types(other, other.newOrder("a.example"))).containsExactly("http-01");
    assertThat(types(drafts, drafts.newOrder("a.example")))
        .containsExactly("dns-account-01", "dns-persist-01");
  }

  @Test
  @DisplayName("RFC 8555 7.1.4: a wildcard is offered DNS challenges only, without its label")
  void wildcards() {
    AcmeClient.Answer order = client.newOrder("*.Wild.example");
    assertThat(types(client, order)).containsExactly("dns-01");
    assertThat(order.json().at("/identifiers/0/value").asText()).isEqualTo("*.wild.example");
    AcmeClient.Answer authorization =
        client.read(order.json().at("/authorizations/0").asText()).expect(200);
    assertThat(authorization.json().at("/identifier/value").asText()).isEqualTo("wild.example");
    assertThat(authorization.json().get("wildcard").asBoolean()).isTrue();
    AcmeClient.Answer plain = client.newOrder("wild.example");
    assertThat(client.read(plain.json().at("/authorizations/0").asText()).json().has("wildcard"))
        .isFalse();
  }

  @Test
  @DisplayName("RFC 8555 7.1.4: a proof of the base is none of the wildcard, and the other way")
  void wildcardIsItsOwn() {
    AcmeClient.Answer both = client.newOrder("two.example", "*.two.example").expect(201);
    JsonNode wildcard =
        client.read(both.json().at("/authorizations/1").asText()).json().at("/challenges/0");
    provideDns01(client, "two.example", wildcard);
    client.post(wildcard.get("url").asText(), "{}").expect(200);
    client.await(both.json().at("/authorizations/1").asText(), "pending");
    assertThat(client.read(both.json().at("/authorizations/0").asText()).text("status"))
        .isEqualTo("pending");
    assertThat(client.read(both.location()).text("status")).isEqualTo("pending");
  }

  private static void provideDns01(AcmeClient who, String name, JsonNode challenge) {
    acme.dns.addText(
        "_acme-challenge." + name + ".",
        AcmeClient.base64(Sha256.of(challenge.get("token").asText() + "." + who.thumbprint())));
  }

  @Test
  @DisplayName("what no challenge of the endpoint can prove is rejectedIdentifier")
  void unprovable() throws Exception {
    AcmeClient.Answer wildcard =
        other.newOrder("*.a.example").expectError(400, "rejectedIdentifier");
    assertThat(wildcard.text("detail")).contains("no challenge", "*.a.example");
    drafts.newOrder("192.0.2.1").expectError(400, "rejectedIdentifier");
    other.newOrder("192.0.2.1").expect(201);
    assertThat(types(client, client.newOrder("192.0.2.1")))
        .containsExactly("http-01", "tls-alpn-01");
    Name address = new dev.chancery.core.IpName(InetAddress.ofLiteral("::1"));
    assertThat(types(client, client.newOrder(address.value())))
        .containsExactly("http-01", "tls-alpn-01");
  }

  @Test
  @DisplayName("RFC 8555 8.2: a record that appears late is found, one that stays wrong is shown")
  void lateAndWrong() throws Exception {
    AcmeClient.Answer order = client.newOrder("late.example", "wrong.example").expect(201);
    List<JsonNode> challenges = new ArrayList<>();
    for (JsonNode url : order.json().get("authorizations")) {
      challenges.add(client.read(url.asText()).json().at("/challenges/1"));
    }
    acme.dns.addText("_acme-challenge.wrong.example.", "from last time");
    client.post(challenges.get(0).get("url").asText(), "{}").expect(200);
    Thread.sleep(20);
    provideDns01(client, "late.example", challenges.get(0));
    client.post(challenges.get(1).get("url").asText(), "{}").expect(200);
    assertThat(client.await(challenges.get(0).get("url").asText(), "processing").text("status"))
        .isEqualTo("valid");
    AcmeClient.Answer wrong = client.await(challenges.get(1).get("url").asText(), "processing");
    assertThat(wrong.text("status")).isEqualTo("invalid");
    assertThat(wrong.json().at("/error/type").asText()).endsWith(":incorrectResponse");
    assertThat(wrong.json().at("/error/detail").asText())
        .contains("_acme-challenge.wrong.example", "from last time");
    assertThat(client.read(order.location()).text("status")).isEqualTo("invalid");
  }

  @Test
  @DisplayName("the record of one account proves nothing for another")
  void otherAccount() {
    AcmeClient thief = new AcmeClient(acme.url).register();
    AcmeClient.Answer order = thief.newOrder("mine.example").expect(201);
    JsonNode challenge =
        thief.read(order.json().at("/authorizations/0").asText()).json().at("/challenges/1");
    provideDns01(client, "mine.example", challenge);
    thief.post(challenge.get("url").asText(), "{}").expect(200);
    assertThat(thief.await(challenge.get("url").asText(), "processing").text("status"))
        .isEqualTo("invalid");
  }

  private String persistUri(AcmeClient who, String domain, String thumbprint) {
    return DnsPersist01.hashedUri(who.url("account-hash/"), domain, thumbprint, who.account());
  }

  private JsonNode persistChallenge(AcmeClient who, AcmeClient.Answer order) {
    return who.read(order.expect(201).json().at("/authorizations/0").asText())
        .json()
        .at("/challenges/1");
  }

  @Test
  @DisplayName("draft-ietf-acme-dns-persist-02 3 and 4.1: directory and challenge say how")
  void persistMembers() {
    JsonNode meta = drafts.get(drafts.url("directory")).expect(200).json().get("meta");
    assertThat(meta.get("issuerDomainNames").toString())
        .isEqualTo("[\"ca.example\",\"authority.example\"]");
    assertThat(meta.get("accountHashPrefix").asText()).isEqualTo(drafts.url("account-hash/"));
    JsonNode challenge = persistChallenge(drafts, drafts.newOrder("p.example"));
    assertThat(challenge.get("type").asText()).isEqualTo("dns-persist-01");
    assertThat(challenge.has("token")).isFalse();
    assertThat(challenge.get("issuerDomainNames").toString())
        .isEqualTo("[\"ca.example\",\"authority.example\"]");
    JsonNode plain = client.get(client.url("directory")).expect(200).json().get("meta");
    assertThat(plain.has("issuerDomainNames")).isFalse();
    assertThat(plain.has("accountHashPrefix")).isFalse();
  }

  @Test
  @DisplayName(
      "draft-ietf-acme-dns-persist-02: one record, several certificates, over a key change")
  void persist() throws Exception {
    acme.dns.addText(
        "_validation-persist.stays.example.",
        "ca.example; accounturi="
            + persistUri(drafts, "stays.example", drafts.thumbprint())
            + "; policy=wildcard");
    for (String name : List.of("stays.example", "*.stays.example")) {
      AcmeClient.Answer order = drafts.newOrder(name);
      drafts.post(persistChallenge(drafts, order).get("url").asText(), "{}").expect(200);
      AcmeClient.Answer ready = drafts.await(order.location(), "pending");
      assertThat(ready.text("status")).as(ready.body()).isEqualTo("ready");
      assertThat(
              drafts
                  .finalizeOrder(ready, TestAuthority.generate(), name)
                  .expect(200)
                  .text("status"))
          .isEqualTo("valid");
    }
    AcmeClient changed = changeKey(drafts);
    AcmeClient twice = changeKey(changed);
    // What was proven would serve this order too, were it not given up.
    AcmeClient.Answer proven = twice.newOrder("stays.example").expect(201);
    twice
        .post(proven.json().at("/authorizations/0").asText(), "{\"status\":\"deactivated\"}")
        .expect(200);
    AcmeClient.Answer order = twice.newOrder("stays.example");
    JsonNode challenge = persistChallenge(twice, order);
    twice.post(challenge.get("url").asText(), "{}").expect(200);
    assertThat(twice.await(order.location(), "pending").text("status")).isEqualTo("ready");
  }

  private AcmeClient changeKey(AcmeClient from) {
    KeyPair keys = TestAuthority.generate();
    AcmeClient to = new AcmeClient(acme.url, "drafts", keys, "ES256");
    String url = from.url("key-change");
    ObjectNode inner = AcmeClient.object().put("alg", "ES256").put("url", url).set("jwk", to.jwk());
    ObjectNode payload =
        AcmeClient.object().put("account", from.account()).set("oldKey", from.jwk());
    from.post(url, to.jws(inner.toString(), payload.toString())).expect(200);
    return to.as(from.account());
  }

  @Test
  @DisplayName("draft-ietf-acme-dns-persist-02 4.2: a key of another account does not count")
  void persistOtherAccount() {
    AcmeClient thief =
        new AcmeClient(acme.url, "drafts", TestAuthority.generate(), "ES256").register();
    acme.dns.addText(
        "_validation-persist.held.example.",
        "ca.example; accounturi=" + persistUri(drafts, "held.example", drafts.thumbprint()));
    JsonNode challenge = persistChallenge(thief, thief.newOrder("held.example"));
    thief.post(challenge.get("url").asText(), "{}").expect(200);
    AcmeClient.Answer answer = thief.await(challenge.get("url").asText(), "processing");
    assertThat(answer.text("status")).isEqualTo("invalid");
    assertThat(answer.json().at("/error/detail").asText()).contains("hashed URI");
  }

  @Test
  @DisplayName("draft-ietf-acme-dns-persist-02 4.1: nothing is relied on after persistUntil")
  void persistUntil() {
    long end = clock.instant().plusSeconds(3600).getEpochSecond();
    acme.dns.addText(
        "_validation-persist.ends.example.",
        "ca.example; accounturi="
            + persistUri(drafts, "*", drafts.thumbprint())
            + "; persistUntil="
            + end);
    AcmeClient.Answer order = drafts.newOrder("ends.example");
    drafts.post(persistChallenge(drafts, order).get("url").asText(), "{}").expect(200);
    AcmeClient.Answer ready = drafts.await(order.location(), "pending");
    assertThat(ready.text("status")).isEqualTo("ready");
    assertThat(Instant.parse(ready.text("expires"))).isEqualTo(Instant.ofEpochSecond(end));
    String authorization = order.json().at("/authorizations/0").asText();
    assertThat(Instant.parse(drafts.read(authorization).text("expires")))
        .isEqualTo(Instant.ofEpochSecond(end));
    clock.advance(Duration.ofSeconds(3601));
    assertThat(drafts.read(authorization).text("status")).isEqualTo("expired");
    drafts
        .finalizeOrder(ready, TestAuthority.generate(), "ends.example")
        .expectError(403, "orderNotReady");
    JsonNode again = persistChallenge(drafts, drafts.newOrder("ends.example"));
    drafts.post(again.get("url").asText(), "{}").expect(200);
    AcmeClient.Answer late = drafts.await(again.get("url").asText(), "processing");
    assertThat(late.json().at("/error/detail").asText()).contains("was to persist until");
  }

  @Test
  @DisplayName("a challenge that the endpoint no longer offers cannot be chosen")
  void noLongerOffered() {
    JsonNode challenge = persistChallenge(drafts, drafts.newOrder("gone.example"));
    acme.database
        .sql()
        .execute(
            "update acme_challenges set kind = 'tls-alpn-01' where kind = 'dns-persist-01'"
                + " and status = 'pending'");
    drafts.post(challenge.get("url").asText(), "{}").expectError(400, "malformed");
    assertThat(drafts.read(challenge.get("url").asText()).text("status")).isEqualTo("pending");
  }
}
