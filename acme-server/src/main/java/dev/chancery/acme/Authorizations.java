package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.ACME_ACCOUNTS;
import static dev.chancery.store.schema.Tables.ACME_AUTHORIZATIONS;
import static dev.chancery.store.schema.Tables.ACME_CHALLENGES;
import static dev.chancery.store.schema.Tables.ACME_ORDERS;
import static dev.chancery.store.schema.Tables.ACME_ORDER_AUTHORIZATIONS;
import static org.jooq.impl.DSL.notExists;
import static org.jooq.impl.DSL.select;
import static org.jooq.impl.DSL.selectOne;

import dev.chancery.core.AccountId;
import dev.chancery.core.Name;
import dev.chancery.store.Database;
import dev.chancery.store.schema.tables.records.AcmeAuthorizationsRecord;
import dev.chancery.store.schema.tables.records.AcmeChallengesRecord;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Record;
import org.jooq.Record1;
import org.jooq.Select;

/**
 * The authorizations with their challenges, and what their ends mean for orders. Every move is a
 * compare-and-set; those that touch orders lock the orders first, so that of two authorizations of
 * one order that are settled at once, the later one sees the earlier.
 */
final class Authorizations {
  private static final int MOST_DEACTIVATED = 500;

  private final Database database;
  private final Clock clock;
  private final Duration lifetime;

  /**
   * @param lifetime how long a proof of control counts
   */
  Authorizations(Database database, Clock clock, Duration lifetime) {
    this.database = database;
    this.clock = clock;
    this.lifetime = lifetime;
  }

  Optional<Authorization> find(AccountId owner, AuthorizationId id) {
    AcmeAuthorizationsRecord row =
        database
            .sql()
            .selectFrom(ACME_AUTHORIZATIONS)
            .where(ACME_AUTHORIZATIONS.ID.eq(id.value()))
            .and(ACME_AUTHORIZATIONS.ACCOUNT_ID.eq(owner.value()))
            .fetchOne();
    return Optional.ofNullable(row).map(this::read);
  }

  private Authorization read(AcmeAuthorizationsRecord row) {
    Instant expires = row.getExpiresAt().toInstant();
    return new Authorization(
        new AuthorizationId(row.getId()),
        new AccountId(row.getAccountId()),
        Identifiers.stored(row.getNameKind(), row.getName()),
        Authorization.Status.at(clock.instant(), row.getStatus(), expires),
        expires,
        database
            .sql()
            .selectFrom(ACME_CHALLENGES)
            .where(ACME_CHALLENGES.AUTHORIZATION_ID.eq(row.getId()))
            .fetch(Authorizations::readChallenge)
            .stream()
            .sorted(Comparator.comparing(Challenge::kind))
            .toList());
  }

  private static Challenge readChallenge(AcmeChallengesRecord row) {
    return new Challenge(
        new ChallengeId(row.getId()),
        new AuthorizationId(row.getAuthorizationId()),
        ChallengeKind.stored(row.getKind()),
        row.getToken(),
        switch (row.getStatus()) {
          case "pending" -> new Challenge.State.Pending();
          case "processing" -> new Challenge.State.Processing(row.getLeaseUntil().toInstant());
          case "valid" -> new Challenge.State.Valid(row.getSettledAt().toInstant());
          case "invalid" -> new Challenge.State.Invalid(Json.readOwn(row.getProblem()));
          default -> throw new IllegalStateException("a challenge is in no known state");
        });
  }

  /** The authorization that a challenge belongs to. */
  Optional<Authorization> findByChallenge(AccountId owner, ChallengeId id) {
    AcmeAuthorizationsRecord row =
        database
            .sql()
            .selectFrom(ACME_AUTHORIZATIONS)
            .where(ACME_AUTHORIZATIONS.ACCOUNT_ID.eq(owner.value()))
            .and(
                ACME_AUTHORIZATIONS.ID.eq(
                    select(ACME_CHALLENGES.AUTHORIZATION_ID)
                        .from(ACME_CHALLENGES)
                        .where(ACME_CHALLENGES.ID.eq(id.value()))))
            .fetchOne();
    return Optional.ofNullable(row).map(this::read);
  }

  /** Whether the account holds a valid authorization for each of these names. */
  boolean holdsAll(AccountId owner, Set<Name> names) {
    for (Name name : names) {
      boolean held =
          database
              .sql()
              .fetchExists(
                  ACME_AUTHORIZATIONS,
                  ACME_AUTHORIZATIONS
                      .ACCOUNT_ID
                      .eq(owner.value())
                      .and(ACME_AUTHORIZATIONS.NAME.eq(name.value()))
                      .and(ACME_AUTHORIZATIONS.NAME_KIND.eq(Identifiers.type(name)))
                      .and(ACME_AUTHORIZATIONS.STATUS.eq("valid"))
                      .and(ACME_AUTHORIZATIONS.EXPIRES_AT.gt(Times.stored(clock.instant()))));
      if (!held) {
        return false;
      }
    }
    return !names.isEmpty();
  }

  /** The client says that it has met the challenge: pending to processing, under a first lease. */
  Optional<Challenge.State.Processing> accept(Challenge challenge, Instant leaseUntil) {
    int moved =
        database
            .sql()
            .update(ACME_CHALLENGES)
            .set(ACME_CHALLENGES.STATUS, "processing")
            .set(ACME_CHALLENGES.LEASE_UNTIL, Times.stored(leaseUntil))
            .where(ACME_CHALLENGES.ID.eq(challenge.id().value()))
            .and(ACME_CHALLENGES.STATUS.eq("pending"))
            .execute();
    return moved == 1 ? Optional.of(new Challenge.State.Processing(leaseUntil)) : Optional.empty();
  }

  /** Takes or prolongs the lease of a challenge; nothing when someone else has it now. */
  Optional<Challenge.State.Processing> lease(
      ChallengeId id, Challenge.State.Processing held, Instant leaseUntil) {
    int moved =
        database
            .sql()
            .update(ACME_CHALLENGES)
            .set(ACME_CHALLENGES.LEASE_UNTIL, Times.stored(leaseUntil))
            .where(stillHeld(id, held))
            .execute();
    return moved == 1 ? Optional.of(new Challenge.State.Processing(leaseUntil)) : Optional.empty();
  }

  private static Condition stillHeld(ChallengeId id, Challenge.State.Processing held) {
    return ACME_CHALLENGES
        .ID
        .eq(id.value())
        .and(ACME_CHALLENGES.STATUS.eq("processing"))
        .and(ACME_CHALLENGES.LEASE_UNTIL.eq(Times.stored(held.leaseUntil())));
  }

  /**
   * All that an attempt needs.
   *
   * @param thumbprint of the account's key (RFC 8555 section 8.1), in base64url
   * @param endpoint the name of the account's endpoint
   */
  record Accepted(
      Challenge challenge,
      Challenge.State.Processing held,
      Name name,
      AccountId account,
      String thumbprint,
      String endpoint) {}

  /**
   * Accepted challenges of these endpoints whose lease ended before an instant: their node stopped,
   * or was full. Those of other endpoints are not counted: nobody attempts them, so they would fill
   * every limit.
   */
  List<Accepted> abandoned(Set<String> endpoints, Instant before, int limit) {
    return database
        .sql()
        .select(ACME_CHALLENGES.fields())
        .select(ACME_AUTHORIZATIONS.NAME_KIND, ACME_AUTHORIZATIONS.NAME)
        .select(
            ACME_AUTHORIZATIONS.ACCOUNT_ID, ACME_ACCOUNTS.KEY_THUMBPRINT, ACME_ACCOUNTS.ENDPOINT)
        .from(ACME_CHALLENGES)
        .join(ACME_AUTHORIZATIONS)
        .on(ACME_AUTHORIZATIONS.ID.eq(ACME_CHALLENGES.AUTHORIZATION_ID))
        .join(ACME_ACCOUNTS)
        .on(ACME_ACCOUNTS.ID.eq(ACME_AUTHORIZATIONS.ACCOUNT_ID))
        .where(ACME_CHALLENGES.STATUS.eq("processing"))
        .and(ACME_CHALLENGES.LEASE_UNTIL.le(Times.stored(before)))
        .and(ACME_ACCOUNTS.ENDPOINT.in(endpoints))
        .orderBy(ACME_CHALLENGES.LEASE_UNTIL)
        .limit(limit)
        .fetch(Authorizations::accepted);
  }

  private static Accepted accepted(Record row) {
    AcmeChallengesRecord challenge = row.into(ACME_CHALLENGES);
    return new Accepted(
        readChallenge(challenge),
        new Challenge.State.Processing(challenge.getLeaseUntil().toInstant()),
        Identifiers.stored(
            row.get(ACME_AUTHORIZATIONS.NAME_KIND), row.get(ACME_AUTHORIZATIONS.NAME)),
        new AccountId(row.get(ACME_AUTHORIZATIONS.ACCOUNT_ID)),
        Base64Url.encode(row.get(ACME_ACCOUNTS.KEY_THUMBPRINT)),
        row.get(ACME_ACCOUNTS.ENDPOINT));
  }

  /**
   * The challenge was met: it and its authorization become valid, and so ready each order that has
   * waited for this one last.
   *
   * @param until when present, nothing may rely on this proof later: neither the authorization nor
   *     an order that it makes ready lasts longer
   */
  boolean succeed(Challenge challenge, Challenge.State.Processing held, Optional<Instant> until) {
    Instant now = Times.now(clock);
    Instant expires = now.plus(lifetime);
    Instant end = until.filter(expires::isAfter).orElse(expires);
    UUID authorization = challenge.authorization().value();
    return database.inTransaction(sql -> {
      lockOrders(sql, authorization);
      int settled =
          sql.update(ACME_CHALLENGES)
              .set(ACME_CHALLENGES.STATUS, "valid")
              .set(ACME_CHALLENGES.SETTLED_AT, Times.stored(now))
              .where(stillHeld(challenge.id(), held))
              .execute();
      if (settled == 0) {
        return false;
      }
      sql.update(ACME_AUTHORIZATIONS)
          .set(ACME_AUTHORIZATIONS.STATUS, "valid")
          .set(ACME_AUTHORIZATIONS.EXPIRES_AT, Times.stored(end))
          .set(ACME_AUTHORIZATIONS.REVIEW_AT, Times.stored(end))
          .where(ACME_AUTHORIZATIONS.ID.eq(authorization))
          .and(ACME_AUTHORIZATIONS.STATUS.eq("pending"))
          .and(ACME_AUTHORIZATIONS.EXPIRES_AT.gt(Times.stored(now)))
          .execute();
      if (until.isPresent()) {
        sql.update(ACME_ORDERS)
            .set(ACME_ORDERS.EXPIRES_AT, Times.stored(end))
            .where(ACME_ORDERS.ID.in(ordersOf(authorization)))
            .and(ACME_ORDERS.STATUS.eq("pending"))
            .and(ACME_ORDERS.EXPIRES_AT.gt(Times.stored(end)))
            .execute();
      }
      sql.update(ACME_ORDERS)
          .set(ACME_ORDERS.STATUS, "ready")
          .where(ACME_ORDERS.ID.in(ordersOf(authorization)))
          .and(ACME_ORDERS.STATUS.eq("pending"))
          .and(
              notExists(
                  selectOne()
                      .from(ACME_ORDER_AUTHORIZATIONS)
                      .join(ACME_AUTHORIZATIONS)
                      .on(ACME_AUTHORIZATIONS.ID.eq(ACME_ORDER_AUTHORIZATIONS.AUTHORIZATION_ID))
                      .where(ACME_ORDER_AUTHORIZATIONS.ORDER_ID.eq(ACME_ORDERS.ID))
                      .and(ACME_AUTHORIZATIONS.STATUS.ne("valid"))))
          .execute();
      return true;
    });
  }

  /** The challenge was not met: it, its authorization and the orders that need it are invalid. */
  boolean fail(Challenge challenge, Challenge.State.Processing held, Problem problem) {
    UUID authorization = challenge.authorization().value();
    return database.inTransaction(sql -> {
      lockOrders(sql, authorization);
      int settled =
          sql.update(ACME_CHALLENGES)
              .set(ACME_CHALLENGES.STATUS, "invalid")
              .set(ACME_CHALLENGES.SETTLED_AT, Times.stored(Times.now(clock)))
              .set(ACME_CHALLENGES.PROBLEM, Json.text(problem.toJson()))
              .where(stillHeld(challenge.id(), held))
              .execute();
      if (settled == 0) {
        return false;
      }
      int moved =
          sql.update(ACME_AUTHORIZATIONS)
              .set(ACME_AUTHORIZATIONS.STATUS, "invalid")
              .where(ACME_AUTHORIZATIONS.ID.eq(authorization))
              .and(ACME_AUTHORIZATIONS.STATUS.eq("pending"))
              .execute();
      if (moved == 1) {
        failOrders(sql, authorization, problem);
      }
      return true;
    });
  }

  /** Pending or valid to deactivated (RFC 8555 section 7.5.2); orders that need it are invalid. */
  boolean deactivate(Authorization authorization) {
    UUID id = authorization.id().value();
    return database.inTransaction(sql -> {
      lockOrders(sql, id);
      int moved =
          sql.update(ACME_AUTHORIZATIONS)
              .set(ACME_AUTHORIZATIONS.STATUS, "deactivated")
              .where(ACME_AUTHORIZATIONS.ID.eq(id))
              .and(ACME_AUTHORIZATIONS.STATUS.in("pending", "valid"))
              .execute();
      if (moved == 1) {
        failOrders(
            sql,
            id,
            Problem.of(
                AcmeError.UNAUTHORIZED,
                "the authorization for "
                    + authorization.name().value()
                    + " was deactivated by the account"));
      }
      return moved == 1;
    });
  }

  /** The account's pending and valid authorizations are deactivated, some at a time. */
  void deactivateAll(AccountId owner) {
    int moved;
    do {
      moved =
          database.inTransaction(sql ->
              sql.update(ACME_AUTHORIZATIONS)
                  .set(ACME_AUTHORIZATIONS.STATUS, "deactivated")
                  .where(
                      ACME_AUTHORIZATIONS.ID.in(
                          select(ACME_AUTHORIZATIONS.ID)
                              .from(ACME_AUTHORIZATIONS)
                              .where(ACME_AUTHORIZATIONS.ACCOUNT_ID.eq(owner.value()))
                              .and(ACME_AUTHORIZATIONS.STATUS.in("pending", "valid"))
                              .orderBy(ACME_AUTHORIZATIONS.ID)
                              .limit(MOST_DEACTIVATED)))
                  .and(ACME_AUTHORIZATIONS.STATUS.in("pending", "valid"))
                  .execute());
    } while (moved > 0);
  }

  private static void lockOrders(DSLContext sql, UUID authorization) {
    sql.selectFrom(ACME_ORDERS)
        .where(ACME_ORDERS.ID.in(ordersOf(authorization)))
        .orderBy(ACME_ORDERS.ID)
        .forUpdate()
        .fetch();
  }

  private static void failOrders(DSLContext sql, UUID authorization, Problem problem) {
    sql.update(ACME_ORDERS)
        .set(ACME_ORDERS.STATUS, "invalid")
        .set(ACME_ORDERS.PROBLEM, Json.text(problem.toJson()))
        .where(ACME_ORDERS.ID.in(ordersOf(authorization)))
        .and(ACME_ORDERS.STATUS.in("pending", "ready"))
        .execute();
  }

  private static Select<Record1<UUID>> ordersOf(UUID authorization) {
    return select(ACME_ORDER_AUTHORIZATIONS.ORDER_ID)
        .from(ACME_ORDER_AUTHORIZATIONS)
        .where(ACME_ORDER_AUTHORIZATIONS.AUTHORIZATION_ID.eq(authorization));
  }
}
