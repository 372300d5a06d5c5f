package dev.chancery.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import dev.chancery.testing.AdjustableClock;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.PublicKey;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jose4j.jwk.JsonWebKey;
import org.jose4j.jwk.JsonWebKeySet;
import org.jose4j.jwk.RsaJsonWebKey;
import org.jose4j.jwk.RsaJwkGenerator;
import org.jose4j.jws.AlgorithmIdentifiers;
import org.jose4j.jws.JsonWebSignature;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.jwt.NumericDate;
import org.jose4j.keys.HmacKey;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Against a server of JWK sets on a socket. */
@DisplayName("Tokens verified by the keys that a cluster publishes")
class SignedTokensTest {
  private static final String ISSUER = "https://kubernetes.default.svc.cluster.local";
  private static final String AUDIENCE = "vault://team/issuer";

  private final AdjustableClock clock = new AdjustableClock(Instant.parse("2026-11-25T12:00:00Z"));
  private final List<JsonWebKey> published = new ArrayList<>();
  private final AtomicInteger asked = new AtomicInteger();
  private HttpServer server;
  private ClusterHttp http;
  private RsaJsonWebKey key;
  private SignedTokens tokens;

  @BeforeEach
  void serve() throws Exception {
    key = key("one");
    published.add(key);
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    server.createContext(
        "/openid/v1/jwks",
        exchange -> {
          asked.incrementAndGet();
          byte[] body = new JsonWebKeySet(published).toJson().getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(200, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
    http = new ClusterHttp(Optional.empty(), Optional.empty());
    URI url = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/openid/v1/jwks");
    tokens = new SignedTokens(ISSUER, new KeySet(KeySet.ofUrl(http, url), clock), clock);
  }

  @AfterEach
  void stop() {
    http.close();
    server.stop(0);
  }

  private static RsaJsonWebKey key(String id) throws Exception {
    RsaJsonWebKey key = RsaJwkGenerator.generateJwk(2048);
    key.setKeyId(id);
    return key;
  }

  private JwtClaims claims() {
    JwtClaims claims = new JwtClaims();
    claims.setIssuer(ISSUER);
    claims.setAudience(AUDIENCE, "https://ca.corp.test");
    claims.setSubject("system:serviceaccount:team:issuer");
    long now = clock.instant().getEpochSecond();
    claims.setIssuedAt(NumericDate.fromSeconds(now));
    claims.setNotBefore(NumericDate.fromSeconds(now));
    claims.setExpirationTime(NumericDate.fromSeconds(now + 600));
    claims.setClaim(
        "kubernetes.io",
        Map.of("namespace", "team", "serviceaccount", Map.of("name", "issuer", "uid", "1-2-3")));
    return claims;
  }

  private static String signed(JwtClaims claims, RsaJsonWebKey key) throws Exception {
    JsonWebSignature signature = new JsonWebSignature();
    signature.setAlgorithmHeaderValue(AlgorithmIdentifiers.RSA_USING_SHA256);
    signature.setKeyIdHeaderValue(key.getKeyId());
    signature.setPayload(claims.toJson());
    signature.setKey(key.getPrivateKey());
    return signature.getCompactSerialization();
  }

  private String with(Consumer<JwtClaims> change) throws Exception {
    JwtClaims claims = claims();
    change.accept(claims);
    return signed(claims, key);
  }

  private void requireRefused(String token, String says) {
    assertThatThrownBy(() -> tokens.verify(token, AUDIENCE))
        .isInstanceOfSatisfying(
            VaultProblem.class,
            problem -> {
              assertThat(problem.status()).isEqualTo(403);
              assertThat(problem.text()).contains(says).doesNotContain(token);
            });
  }

  @Test
  @DisplayName("a token of the cluster for this audience is its account's")
  void accepted() throws Exception {
    assertThat(tokens.verify(signed(claims(), key), AUDIENCE))
        .isEqualTo(new ServiceAccount("team", "issuer", "1-2-3"));
  }

  @Test
  @DisplayName("wrong audience, issuer, time, subject or claims are each refused with 403")
  void refused() throws Exception {
    requireRefused(with(claims -> claims.setAudience("vault://other")), "audience");
    requireRefused(with(claims -> claims.unsetClaim("aud")), "audience");
    requireRefused(with(claims -> claims.setIssuer("https://other")), "not from this cluster");
    requireRefused(
        with(claims -> claims.setExpirationTime(NumericDate.fromSeconds(1_700_000_000))),
        "expired");
    requireRefused(with(claims -> claims.unsetClaim("exp")), "not valid");
    requireRefused(
        with(claims ->
            claims.setNotBefore(NumericDate.fromSeconds(clock.instant().getEpochSecond() + 120))),
        "not valid");
    requireRefused(
        with(claims ->
            claims.setExpirationTime(
                NumericDate.fromSeconds(
                    clock.instant().plus(Duration.ofDays(40)).getEpochSecond()))),
        "not valid");
    requireRefused(with(claims -> claims.setSubject("system:node:a")), "not one of a service");
    requireRefused(with(claims -> claims.setSubject("system:serviceaccount:team:admin")), "differ");
    requireRefused(with(claims -> claims.unsetClaim("kubernetes.io")), "differ");
    requireRefused("not.a.token", "not valid");
  }

  @Test
  @DisplayName("neither alg none, nor a MAC with the published key, nor another's key is taken")
  void algorithms() throws Exception {
    JsonWebSignature none = new JsonWebSignature();
    none.setAlgorithmConstraints(org.jose4j.jwa.AlgorithmConstraints.NO_CONSTRAINTS);
    none.setAlgorithmHeaderValue(AlgorithmIdentifiers.NONE);
    none.setPayload(claims().toJson());
    requireRefused(none.getCompactSerialization(), "not valid");

    PublicKey known = key.getRsaPublicKey();
    JsonWebSignature mac = new JsonWebSignature();
    mac.setAlgorithmHeaderValue(AlgorithmIdentifiers.HMAC_SHA256);
    mac.setKeyIdHeaderValue(key.getKeyId());
    mac.setPayload(claims().toJson());
    mac.setKey(new HmacKey(known.getEncoded()));
    requireRefused(mac.getCompactSerialization(), "not valid");

    RsaJsonWebKey stranger = key("one");
    requireRefused(signed(claims(), stranger), "not valid");
  }

  @Test
  @DisplayName("a key that the cluster publishes later is found, and made-up ones cost no flood")
  void changedKeys() throws Exception {
    assertThat(tokens.verify(signed(claims(), key), AUDIENCE)).isNotNull();
    RsaJsonWebKey later = key("two");
    published.add(later);
    clock.advance(Duration.ofSeconds(30));

    assertThat(tokens.verify(signed(claims(), later), AUDIENCE)).isNotNull();

    RsaJsonWebKey madeUp = key("made-up");
    for (int i = 0; i < 20; i++) {
      requireRefused(signed(claims(), madeUp), "not valid");
    }
    assertThat(asked).hasValue(2);
  }

  @Test
  @DisplayName("while the cluster does not answer, known keys are used; without any it is 503")
  void away() throws Exception {
    String token = signed(claims(), key);
    assertThat(tokens.verify(token, AUDIENCE)).isNotNull();
    int port = server.getAddress().getPort();
    server.stop(0);
    clock.advance(Duration.ofMinutes(9));
    assertThat(tokens.verify(token, AUDIENCE)).isNotNull();
    clock.advance(Duration.ofMinutes(30));
    assertThat(tokens.verify(signed(claims(), key), AUDIENCE)).isNotNull();

    URI url = URI.create("http://127.0.0.1:" + port + "/openid/v1/jwks");
    SignedTokens fresh =
        new SignedTokens(ISSUER, new KeySet(KeySet.ofUrl(http, url), clock), clock);
    assertThatThrownBy(() -> fresh.verify(token, AUDIENCE))
        .isInstanceOfSatisfying(
            VaultProblem.class, problem -> assertThat(problem.status()).isEqualTo(503));
  }
}
