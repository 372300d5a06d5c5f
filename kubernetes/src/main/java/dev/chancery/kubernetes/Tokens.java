package dev.chancery.kubernetes;

import static dev.chancery.store.schema.Tables.VAULT_REVOKED_TOKENS;

import dev.chancery.core.TimeOrderedIds;
import dev.chancery.store.Database;
import java.net.InetAddress;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.UUID;
import org.jooq.exception.IntegrityConstraintViolationException;
import org.jose4j.jwa.AlgorithmConstraints;
import org.jose4j.jwa.AlgorithmConstraints.ConstraintType;
import org.jose4j.jws.AlgorithmIdentifiers;
import org.jose4j.jws.JsonWebSignature;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.jwt.MalformedClaimException;
import org.jose4j.jwt.NumericDate;
import org.jose4j.jwt.consumer.InvalidJwtException;
import org.jose4j.jwt.consumer.JwtConsumer;
import org.jose4j.jwt.consumer.JwtConsumerBuilder;
import org.jose4j.lang.JoseException;

/**
 * What is shown with each request after a login. A token is signed and says itself whose it is, so
 * that every node knows it without having seen it; only those that were given up early stand in the
 * database. A token of one role is of no use under another.
 */
final class Tokens {
  private static final int LONGEST = 4096;
  private static final String ISSUER = "chancery";
  private static final String ROLE = "role";

  private final Database database;
  private final Credentials credentials;
  private final TokenKey key;
  private final Duration lifetime;
  private final Clock clock;
  private final TimeOrderedIds ids;

  Tokens(
      Database database,
      Credentials credentials,
      TokenKey key,
      Duration lifetime,
      Clock clock,
      SecureRandom random) {
    this.database = database;
    this.credentials = credentials;
    this.key = key;
    this.lifetime = lifetime;
    this.clock = clock;
    this.ids = new TimeOrderedIds(clock, random);
  }

  /** A token that was made just now. */
  record Made(String text, Session session, Duration lifetime) {
    @Override
    public String toString() {
      return "Made[session=" + session + "]";
    }
  }

  Made make(Role role, String who) {
    Instant now = clock.instant().truncatedTo(ChronoUnit.SECONDS);
    Session session =
        new Session(
            ids.next(), role.id(), who, Optional.empty(), now, Optional.of(now.plus(lifetime)));
    JwtClaims claims = new JwtClaims();
    claims.setIssuer(ISSUER);
    claims.setJwtId(session.token().toString());
    claims.setSubject(who);
    claims.setClaim(ROLE, role.id().toString());
    claims.setIssuedAt(NumericDate.fromSeconds(now.getEpochSecond()));
    claims.setExpirationTime(NumericDate.fromSeconds(now.plus(lifetime).getEpochSecond()));
    JsonWebSignature signature = new JsonWebSignature();
    signature.setAlgorithmHeaderValue(AlgorithmIdentifiers.HMAC_SHA256);
    signature.setPayload(claims.toJson());
    signature.setKey(key.key());
    try {
      return new Made(signature.getCompactSerialization(), session, lifetime);
    } catch (JoseException e) {
      throw new IllegalStateException("a token cannot be signed", e);
    }
  }

  /**
   * Reads a token that a request shows.
   *
   * @throws VaultProblem 403, when it is none, is over, or was given up
   */
  Session read(String text, InetAddress from) throws VaultProblem {
    if (text.isEmpty() || text.length() > LONGEST) {
      throw VaultProblem.permissionDenied();
    }
    if (text.indexOf('.') < 0) {
      Credential credential = credentials.token(text, from);
      return new Session(
          credential.id().value(),
          credential.role(),
          "token " + credential.id(),
          Optional.of(credential.id()),
          credential.created(),
          credential.expires());
    }
    Session session = signed(text);
    boolean revoked =
        database
            .sql()
            .selectOne()
            .from(VAULT_REVOKED_TOKENS)
            .where(VAULT_REVOKED_TOKENS.ID.eq(session.token()))
            .fetch()
            .isNotEmpty();
    if (revoked) {
      throw VaultProblem.permissionDenied();
    }
    return session;
  }

  private Session signed(String text) throws VaultProblem {
    JwtConsumer consumer =
        new JwtConsumerBuilder()
            .setJwsAlgorithmConstraints(
                new AlgorithmConstraints(ConstraintType.PERMIT, AlgorithmIdentifiers.HMAC_SHA256))
            .setVerificationKey(key.key())
            .setExpectedIssuer(ISSUER)
            .setRequireExpirationTime()
            .setRequireIssuedAt()
            .setRequireJwtId()
            .setRequireSubject()
            .setEvaluationTime(NumericDate.fromMilliseconds(clock.millis()))
            .build();
    try {
      JwtClaims claims = consumer.processToClaims(text);
      return new Session(
          UUID.fromString(claims.getJwtId()),
          RoleId.parse(claims.getStringClaimValue(ROLE)).orElseThrow(),
          claims.getSubject(),
          Optional.empty(),
          Instant.ofEpochSecond(claims.getIssuedAt().getValue()),
          Optional.of(Instant.ofEpochSecond(claims.getExpirationTime().getValue())));
    } catch (InvalidJwtException | MalformedClaimException | RuntimeException e) {
      throw VaultProblem.permissionDenied();
    }
  }

  /** Gives a token up before its end. */
  void revoke(Session session, Role role) {
    if (session.credential().isPresent()) {
      boolean _ = credentials.giveUp(session.credential().get(), role.name(), session.who());
    } else {
      Instant expires = session.expires().orElseThrow();
      try {
        database
            .sql()
            .insertInto(
                VAULT_REVOKED_TOKENS, VAULT_REVOKED_TOKENS.ID, VAULT_REVOKED_TOKENS.EXPIRES_AT)
            .values(session.token(), Times.stored(expires))
            .onConflictDoNothing()
            .execute();
      } catch (IntegrityConstraintViolationException e) {
        // For H2 jOOQ writes a merge, which loses a race by an exception instead of by zero rows.
      }
    }
    database.syncToDisk();
  }

  /**
   * Forgets some revocations of tokens that have ended.
   *
   * @return how many
   */
  int prune(int limit) {
    OffsetDateTime now = Times.stored(Times.now(clock));
    return database.inTransaction(sql ->
        sql.deleteFrom(VAULT_REVOKED_TOKENS)
            .where(
                VAULT_REVOKED_TOKENS.ID.in(
                    sql.select(VAULT_REVOKED_TOKENS.ID)
                        .from(VAULT_REVOKED_TOKENS)
                        .where(VAULT_REVOKED_TOKENS.EXPIRES_AT.lt(now))
                        .orderBy(VAULT_REVOKED_TOKENS.EXPIRES_AT)
                        .limit(limit)))
            .execute());
  }
}
