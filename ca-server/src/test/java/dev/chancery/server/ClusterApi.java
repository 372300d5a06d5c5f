package dev.chancery.server;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.fabric8.kubernetes.api.model.authentication.TokenReview;
import io.fabric8.kubernetes.api.model.authentication.TokenReviewBuilder;
import io.fabric8.kubernetes.api.model.authentication.TokenReviewStatus;
import io.fabric8.kubernetes.api.model.authentication.TokenReviewStatusBuilder;
import io.fabric8.kubernetes.client.server.mock.KubernetesMockServer;
import io.fabric8.mockwebserver.http.RecordedRequest;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.security.Key;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jose4j.jwa.AlgorithmConstraints;
import org.jose4j.jwk.JsonWebKeySet;
import org.jose4j.jwk.RsaJsonWebKey;
import org.jose4j.jwk.RsaJwkGenerator;
import org.jose4j.jws.AlgorithmIdentifiers;
import org.jose4j.jws.JsonWebSignature;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.jwt.MalformedClaimException;
import org.jose4j.jwt.NumericDate;
import org.jose4j.jwt.consumer.InvalidJwtException;
import org.jose4j.jwt.consumer.JwtConsumerBuilder;
import org.jose4j.keys.HmacKey;
import org.jose4j.lang.JoseException;
import org.jspecify.annotations.Nullable;

/**
 * A cluster's API server over TLS, with a certificate that only its own ca.crt vouches for: it
 * makes tokens of service accounts, reviews them as Kubernetes does, and publishes its key.
 */
final class ClusterApi implements AutoCloseable {
  static final String ISSUER = "https://kubernetes.default.svc.cluster.local";

  private static final String REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews";

  private final ObjectMapper json = new ObjectMapper();
  private final KubernetesMockServer server = new KubernetesMockServer(true);
  private final RsaJsonWebKey key;
  private final Set<String> deleted = ConcurrentHashMap.newKeySet();

  ClusterApi() throws JoseException {
    key = RsaJwkGenerator.generateJwk(2048);
    key.setKeyId("k");
    server.init();
    server.expect().post().withPath(REVIEWS).andReply(201, this::review).always();
    server.expect().get().withPath("/openid/v1/jwks").andReturn(200, published()).always();
  }

  String url(String path) {
    return server.url(path);
  }

  /** The certificate that it is trusted by. */
  Path roots() {
    return Path.of(server.getSelfSignedCertificate().certificatePath());
  }

  /** Its keys, as a JWK set (RFC 7517 section 5). */
  String published() {
    return new JsonWebKeySet(key).toJson();
  }

  /** Its account is no more, and tokens of it are not known from now on. */
  void delete(String namespace, String name) {
    deleted.add(subject(namespace, name));
  }

  private static String subject(String namespace, String name) {
    return "system:serviceaccount:" + namespace + ":" + name;
  }

  /** The header by which the last one that asked for a review has shown who it is. */
  String lastReviewer() throws InterruptedException {
    return server.getLastRequest().getHeader("Authorization");
  }

  /** What a token says unless it is changed. */
  static JwtClaims claims(String namespace, String name, String audience) {
    JwtClaims claims = new JwtClaims();
    claims.setIssuer(ISSUER);
    claims.setAudience(audience, "https://ca.test");
    claims.setSubject(subject(namespace, name));
    long now = Instant.now().getEpochSecond();
    claims.setIssuedAt(NumericDate.fromSeconds(now));
    claims.setNotBefore(NumericDate.fromSeconds(now));
    claims.setExpirationTime(NumericDate.fromSeconds(now + Duration.ofMinutes(10).toSeconds()));
    claims.setClaim(
        "kubernetes.io",
        Map.of("namespace", namespace, "serviceaccount", Map.of("name", name, "uid", "u-1")));
    return claims;
  }

  /** A token as TokenRequest makes it, with something changed before it is signed. */
  String token(JwtClaims claims, Consumer<JwtClaims> change) throws JoseException {
    change.accept(claims);
    return signed(claims, AlgorithmIdentifiers.RSA_USING_SHA256, key.getPrivateKey());
  }

  /** Those that whoever knows the published key can make of it without the private one. */
  List<String> forged(JwtClaims claims) throws JoseException {
    List<String> forged = new ArrayList<>();
    forged.add(signed(claims, AlgorithmIdentifiers.NONE, null));
    forged.add(
        signed(
            claims,
            AlgorithmIdentifiers.HMAC_SHA256,
            new HmacKey(key.getRsaPublicKey().getEncoded())));
    RsaJsonWebKey other = RsaJwkGenerator.generateJwk(2048);
    forged.add(signed(claims, AlgorithmIdentifiers.RSA_USING_SHA256, other.getPrivateKey()));
    return forged;
  }

  private static String signed(JwtClaims claims, String algorithm, @Nullable Key key)
      throws JoseException {
    JsonWebSignature signature = new JsonWebSignature();
    signature.setAlgorithmConstraints(AlgorithmConstraints.NO_CONSTRAINTS);
    signature.setAlgorithmHeaderValue(algorithm);
    signature.setKeyIdHeaderValue("k");
    signature.setPayload(claims.toJson());
    signature.setKey(key);
    return signature.getCompactSerialization();
  }

  private TokenReview review(RecordedRequest request) {
    try {
      JsonNode spec = json.readTree(request.getUtf8Body()).path("spec");
      return new TokenReviewBuilder()
          .withStatus(status(spec.path("token").asText(), spec.path("audiences").path(0).asText()))
          .build();
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Of what it does not know it says no more than that, and why for whoever reads its log. */
  private TokenReviewStatus status(String token, String audience) {
    try {
      JwtClaims claims =
          new JwtConsumerBuilder()
              .setJwsAlgorithmConstraints(
                  AlgorithmConstraints.ConstraintType.PERMIT, AlgorithmIdentifiers.RSA_USING_SHA256)
              .setVerificationKey(key.getPublicKey())
              .setExpectedIssuer(ISSUER)
              .setExpectedAudience(audience)
              .setRequireExpirationTime()
              .build()
              .processToClaims(token);
      if (deleted.contains(claims.getSubject())) {
        return unknown("serviceaccounts \"" + claims.getSubject() + "\" not found");
      }
      return new TokenReviewStatusBuilder()
          .withAuthenticated(true)
          .withAudiences(audience)
          .withNewUser()
          .withUsername(claims.getSubject())
          .withUid("u-1")
          .withGroups("system:serviceaccounts")
          .endUser()
          .build();
    } catch (InvalidJwtException | MalformedClaimException e) {
      return unknown("invalid bearer token");
    }
  }

  private static TokenReviewStatus unknown(String why) {
    return new TokenReviewStatusBuilder().withAuthenticated(false).withError(why).build();
  }

  @Override
  public void close() {
    server.destroy();
  }
}
