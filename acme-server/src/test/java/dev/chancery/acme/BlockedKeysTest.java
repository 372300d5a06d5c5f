package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.ACME_ACCOUNTS;
import static dev.chancery.store.schema.Tables.ACME_CHALLENGES;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.testing.DatabaseKind;
import java.math.BigInteger;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.RSAPublicKey;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.jose4j.base64url.Base64Url;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Keys that nobody may use: RFC 8555 sections 7.3, 7.3.5 and 7.4. */
final class BlockedKeysTest {
  private static final Random RANDOM = new Random(15361);
  private static AcmeFixture acme;

  @BeforeAll
  static void start(@TempDir Path folder) {
    acme = new AcmeFixture(DatabaseKind.H2, folder);
  }

  @AfterAll
  static void stop() {
    acme.close();
  }

  @Test
  @DisplayName("7.3: a blocked account key is badPublicKey, and no account is made")
  void newAccount() {
    KeyPair keys = TestAuthority.generate();
    acme.authority.block(keys.getPublic());
    AcmeClient client = new AcmeClient(acme.url, AcmeEndpoint.DEFAULT, keys, "ES256");

    AcmeClient.Answer answer = client.post(client.url("new-account"), "{}");

    answer.expectError(400, "badPublicKey");
    assertThat(answer.text("detail")).contains("blocked");
    client
        .post(client.url("new-account"), "{\"onlyReturnExisting\":true}")
        .expectError(400, "accountDoesNotExist");
  }

  @Test
  @DisplayName("7.3.5: an account cannot change to a blocked key")
  void keyChange() {
    AcmeClient client = new AcmeClient(acme.url).register();
    KeyPair keys = TestAuthority.generate();
    acme.authority.block(keys.getPublic());
    AcmeClient changed = new AcmeClient(acme.url, AcmeEndpoint.DEFAULT, keys, "ES256");
    ObjectNode header =
        AcmeClient.object().put("alg", "ES256").put("url", client.url("key-change"));
    header.set("jwk", changed.jwk());
    ObjectNode payload = AcmeClient.object().put("account", client.account());
    payload.set("oldKey", client.jwk());

    client
        .post(client.url("key-change"), changed.jws(header.toString(), payload.toString()))
        .expectError(400, "badPublicKey");

    client.read(client.account()).expect(200);
  }

  @Test
  @DisplayName("7.4: a CSR with a blocked key is badCSR, and the order stays ready")
  void finalizeOrder() {
    AcmeClient client = new AcmeClient(acme.url).register();
    AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
    KeyPair keys = TestAuthority.generate();
    acme.authority.block(keys.getPublic());

    client.finalizeOrder(order, keys, "localhost").expectError(400, "badCSR");

    assertThat(client.read(order.location()).text("status")).isEqualTo("ready");
    assertThat(
            client
                .finalizeOrder(order, TestAuthority.generate(), "localhost")
                .expect(200)
                .text("status"))
        .isEqualTo("valid");
  }

  @Test
  @DisplayName("CVE-2017-15361: an account key with the fingerprint is badPublicKey, and says so")
  void roca() {
    AcmeClient client =
        new AcmeClient(acme.url, AcmeEndpoint.DEFAULT, TestAuthority.generate(), "ES256");
    String modulus = Base64Url.encode(unsigned(flawedPrime().multiply(flawedPrime())));

    AcmeClient.Answer answer =
        client.post(
            client.url("new-account"),
            "{}",
            header -> {
              header.put("alg", "RS256");
              header.putObject("jwk").put("kty", "RSA").put("e", "AQAB").put("n", modulus);
            });

    answer.expectError(400, "badPublicKey");
    assertThat(answer.text("detail")).contains("CVE-2017-15361");
  }

  @Test
  @DisplayName("7.3: an account whose key is blocked later changes nothing more, and loses nothing")
  void blockedLater() {
    AcmeClient client = new AcmeClient(acme.url).register();
    AcmeClient.Answer order = client.readyOrder(acme.web, "localhost");
    AcmeClient.Answer pending = client.newOrder("later.example").expect(201);
    String challenge = client.challenges(pending).getFirst().get("url").asText();

    acme.authority.block(client.keys.getPublic());

    for (AcmeClient.Answer answer :
        List.of(
            client.newOrder("localhost"),
            client.post(client.url("new-account"), "{}", header -> withKey(header, client)),
            client.post(client.account(), "{\"status\":\"deactivated\"}"),
            client.post(client.url("key-change"), "{}"),
            client.post(client.url("revoke-cert"), "{}"),
            client.post(challenge, "{}"),
            client.finalizeOrder(order, TestAuthority.generate(), "localhost"))) {
      answer.expectError(403, "unauthorized");
      assertThat(answer.text("detail")).contains("blocked");
    }
    assertThat(client.read(order.location()).text("status")).isEqualTo("ready");
    assertThat(client.read(challenge).text("status")).isEqualTo("pending");
    assertThat(client.read(client.account()).text("status")).isEqualTo("valid");
  }

  private static void withKey(ObjectNode header, AcmeClient client) {
    header.remove("kid");
    header.set("jwk", client.jwk());
  }

  @Test
  @DisplayName("7.3: an account with a key that was taken before a rule against it is told so")
  void weakKeyOfBefore() throws Exception {
    AcmeClient client = new AcmeClient(acme.url).register();
    AcmeClient.Answer order = client.newOrder("localhost").expect(201);
    JsonNode challenge = client.challenges(order).getFirst();
    BigInteger modulus = flawedPrime().multiply(flawedPrime());
    byte[] flawed =
        new SubjectPublicKeyInfo(
                new AlgorithmIdentifier(PKCSObjectIdentifiers.rsaEncryption, DERNull.INSTANCE),
                new RSAPublicKey(modulus, BigInteger.valueOf(65537)))
            .getEncoded();
    // Accepted, and abandoned by whoever attempted it.
    acme.database
        .sql()
        .update(ACME_CHALLENGES)
        .set(ACME_CHALLENGES.STATUS, "processing")
        .set(ACME_CHALLENGES.LEASE_UNTIL, Times.stored(Instant.EPOCH))
        .where(ACME_CHALLENGES.TOKEN.eq(challenge.get("token").asText()))
        .execute();
    byte[] good =
        acme.database
            .sql()
            .selectFrom(ACME_ACCOUNTS)
            .where(ACME_ACCOUNTS.KEY_THUMBPRINT.eq(Base64Url.decode(client.thumbprint())))
            .fetchSingle(ACME_ACCOUNTS.PUBLIC_KEY);
    storeKey(client, flawed);

    AcmeClient.Answer answer = client.newOrder("localhost").expectError(403, "unauthorized");
    assertThat(answer.text("detail")).contains("CVE-2017-15361");
    // Recovery goes on with the challenges of all accounts, this one's too.
    acme.server.recover(Duration.ofSeconds(30));

    storeKey(client, good);
    assertThat(client.await(challenge.get("url").asText(), "processing").text("status"))
        .isEqualTo("invalid");
  }

  private static void storeKey(AcmeClient client, byte[] key) {
    assertThat(
            acme.database
                .sql()
                .update(ACME_ACCOUNTS)
                .set(ACME_ACCOUNTS.PUBLIC_KEY, key)
                .where(ACME_ACCOUNTS.KEY_THUMBPRINT.eq(Base64Url.decode(client.thumbprint())))
                .execute())
        .isEqualTo(1);
  }

  private static byte[] unsigned(BigInteger number) {
    byte[] octets = number.toByteArray();
    return octets[0] == 0 ? Arrays.copyOfRange(octets, 1, octets.length) : octets;
  }

  /** A prime of 1024 bits as the flawed library made them: k * M + (65537^a mod M). */
  private static BigInteger flawedPrime() {
    BigInteger m = BigInteger.ONE;
    BigInteger prime = BigInteger.TWO;
    for (int i = 0; i < 126; i++) {
      m = m.multiply(prime);
      prime = prime.nextProbablePrime();
    }
    BigInteger least = BigInteger.valueOf(3).shiftLeft(1022).divide(m);
    while (true) {
      BigInteger power = BigInteger.valueOf(65537).modPow(new BigInteger(200, RANDOM), m);
      BigInteger candidate = least.add(new BigInteger(49, RANDOM)).multiply(m).add(power);
      if (candidate.bitLength() == 1024 && candidate.isProbablePrime(40)) {
        return candidate;
      }
    }
  }
}
