package dev.chancery.kubernetes;

import java.time.Clock;
import java.util.List;
import java.util.Map;
import org.jose4j.jwa.AlgorithmConstraints;
import org.jose4j.jwa.AlgorithmConstraints.ConstraintType;
import org.jose4j.jwk.JsonWebKey;
import org.jose4j.jws.AlgorithmIdentifiers;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.jwt.MalformedClaimException;
import org.jose4j.jwt.NumericDate;
import org.jose4j.jwt.consumer.ErrorCodes;
import org.jose4j.jwt.consumer.InvalidJwtException;
import org.jose4j.jwt.consumer.JwtConsumerBuilder;
import org.jose4j.keys.resolvers.JwksVerificationKeyResolver;
import org.jose4j.lang.UnresolvableKeyException;
import org.jspecify.annotations.Nullable;

/**
 * Verifies tokens by the keys that the cluster publishes, without asking it for each: a deleted
 * account is known until its token ends, which is minutes after.
 */
final class SignedTokens implements ServiceAccountTokens {
  private static final int SKEW_SECONDS = 30;

  /** A day: a cluster's longest tokens are for its own use, and last no longer either. */
  private static final int LONGEST_MINUTES = 24 * 60;

  /** Signatures by public keys alone: no MAC under a published key, and not none. */
  private static final AlgorithmConstraints ALGORITHMS =
      new AlgorithmConstraints(
          ConstraintType.PERMIT,
          AlgorithmIdentifiers.RSA_USING_SHA256,
          AlgorithmIdentifiers.RSA_USING_SHA384,
          AlgorithmIdentifiers.RSA_USING_SHA512,
          AlgorithmIdentifiers.ECDSA_USING_P256_CURVE_AND_SHA256,
          AlgorithmIdentifiers.ECDSA_USING_P384_CURVE_AND_SHA384,
          AlgorithmIdentifiers.ECDSA_USING_P521_CURVE_AND_SHA512);

  private final String issuer;
  private final KeySet keys;
  private final Clock clock;

  /**
   * @param issuer what the cluster calls itself in its tokens
   */
  SignedTokens(String issuer, KeySet keys, Clock clock) {
    this.issuer = issuer;
    this.keys = keys;
    this.clock = clock;
  }

  @Override
  public ServiceAccount verify(String token, String audience) throws VaultProblem {
    try {
      return account(claims(token, audience));
    } catch (InvalidJwtException e) {
      throw VaultProblem.forbidden(why(e));
    } catch (MalformedClaimException e) {
      throw VaultProblem.forbidden("a claim of the token is malformed");
    }
  }

  private JwtClaims claims(String token, String audience) throws VaultProblem, InvalidJwtException {
    try {
      return claims(token, audience, keys.current());
    } catch (InvalidJwtException e) {
      if (e.getCause() instanceof UnresolvableKeyException) {
        // Clusters change their keys.
        return claims(token, audience, keys.again());
      }
      throw e;
    }
  }

  private JwtClaims claims(String token, String audience, List<JsonWebKey> known)
      throws InvalidJwtException {
    return new JwtConsumerBuilder()
        .setJwsAlgorithmConstraints(ALGORITHMS)
        .setVerificationKeyResolver(new JwksVerificationKeyResolver(known))
        .setExpectedIssuer(issuer)
        .setExpectedAudience(audience)
        .setRequireExpirationTime()
        .setRequireSubject()
        .setAllowedClockSkewInSeconds(SKEW_SECONDS)
        .setMaxFutureValidityInMinutes(LONGEST_MINUTES)
        .setEvaluationTime(NumericDate.fromMilliseconds(clock.millis()))
        .build()
        .processToClaims(token);
  }

  private static ServiceAccount account(JwtClaims claims)
      throws VaultProblem, MalformedClaimException {
    Map<?, ?> kubernetes = map(claims.getClaimValue("kubernetes.io"));
    Map<?, ?> named = map(kubernetes.get("serviceaccount"));
    ServiceAccount account =
        ServiceAccount.of(claims.getSubject(), text(named.get("uid")))
            .orElseThrow(() -> VaultProblem.forbidden("the token is not one of a service account"));
    if (!account.namespace().equals(text(kubernetes.get("namespace")))
        || !account.name().equals(text(named.get("name")))) {
      throw VaultProblem.forbidden("the token's subject and its kubernetes.io claim differ");
    }
    return account;
  }

  private static Map<?, ?> map(@Nullable Object value) {
    return value instanceof Map<?, ?> map ? map : Map.of();
  }

  private static String text(@Nullable Object value) {
    return value instanceof String text ? text : "";
  }

  private static String why(InvalidJwtException e) {
    if (e.hasErrorCode(ErrorCodes.EXPIRED)) {
      return "the token has expired";
    }
    if (e.hasErrorCode(ErrorCodes.AUDIENCE_INVALID)
        || e.hasErrorCode(ErrorCodes.AUDIENCE_MISSING)) {
      return "the token is not meant for the audience of this role";
    }
    if (e.hasErrorCode(ErrorCodes.ISSUER_INVALID) || e.hasErrorCode(ErrorCodes.ISSUER_MISSING)) {
      return "the token is not from this cluster";
    }
    return "the token is not valid";
  }
}
