package dev.chancery.acme;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.BouncyCastle;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.Signature;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequestBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.jose4j.jwk.PublicJsonWebKey;
import org.jose4j.lang.JoseException;

/** An ACME client that says exactly what a test wants said, right or wrong. Signs by the JDK. */
final class AcmeClient {
  static final String JOSE = "application/jose+json";
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final HttpClient HTTP =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private final URI base;
  private final String endpoint;
  final KeyPair keys;
  final String algorithm;
  private final String jcaName;
  private String account = "";
  private UnaryOperator<URI> route = UnaryOperator.identity();

  AcmeClient(URI base) {
    this(base, AcmeEndpoint.DEFAULT, TestAuthority.generate(), "ES256");
  }

  AcmeClient(URI base, String endpoint, KeyPair keys, String algorithm) {
    this.base = base;
    this.endpoint = endpoint;
    this.keys = keys;
    this.algorithm = algorithm;
    this.jcaName =
        switch (algorithm) {
          case "ES256" -> "SHA256withECDSAinP1363Format";
          case "ES384" -> "SHA384withECDSAinP1363Format";
          case "ES512" -> "SHA512withECDSAinP1363Format";
          case "EdDSA" -> "Ed25519";
          case "RS256" -> "SHA256withRSA";
          default -> throw new IllegalArgumentException(algorithm);
        };
  }

  /** Sends each request where this says, as a load balancer would; the URLs stay what they are. */
  AcmeClient through(UnaryOperator<URI> balancer) {
    route = balancer;
    return this;
  }

  /** Sends each request to one node. */
  AcmeClient through(URI node) {
    return through(url -> node.resolve(url.getRawPath()));
  }

  /** What came back. */
  record Answer(int status, HttpHeaders headers, String body) {
    JsonNode json() {
      return parse(body);
    }

    String text(String member) {
      return json().path(member).asText();
    }

    String header(String name) {
      return headers.firstValue(name).orElse("");
    }

    String location() {
      return header("Location");
    }

    String error() {
      assertThat(header("Content-Type")).isEqualTo("application/problem+json");
      assertThat(json().path("status").asInt()).isEqualTo(status);
      assertThat(text("type")).startsWith("urn:ietf:params:acme:error:");
      return text("type").substring("urn:ietf:params:acme:error:".length());
    }

    Answer expect(int expected) {
      assertThat(status).as(body).isEqualTo(expected);
      return this;
    }

    Answer expectError(int expected, String type) {
      expect(expected);
      assertThat(error()).as(body).isEqualTo(type);
      return this;
    }
  }

  static JsonNode parse(String json) {
    try {
      return MAPPER.readTree(json);
    } catch (IOException e) {
      throw new UncheckedIOException(json, e);
    }
  }

  static ObjectNode object() {
    return MAPPER.createObjectNode();
  }

  String url(String resource) {
    return base + "/acme/" + endpoint + "/" + resource;
  }

  String account() {
    return account;
  }

  AcmeClient as(String accountUrl) {
    account = accountUrl;
    return this;
  }

  String nonce() {
    return get(url("new-nonce")).expect(204).header("Replay-Nonce");
  }

  Answer get(String url) {
    return send(HttpRequest.newBuilder(route.apply(URI.create(url))).GET());
  }

  Answer method(String method, String url) {
    return send(
        HttpRequest.newBuilder(route.apply(URI.create(url)))
            .method(method, HttpRequest.BodyPublishers.noBody()));
  }

  Answer send(HttpRequest.Builder request) {
    try {
      HttpResponse<String> response =
          HTTP.send(
              request.timeout(Duration.ofSeconds(60)).build(),
              HttpResponse.BodyHandlers.ofString());
      return new Answer(response.statusCode(), response.headers(), response.body());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  Answer send(String url, String contentType, String body) {
    return send(
        HttpRequest.newBuilder(route.apply(URI.create(url)))
            .header("Content-Type", contentType)
            .POST(HttpRequest.BodyPublishers.ofString(body)));
  }

  /** A protected header as it should be: by kid once there is an account. */
  ObjectNode header(String url) {
    ObjectNode header = object().put("alg", algorithm).put("nonce", nonce()).put("url", url);
    if (account.isEmpty()) {
      header.set("jwk", jwk());
    } else {
      header.put("kid", account);
    }
    return header;
  }

  JsonNode jwk() {
    try {
      return parse(PublicJsonWebKey.Factory.newPublicJwk(keys.getPublic()).toJson());
    } catch (JoseException e) {
      throw new IllegalStateException(e);
    }
  }

  String thumbprint() {
    try {
      return PublicJsonWebKey.Factory.newPublicJwk(keys.getPublic())
          .calculateBase64urlEncodedThumbprint("SHA-256");
    } catch (JoseException e) {
      throw new IllegalStateException(e);
    }
  }

  static String base64(String text) {
    return base64(text.getBytes(StandardCharsets.UTF_8));
  }

  static String base64(byte[] octets) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(octets);
  }

  /** The flattened JWS over any header. */
  ObjectNode jws(String header, String payload) {
    return jws(header, payload, keys.getPrivate());
  }

  ObjectNode jws(String header, String payload, PrivateKey key) {
    String signed = base64(header) + "." + base64(payload);
    try {
      Signature signature = Signature.getInstance(jcaName);
      signature.initSign(key);
      signature.update(signed.getBytes(StandardCharsets.US_ASCII));
      return object()
          .put("protected", base64(header))
          .put("payload", base64(payload))
          .put("signature", base64(signature.sign()));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A right request, with changes to its protected header. */
  Answer post(String url, String payload, Consumer<ObjectNode> change) {
    ObjectNode header = header(url);
    change.accept(header);
    return send(url, JOSE, jws(header.toString(), payload).toString());
  }

  Answer post(String url, String payload) {
    return post(url, payload, header -> {});
  }

  Answer post(String url, ObjectNode payload) {
    return post(url, payload.toString());
  }

  Answer read(String url) {
    return post(url, "");
  }

  AcmeClient register() {
    account =
        post(url("new-account"), object().put("termsOfServiceAgreed", true)).expect(201).location();
    return this;
  }

  Answer newOrder(String... names) {
    ObjectNode order = object();
    ArrayNode identifiers = order.putArray("identifiers");
    for (String name : names) {
      boolean ip = name.matches("[0-9.]+") || name.contains(":");
      identifiers.add(object().put("type", ip ? "ip" : "dns").put("value", name));
    }
    return post(url("new-order"), order);
  }

  /** The first challenge of each authorization of an order. */
  List<JsonNode> challenges(Answer order) {
    List<JsonNode> challenges = new ArrayList<>();
    order
        .json()
        .get("authorizations")
        .forEach(
            url -> challenges.add(read(url.asText()).expect(200).json().get("challenges").get(0)));
    return challenges;
  }

  /** Makes an order and proves its names; answers with the ready order. */
  Answer readyOrder(WebTarget web, String... names) {
    Answer order = newOrder(names).expect(201);
    for (JsonNode challenge : challenges(order)) {
      String token = challenge.get("token").asText();
      web.answer(token, token + "." + thumbprint());
      post(challenge.get("url").asText(), "{}").expect(200);
    }
    Answer ready = await(order.location(), "pending");
    assertThat(ready.text("status")).as(ready.body()).isEqualTo("ready");
    return ready;
  }

  /** Reads a resource until its status is another. */
  Answer await(String url, String no) {
    Instant end = Instant.now().plusSeconds(30);
    while (true) {
      Answer answer = read(url).expect(200);
      if (!answer.text("status").equals(no) || Instant.now().isAfter(end)) {
        return answer;
      }
      try {
        Thread.sleep(50);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  Answer finalizeOrder(Answer order, KeyPair certificateKeys, String... names) {
    return finalizeOrder(order, csr(certificateKeys, "", names));
  }

  Answer finalizeOrder(Answer order, byte[] csr) {
    return post(order.text("finalize"), object().put("csr", base64(csr)));
  }

  /** A certificate from the order to the PEM chain. */
  Answer certificate(WebTarget web, KeyPair certificateKeys, String... names) {
    Answer valid = finalizeOrder(readyOrder(web, names), certificateKeys, names).expect(200);
    assertThat(valid.text("status")).as(valid.body()).isEqualTo("valid");
    return read(valid.text("certificate")).expect(200);
  }

  static byte[] firstCertificate(Answer chain) {
    String pem = chain.body().substring(0, chain.body().indexOf("-----END"));
    return Base64.getMimeDecoder().decode(pem.replace("-----BEGIN CERTIFICATE-----", ""));
  }

  static byte[] csr(KeyPair keys, String commonName, String... names) {
    try {
      PKCS10CertificationRequestBuilder builder =
          new JcaPKCS10CertificationRequestBuilder(
              new X500Name(commonName.isEmpty() ? "" : "CN=" + commonName), keys.getPublic());
      if (names.length > 0) {
        GeneralName[] general = new GeneralName[names.length];
        for (int i = 0; i < names.length; i++) {
          boolean ip = names[i].matches("[0-9.]+") || names[i].contains(":");
          general[i] = new GeneralName(ip ? GeneralName.iPAddress : GeneralName.dNSName, names[i]);
        }
        builder.addAttribute(
            PKCSObjectIdentifiers.pkcs_9_at_extensionRequest,
            new Extensions(
                Extension.create(
                    Extension.subjectAlternativeName, false, new GeneralNames(general))));
      }
      return builder
          .build(
              new JcaContentSignerBuilder("SHA256withECDSA")
                  .setProvider(BouncyCastle.PROVIDER)
                  .build(keys.getPrivate()))
          .getEncoded();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
