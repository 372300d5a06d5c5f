package dev.chancery.acme;

import static dev.chancery.store.PreparedQuery.parameter;
import static dev.chancery.store.schema.Tables.ACME_AUTHORIZATIONS;
import static dev.chancery.store.schema.Tables.ACME_CHALLENGES;
import static dev.chancery.store.schema.Tables.ACME_ORDERS;
import static dev.chancery.store.schema.Tables.ACME_ORDER_AUTHORIZATIONS;
import static org.jooq.impl.DSL.exists;
import static org.jooq.impl.DSL.notExists;
import static org.jooq.impl.DSL.select;
import static org.jooq.impl.DSL.selectOne;
import static org.jooq.impl.DSL.update;
import static org.jooq.impl.DSL.val;

import dev.chancery.core.AccountId;
import dev.chancery.core.Name;
import dev.chancery.store.Database;
import dev.chancery.store.PreparedQuery;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.Param;
import org.jooq.Record;
import org.jooq.Record1;
import org.jooq.SQLDialect;
import org.jooq.Select;
import org.jooq.SelectConditionStep;

/**
 * The authorizations with their challenges, and what their ends mean for orders. Every move is a
 * compare-and-set; those that touch orders lock the orders first, so that of two authorizations of
 * one order that are settled at once, the later one sees the earlier.
 */
final class Authorizations {
  private static final int MOST_AT_ONCE = 500;

  private static final Param<UUID> ID = parameter(ACME_AUTHORIZATIONS.ID);
  private static final Param<UUID> ACCOUNT_ID = parameter(ACME_AUTHORIZATIONS.ACCOUNT_ID);
  private static final Param<OffsetDateTime> EXPIRES_AT = parameter(ACME_AUTHORIZATIONS.EXPIRES_AT);
  private static final Param<OffsetDateTime> NOW = parameter("now", ACME_AUTHORIZATIONS.EXPIRES_AT);
  private static final Param<UUID> CHALLENGE_ID = parameter(ACME_CHALLENGES.ID);
  private static final Param<OffsetDateTime> LEASE_UNTIL = parameter(ACME_CHALLENGES.LEASE_UNTIL);
  private static final Param<OffsetDateTime> ACCEPTED_AT = parameter(ACME_CHALLENGES.ACCEPTED_AT);
  private static final Param<byte[]> KEY_THUMBPRINT = parameter(ACME_CHALLENGES.KEY_THUMBPRINT);
  private static final Param<OffsetDateTime> HELD = parameter("held", ACME_CHALLENGES.LEASE_UNTIL);
  private static final Param<OffsetDateTime> SETTLED_AT = parameter(ACME_CHALLENGES.SETTLED_AT);

  private static final PreparedQuery<Record> FIND =
      PreparedQuery.of(withChallenges().and(ACME_AUTHORIZATIONS.ID.eq(ID)));
  private static final PreparedQuery<Record> FIND_BY_CHALLENGE =
      PreparedQuery.of(
          withChallenges()
              .and(
                  ACME_AUTHORIZATIONS.ID.eq(
                      select(ACME_CHALLENGES.AUTHORIZATION_ID)
                          .from(ACME_CHALLENGES)
                          .where(ACME_CHALLENGES.ID.eq(CHALLENGE_ID)))));
  private static final PreparedQuery<Record> ACCEPT =
      PreparedQuery.of(
          update(ACME_CHALLENGES)
              .set(ACME_CHALLENGES.STATUS, "processing")
              .set(ACME_CHALLENGES.LEASE_UNTIL, LEASE_UNTIL)
              .set(ACME_CHALLENGES.ACCEPTED_AT, ACCEPTED_AT)
              .set(ACME_CHALLENGES.KEY_THUMBPRINT, KEY_THUMBPRINT)
              .where(ACME_CHALLENGES.ID.eq(CHALLENGE_ID))
              .and(ACME_CHALLENGES.STATUS.eq("pending")));
  private static final Condition STILL_HELD =
      ACME_CHALLENGES
          .ID
          .eq(CHALLENGE_ID)
          .and(ACME_CHALLENGES.STATUS.eq("processing"))
          .and(ACME_CHALLENGES.LEASE_UNTIL.eq(HELD));
  private static final PreparedQuery<Record> SUCCEED =
      PreparedQuery.of(
          update(ACME_CHALLENGES)
              .set(ACME_CHALLENGES.STATUS, "valid")
              .set(ACME_CHALLENGES.SETTLED_AT, SETTLED_AT)
              .where(STILL_HELD));
  private static final PreparedQuery<Record> VALIDATE =
      PreparedQuery.of(
          update(ACME_AUTHORIZATIONS)
              .set(ACME_AUTHORIZATIONS.STATUS, "valid")
              .set(ACME_AUTHORIZATIONS.EXPIRES_AT, EXPIRES_AT)
              .set(ACME_AUTHORIZATIONS.REVIEW_AT, EXPIRES_AT)
              .where(ACME_AUTHORIZATIONS.ID.eq(ID))
              .and(ACME_AUTHORIZATIONS.STATUS.eq("pending"))
              .and(ACME_AUTHORIZATIONS.EXPIRES_AT.gt(NOW)));
  private static final PreparedQuery<Record> LOCK_ORDERS =
      PreparedQuery.of(
          select(ACME_ORDERS.ID)
              .from(ACME_ORDERS)
              .where(ACME_ORDERS.ID.in(ordersOf(ID)))
              .and(ACME_ORDERS.STATUS.eq("pending"))
              .and(
                  exists(
                      selectOne()
                          .from(ACME_AUTHORIZATIONS)
                          .where(ACME_AUTHORIZATIONS.ID.eq(ID))
                          .and(ACME_AUTHORIZATIONS.STATUS.eq("pending"))))
              .orderBy(ACME_ORDERS.ID)
              .forUpdate());
  private static final PreparedQuery<Record> MAKE_ORDERS_READY =
      PreparedQuery.of(
          update(ACME_ORDERS)
              .set(ACME_ORDERS.STATUS, "ready")
              .where(ACME_ORDERS.ID.in(ordersOf(ID)))
              .and(ACME_ORDERS.STATUS.eq("pending"))
              .and(
                  notExists(
                      of(ACME_ORDERS.ID)
                          .and(
                              ACME_AUTHORIZATIONS
                                  .STATUS
                                  .ne("valid")
                                  .or(ACME_AUTHORIZATIONS.EXPIRES_AT.le(NOW))))));

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
    return read(FIND.with(ACCOUNT_ID, owner.value()).with(ID, id.value()).fetch(database.sql()));
  }

  /** One row for each challenge, or a single one without: a preauthorized name has none. */
  private static SelectConditionStep<Record> withChallenges() {
    return select(ACME_AUTHORIZATIONS.fields())
        .select(ACME_CHALLENGES.fields())
        .from(ACME_AUTHORIZATIONS)
        .leftJoin(ACME_CHALLENGES)
        .on(ACME_CHALLENGES.AUTHORIZATION_ID.eq(ACME_AUTHORIZATIONS.ID))
        .where(ACME_AUTHORIZATIONS.ACCOUNT_ID.eq(ACCOUNT_ID));
  }

  private Optional<Authorization> read(List<Record> rows) {
    return rows.stream()
        .findFirst()
        .map(row -> {
          Instant expires = row.get(ACME_AUTHORIZATIONS.EXPIRES_AT).toInstant();
          return new Authorization(
              new AuthorizationId(row.get(ACME_AUTHORIZATIONS.ID)),
              new AccountId(row.get(ACME_AUTHORIZATIONS.ACCOUNT_ID)),
              Identifiers.stored(
                  row.get(ACME_AUTHORIZATIONS.NAME_KIND), row.get(ACME_AUTHORIZATIONS.NAME)),
              Authorization.Status.at(
                  clock.instant(), row.get(ACME_AUTHORIZATIONS.STATUS), expires),
              expires,
              rows.stream()
                  .filter(one -> one.get(ACME_CHALLENGES.ID) != null)
                  .map(Authorizations::readChallenge)
                  .sorted(Comparator.comparing(Challenge::kind))
                  .toList());
        });
  }

  /** From a row with the columns of the challenges, field by field: jOOQ's into() takes long. */
  static Challenge readChallenge(Record row) {
    return new Challenge(
        new ChallengeId(row.get(ACME_CHALLENGES.ID)),
        new AuthorizationId(row.get(ACME_CHALLENGES.AUTHORIZATION_ID)),
        ChallengeKind.stored(row.get(ACME_CHALLENGES.KIND)),
        row.get(ACME_CHALLENGES.TOKEN),
        switch (row.get(ACME_CHALLENGES.STATUS)) {
          case "pending" -> new Challenge.State.Pending();
          case "processing" ->
              new Challenge.State.Processing(row.get(ACME_CHALLENGES.LEASE_UNTIL).toInstant());
          case "valid" ->
              new Challenge.State.Valid(row.get(ACME_CHALLENGES.SETTLED_AT).toInstant());
          case "invalid" ->
              new Challenge.State.Invalid(Json.readOwn(row.get(ACME_CHALLENGES.PROBLEM)));
          default -> throw new IllegalStateException("a challenge is in no known state");
        });
  }

  /** The authorization that a challenge belongs to. */
  Optional<Authorization> findByChallenge(AccountId owner, ChallengeId id) {
    return read(
        FIND_BY_CHALLENGE
            .with(ACCOUNT_ID, owner.value())
            .with(CHALLENGE_ID, id.value())
            .fetch(database.sql()));
  }

  /** Whether the account has proven each of these names, and the proof still counts. */
  boolean hasProven(AccountId owner, Set<Name> names) {
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
                      .and(ACME_AUTHORIZATIONS.EXPIRES_AT.gt(Times.stored(clock.instant())))
                      // A preauthorized name is valid without anything that was proven.
                      .and(
                          exists(
                              selectOne()
                                  .from(ACME_CHALLENGES)
                                  .where(
                                      ACME_CHALLENGES.AUTHORIZATION_ID.eq(ACME_AUTHORIZATIONS.ID))
                                  .and(ACME_CHALLENGES.STATUS.eq("valid")))));
      if (!held) {
        return false;
      }
    }
    return !names.isEmpty();
  }

  /**
   * The client says that it has met the challenge: pending to processing, under a first lease.
   *
   * @param key the account's, by which it has met the challenge (RFC 8555 section 8.1); it may
   *     change before the challenge is attempted
   */
  Optional<Challenge.State.Processing> accept(
      Challenge challenge, AccountKey key, Instant leaseUntil) {
    int moved =
        ACCEPT
            .with(LEASE_UNTIL, Times.stored(leaseUntil))
            .with(ACCEPTED_AT, Times.stored(Times.now(clock)))
            .with(KEY_THUMBPRINT, key.thumbprint())
            .with(CHALLENGE_ID, challenge.id().value())
            .execute(database.sql());
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

  /** The accepted challenges of these endpoints. */
  WaitingChallenges waiting(Set<String> endpoints) {
    return new WaitingChallenges(database, endpoints);
  }

  /**
   * All that an attempt needs.
   *
   * @param since when the client chose the challenge
   * @param thumbprint of the account's key then (RFC 8555 section 8.1), in base64url
   * @param endpoint the name of the account's endpoint
   */
  record Accepted(
      Challenge challenge,
      Challenge.State.Processing held,
      Instant since,
      Name name,
      AccountId account,
      String thumbprint,
      String endpoint) {
    /** The same under another lease. */
    Accepted under(Challenge.State.Processing lease) {
      return new Accepted(challenge, lease, since, name, account, thumbprint, endpoint);
    }
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
          SUCCEED
              .with(SETTLED_AT, Times.stored(now))
              .with(CHALLENGE_ID, challenge.id().value())
              .with(HELD, Times.stored(held.leaseUntil()))
              .execute(sql);
      if (settled == 0) {
        return false;
      }
      int moved =
          VALIDATE
              .with(EXPIRES_AT, Times.stored(end))
              .with(ID, authorization)
              .with(NOW, Times.stored(now))
              .execute(sql);
      if (moved == 0) {
        return true;
      }
      if (until.isPresent()) {
        sql.update(ACME_ORDERS)
            .set(ACME_ORDERS.EXPIRES_AT, Times.stored(end))
            .where(ACME_ORDERS.ID.in(ordersOf(val(authorization))))
            .and(ACME_ORDERS.STATUS.eq("pending"))
            .and(ACME_ORDERS.EXPIRES_AT.gt(Times.stored(end)))
            .execute();
      }
      MAKE_ORDERS_READY.with(ID, authorization).with(NOW, Times.stored(now)).execute(sql);
      return true;
    });
  }

  /** The authorizations that an order names. */
  static SelectConditionStep<Record1<Integer>> of(Field<UUID> order) {
    return selectOne()
        .from(ACME_ORDER_AUTHORIZATIONS)
        .join(ACME_AUTHORIZATIONS)
        .on(ACME_AUTHORIZATIONS.ID.eq(ACME_ORDER_AUTHORIZATIONS.AUTHORIZATION_ID))
        .where(ACME_ORDER_AUTHORIZATIONS.ORDER_ID.eq(order));
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

  /**
   * Pending or valid to deactivated (RFC 8555 section 7.5.2), or left deactivated; then the orders
   * that need it are invalid. So many may need it that they become so some at a time: none is
   * finalized or becomes ready meanwhile, and after a crash the request repeated goes on.
   *
   * @return false when it was in another state
   */
  boolean deactivate(Authorization authorization) {
    UUID id = authorization.id().value();
    int moved =
        database.inTransaction(sql ->
            sql.update(ACME_AUTHORIZATIONS)
                .set(ACME_AUTHORIZATIONS.STATUS, "deactivated")
                .where(ACME_AUTHORIZATIONS.ID.eq(id))
                .and(ACME_AUTHORIZATIONS.STATUS.in("pending", "valid", "deactivated"))
                .execute());
    if (moved == 0) {
      return false;
    }
    Problem problem =
        Problem.of(
            AcmeError.UNAUTHORIZED,
            "the authorization for "
                + authorization.name().value()
                + " was deactivated by the account");
    int failed;
    do {
      failed = database.inTransaction(sql -> failOrders(sql, id, problem));
    } while (failed > 0);
    return true;
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
                              .limit(MOST_AT_ONCE)))
                  .and(ACME_AUTHORIZATIONS.STATUS.in("pending", "valid"))
                  .execute());
    } while (moved > 0);
  }

  /**
   * The orders that wait for a pending authorization, which are few: only a valid one is taken up
   * by further orders. On H2 transactions come one after the other, so that nothing is to be
   * locked.
   */
  private static void lockOrders(DSLContext sql, UUID authorization) {
    if (sql.family() != SQLDialect.H2) {
      LOCK_ORDERS.with(ID, authorization).fetch(sql);
    }
  }

  /** Some of them; to be repeated until there are none. */
  private static int failOrders(DSLContext sql, UUID authorization, Problem problem) {
    return sql.update(ACME_ORDERS)
        .set(ACME_ORDERS.STATUS, "invalid")
        .set(ACME_ORDERS.PROBLEM, Json.text(problem.toJson()))
        .where(
            ACME_ORDERS.ID.in(
                select(ACME_ORDERS.ID)
                    .from(ACME_ORDERS)
                    .where(ACME_ORDERS.ID.in(ordersOf(val(authorization))))
                    .and(ACME_ORDERS.STATUS.in("pending", "ready"))
                    .orderBy(ACME_ORDERS.ID)
                    .limit(MOST_AT_ONCE)))
        .and(ACME_ORDERS.STATUS.in("pending", "ready"))
        .execute();
  }

  private static Select<Record1<UUID>> ordersOf(Field<UUID> authorization) {
    return select(ACME_ORDER_AUTHORIZATIONS.ORDER_ID)
        .from(ACME_ORDER_AUTHORIZATIONS)
        .where(ACME_ORDER_AUTHORIZATIONS.AUTHORIZATION_ID.eq(authorization));
  }
}
