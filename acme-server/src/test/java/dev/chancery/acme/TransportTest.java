package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.testing.DatabaseKind;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** RFC 8555 section 6: what a request must be before anyone looks at what it asks. */
final class TransportTest {
  private static final int LONGEST = 128 * 1024;

  private static AcmeFixture acme;
  private static AcmeClient client;

  @BeforeAll
  static void start(@TempDir Path folder) {
    acme = new AcmeFixture(DatabaseKind.H2, folder);
    client = new AcmeClient(acme.url).register();
  }

  @AfterAll
  static void stop() {
    acme.close();
  }

  private static String newOrder() {
    return client.url("new-order");
  }

  @Test
  @DisplayName("RFC 8555 7.1.1: the directory lists exactly what is served")
  void directory() {
    AcmeClient.Answer answer = client.get(acme.url + "/acme/directory").expect(200);
    assertThat(answer.json().fieldNames())
        .toIterable()
        .containsExactlyInAnyOrder(
            "newNonce",
            "newAccount",
            "newOrder",
            "newAuthz",
            "revokeCert",
            "keyChange",
            "renewalInfo",
            "meta");
    assertThat(answer.text("newOrder")).isEqualTo(acme.url + "/acme/default/new-order");
    assertThat(answer.headers().allValues("Link")).isEmpty();
    assertThat(client.get(acme.url + "/acme/other/directory").text("newOrder"))
        .isEqualTo(acme.url + "/acme/other/new-order");
    client.get(acme.url + "/acme/none/directory").expectError(404, "malformed");
  }

  @Test
  @DisplayName("RFC 8555 7.2: HEAD 200 and GET 204 with a nonce that no cache keeps")
  void newNonce() {
    AcmeClient.Answer head = client.method("HEAD", client.url("new-nonce")).expect(200);
    AcmeClient.Answer get = client.get(client.url("new-nonce")).expect(204);
    for (AcmeClient.Answer answer : List.of(head, get)) {
      assertThat(answer.header("Replay-Nonce")).matches("[A-Za-z0-9_-]{22,}");
      assertThat(answer.header("Cache-Control")).isEqualTo("no-store");
      assertThat(answer.header("Link"))
          .isEqualTo("<" + acme.url + "/acme/directory>;rel=\"index\"");
      // RFC 9110 section 8.3: a type is of content, and there is none.
      assertThat(answer.headers().allValues("Content-Type")).isEmpty();
    }
  }

  @Test
  @DisplayName("RFC 8555 6.5: a nonce works once, and errors carry a fresh one that works")
  void nonceWorksOnce() {
    String url = newOrder();
    ObjectNode header = client.header(url);
    String request = client.jws(header.toString(), "{\"identifiers\":[]}").toString();
    AcmeClient.Answer first =
        client.send(url, AcmeClient.JOSE, request).expectError(400, "malformed");
    AcmeClient.Answer second =
        client.send(url, AcmeClient.JOSE, request).expectError(400, "badNonce");
    for (AcmeClient.Answer answer : List.of(first, second)) {
      String fresh = answer.header("Replay-Nonce");
      client.post(client.account(), "", changed -> changed.put("nonce", fresh)).expect(200);
    }
  }

  @Test
  @DisplayName("RFC 8555 6.5: of the same request sent 16 times at once, one acts")
  void nonceRace() {
    String url = newOrder();
    String request =
        client
            .jws(
                client.header(url).toString(),
                "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"race.example\"}]}")
            .toString();
    List<Integer> statuses =
        IntStream.range(0, 16)
            .parallel()
            .mapToObj(i -> client.send(url, AcmeClient.JOSE, request).status())
            .toList();
    assertThat(statuses).containsOnlyOnce(201);
    assertThat(statuses.stream().filter(status -> status == 400)).hasSize(15);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "AAAA", "not base64url!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})
  @DisplayName("RFC 8555 6.5.2: a nonce that was not made here is badNonce")
  void foreignNonce(String nonce) {
    client
        .post(client.account(), "", header -> header.put("nonce", nonce))
        .expectError(400, "badNonce");
  }

  @Test
  @DisplayName("RFC 8555 6.5.2: no nonce is badNonce")
  void noNonce() {
    client
        .post(client.account(), "", header -> header.remove("nonce"))
        .expectError(400, "badNonce");
  }

  @Test
  @DisplayName("RFC 8555 6.4: the url must be the one requested")
  void otherUrl() {
    client
        .post(newOrder(), "{}", header -> header.put("url", client.url("new-account")))
        .expectError(403, "unauthorized");
    client
        .post(client.account() + "?a=b", "", header -> header.put("url", client.account()))
        .expectError(403, "unauthorized");
  }

  @Test
  @DisplayName("RFC 8555 6.2: the content type must be application/jose+json")
  void contentType() {
    String request = client.jws(client.header(newOrder()).toString(), "{}").toString();
    client.send(newOrder(), "application/json", request).expectError(415, "malformed");
    assertThat(client.send(newOrder(), "text/plain", "").header("Replay-Nonce")).isNotEmpty();
  }

  @Test
  @DisplayName("RFC 8555 6.3: no plain GET, no other methods; unknown paths are problems too")
  void methods() {
    AcmeClient.Answer answer = client.get(client.account()).expectError(405, "malformed");
    assertThat(answer.header("Allow")).isEqualTo("POST");
    client.method("PUT", newOrder()).expectError(405, "malformed");
    client.method("BREW", newOrder()).expectError(404, "malformed");
    client.method("DELETE", client.url("new-nonce")).expectError(405, "malformed");
    client.get(acme.url + "/acme/default/nothing").expectError(404, "malformed");
    client.get(acme.url + "/acme/default/order/x/y/z").expectError(404, "malformed");
    client.read(client.url("order/not-an-id")).expectError(404, "malformed");
  }

  @Test
  @DisplayName("RFC 8555 7.1: below an endpoint, 404 and 405 link to its directory too")
  void linkToDirectory() {
    for (AcmeClient.Answer answer :
        List.of(
            client.get(client.account()).expect(405),
            client.get(client.url("nothing")).expect(404),
            client.get(client.url("order/x/y/z")).expect(404),
            client.method("BREW", newOrder()).expect(404))) {
      assertThat(answer.headers().allValues("Link"))
          .containsExactly("<" + acme.url + "/acme/directory>;rel=\"index\"");
    }
    assertThat(client.get(acme.url + "/acme/other/nothing").expect(404).header("Link"))
        .isEqualTo("<" + acme.url + "/acme/other/directory>;rel=\"index\"");
    for (AcmeClient.Answer answer :
        List.of(
            client.get(acme.url + "/acme/none/nothing").expect(404),
            client.get(acme.url + "/acme/none/new-order").expect(405),
            client.method("PUT", acme.url + "/acme/directory").expect(405),
            client.method("PUT", client.url("directory")).expect(405))) {
      assertThat(answer.headers().allValues("Link")).isEmpty();
    }
  }

  @Test
  @DisplayName("RFC 8555 6.3: POST-as-GET has an empty payload, not an empty object")
  void postAsGet() {
    AcmeClient.Answer order = client.newOrder("as-get.example").expect(201);
    client.post(order.location(), "{}").expectError(400, "malformed");
    client.read(order.location()).expect(200);
  }

  @Test
  @DisplayName("RFC 8555 6.3: directory and newNonce are read by POST-as-GET too")
  void postAsGetWithoutNeed() {
    for (String url : List.of(acme.url + "/acme/directory", client.url("directory"))) {
      assertThat(client.read(url).expect(200).text("newOrder")).isEqualTo(newOrder());
      client.post(url, "{}").expectError(400, "malformed");
    }
    AcmeClient.Answer nonce = client.read(client.url("new-nonce")).expect(204);
    assertThat(nonce.headers().allValues("Replay-Nonce")).hasSize(1);
  }

  @Test
  @DisplayName("bounded memory: 128 KiB, announced or chunked")
  void size() {
    String big = "x".repeat(LONGEST + 1);
    client.send(newOrder(), AcmeClient.JOSE, big).expectError(413, "malformed");
    client
        .send(
            HttpRequest.newBuilder(URI.create(newOrder()))
                .header("Content-Type", AcmeClient.JOSE)
                .POST(
                    HttpRequest.BodyPublishers.ofInputStream(
                        () -> new ByteArrayInputStream(new byte[LONGEST + 1]))))
        .expectError(413, "malformed");
  }

  @ParameterizedTest
  @ValueSource(strings = {"none", "HS256", "RS384", "ES256K", "PS256", "es256", ""})
  @DisplayName("RFC 8555 6.2: other algorithms are badSignatureAlgorithm, with the list")
  void algorithms(String algorithm) {
    AcmeClient.Answer answer =
        client
            .post(client.account(), "", header -> header.put("alg", algorithm))
            .expectError(400, "badSignatureAlgorithm");
    assertThat(answer.json().get("algorithms")).hasSize(5);
  }

  @ParameterizedTest
  @ValueSource(strings = {"ES384", "ES512", "EdDSA", "RS256"})
  @DisplayName("RFC 8555 6.2: key and alg must fit each other")
  void algorithmOfAnotherKey(String algorithm) {
    client
        .post(client.account(), "", header -> header.put("alg", algorithm))
        .expectError(400, "badSignatureAlgorithm");
  }

  @ParameterizedTest
  @CsvSource({"ES256,EC,secp256r1", "ES384,EC,secp384r1", "ES512,EC,secp521r1", "EdDSA,Ed25519,"})
  @DisplayName("RFC 8555 6.2: ES256, ES384, ES512 and EdDSA accounts work")
  void accountKeys(String algorithm, String kind, String curve) throws Exception {
    KeyPair keys =
        curve == null
            ? KeyPairGenerator.getInstance(kind).generateKeyPair()
            : TestAuthority.generate(kind, curve);
    AcmeClient other = new AcmeClient(acme.url, AcmeEndpoint.DEFAULT, keys, algorithm).register();
    other.newOrder("keys.example").expect(201);
  }

  @Test
  @DisplayName("RFC 8037 3.1: an Ed25519 account, from its registration to a certificate")
  void ed25519() throws Exception {
    KeyPair keys = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
    AcmeClient other = new AcmeClient(acme.url, AcmeEndpoint.DEFAULT, keys, "EdDSA").register();
    String chain = other.certificate(acme.web, TestAuthority.generate(), "localhost").body();
    assertThat(chain).startsWith("-----BEGIN CERTIFICATE-----");
    AcmeClient next = new AcmeClient(acme.url);
    String url = other.url("key-change");
    ObjectNode header = AcmeClient.object().put("alg", "ES256").put("url", url);
    header.set("jwk", next.jwk());
    ObjectNode change = AcmeClient.object().put("account", other.account());
    change.set("oldKey", other.jwk());
    other.post(url, next.jws(header.toString(), change.toString())).expect(200);
    next.as(other.account()).read(other.account()).expect(200);
    other.read(other.account()).expectError(400, "badSignatureAlgorithm");
  }

  @Test
  @DisplayName("RFC 7518 6: a jwk that holds a private key registers nothing")
  void privateKey() {
    AcmeClient other = new AcmeClient(acme.url);
    String url = other.url("new-account");
    other
        .post(url, "{}", header -> ((ObjectNode) header.get("jwk")).put("d", "AQAB"))
        .expectError(400, "badPublicKey");
    other.post(url, "{\"onlyReturnExisting\":true}").expectError(400, "accountDoesNotExist");
  }

  @Test
  @DisplayName("RFC 8555 6.2: RS256 works from 2048 bits on")
  void rsa() throws Exception {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    new AcmeClient(acme.url, AcmeEndpoint.DEFAULT, generator.generateKeyPair(), "RS256").register();
    generator.initialize(1024);
    AcmeClient weak =
        new AcmeClient(acme.url, AcmeEndpoint.DEFAULT, generator.generateKeyPair(), "RS256");
    weak.post(weak.url("new-account"), "{}").expectError(400, "badPublicKey");
  }

  @Test
  @DisplayName("RFC 8555 6.2: exactly one of jwk and kid, the right one, and nothing critical")
  void header() {
    client
        .post(newOrder(), "{}", header -> header.set("jwk", client.jwk()))
        .expectError(400, "malformed");
    client.post(newOrder(), "{}", header -> header.remove("kid")).expectError(400, "malformed");
    client
        .post(
            newOrder(),
            "{}",
            header -> {
              header.remove("kid");
              header.set("jwk", client.jwk());
            })
        .expectError(400, "malformed");
    client.post(client.url("new-account"), "{}").expectError(400, "malformed");
    client
        .post(newOrder(), "{}", header -> header.putArray("crit").add("b64"))
        .expectError(400, "malformed");
    client.post(newOrder(), "{}", header -> header.put("b64", false)).expectError(400, "malformed");
  }

  @Test
  @DisplayName("RFC 8555 6.2: flattened serialization only, no unprotected header, no member twice")
  void serialization() {
    String url = client.account();
    ObjectNode unprotected = client.jws(client.header(url).toString(), "");
    unprotected.putObject("header").put("kid", client.account());
    client.send(url, AcmeClient.JOSE, unprotected.toString()).expectError(400, "malformed");

    ObjectNode general = AcmeClient.object();
    ObjectNode right = client.jws(client.header(url).toString(), "");
    general.put("payload", "");
    general.putArray("signatures").add(right.deepCopy());
    client.send(url, AcmeClient.JOSE, general.toString()).expectError(400, "malformed");

    String twice = right.toString().replaceFirst("\\{", "{\"payload\":\"e30\",");
    client.send(url, AcmeClient.JOSE, twice).expectError(400, "malformed");
    client.send(url, AcmeClient.JOSE, right + "{}").expectError(400, "malformed");

    String padded = right.toString().replace("\"payload\":\"\"", "\"payload\":\"e30=\"");
    client.send(url, AcmeClient.JOSE, padded).expectError(400, "malformed");
    // None of these spent the nonce.
    client.send(url, AcmeClient.JOSE, right.toString()).expect(200);
  }

  @Test
  @DisplayName("RFC 8555 6.2: a signature by another key, or over other bytes, is refused")
  void signature() {
    String url = client.account();
    ObjectNode header = client.header(url);
    ObjectNode forged = client.jws(header.toString(), "", TestAuthority.generate().getPrivate());
    client.send(url, AcmeClient.JOSE, forged.toString()).expectError(400, "malformed");
    ObjectNode changed = client.jws(header.toString(), "").put("payload", "e30");
    client.send(url, AcmeClient.JOSE, changed.toString()).expectError(400, "malformed");
    // Section 6.5: a request that is not authentic burns no one's nonce.
    client.send(url, AcmeClient.JOSE, client.jws(header.toString(), "").toString()).expect(200);
  }

  @Test
  @DisplayName("RFC 8555 6.2: an account of another endpoint or of none does not exist")
  void unknownAccount() {
    String url = client.url("new-order");
    for (String kid :
        List.of(
            client.url("account/AAAAAAAAAAAAAAAAAAAAAA"),
            acme.url + "/acme/other/account/" + client.account().replaceAll(".*/", ""),
            "account/1",
            "")) {
      client
          .post(url, "{}", header -> header.put("kid", kid))
          .expectError(400, "accountDoesNotExist");
    }
  }

  @Test
  @DisplayName("a body that drips in is given up after ten seconds, though it is never idle")
  void slowBody() throws Exception {
    URI at = acme.url;
    try (Socket socket = new Socket(at.getHost(), at.getPort())) {
      socket.setSoTimeout(30_000);
      OutputStream output = socket.getOutputStream();
      output.write(
          ("POST /acme/default/new-order HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                  + AcmeClient.JOSE
                  + "\r\nContent-Length: 1000\r\n\r\n")
              .getBytes(StandardCharsets.US_ASCII));
      InputStream input = socket.getInputStream();
      for (int i = 0; i < 150 && input.available() == 0; i++) {
        output.write(' ');
        output.flush();
        Thread.sleep(100);
      }
      byte[] head = input.readNBytes("HTTP/1.1 408".length());
      assertThat(new String(head, StandardCharsets.US_ASCII)).isEqualTo("HTTP/1.1 408");
    }
  }

  @Test
  @DisplayName("a made-up nonce is refused before anyone looks at the key, which costs more")
  void nonceBeforeKey() {
    AcmeClient.Answer answer =
        new AcmeClient(acme.url)
            .post(
                client.url("new-account"),
                "{}",
                header -> header.put("nonce", "AAAA").putObject("jwk").put("kty", "none such"));
    answer.expectError(400, "badNonce");
  }
}
