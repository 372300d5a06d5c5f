package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.ACME_ACCOUNTS;
import static dev.chancery.store.schema.Tables.ACME_AUTHORIZATIONS;
import static dev.chancery.store.schema.Tables.ACME_CHALLENGES;
import static dev.chancery.store.schema.Tables.ACME_ORDERS;
import static dev.chancery.store.schema.Tables.ACME_ORDER_AUTHORIZATIONS;
import static org.jooq.impl.DSL.notExists;
import static org.jooq.impl.DSL.select;

import dev.chancery.core.AccountId;
import dev.chancery.core.Der;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Name;
import dev.chancery.core.ProfileId;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.store.Database;
import dev.chancery.store.schema.tables.records.AcmeAuthorizationsRecord;
import dev.chancery.store.schema.tables.records.AcmeChallengesRecord;
import dev.chancery.store.schema.tables.records.AcmeOrdersRecord;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.InsertValuesStep5;
import org.jooq.Record;
import org.jooq.SQLDialect;
import org.jooq.SelectLimitStep;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/**
 * The orders. None can be read without naming its owner, and every move is a compare-and-set whose
 * answer says whether it was made.
 */
final class Orders {
  private static final int TOKEN_OCTETS = 32;
  private static final int MOST_CANCELLED = 500;

  private final Database database;
  private final TimeOrderedIds ids;
  private final Clock clock;
  private final SecureRandom random;

  Orders(Database database, TimeOrderedIds ids, Clock clock, SecureRandom random) {
    this.database = database;
    this.ids = ids;
    this.clock = clock;
    this.random = random;
  }

  /**
   * Makes an order with an authorization for each name, in one transaction. Those for preauthorized
   * names are valid as long as the order can be worked on. Another name that the account holds a
   * valid authorization for, one that lasts as long, needs no other when reuse is allowed. The rest
   * have challenges; an order without any is ready at once.
   *
   * @return the order; nothing when another one already replaces the certificate that it is to
   *     replace, and then nothing was changed
   */
  Optional<Order> create(
      AccountId owner, AcmeEndpoint endpoint, Order.Wanted wanted, Instant expires) {
    OrderId id = new OrderId(ids.next());
    Optional<Replacements.Predecessor> predecessor = wanted.replaces();
    Optional<String> replaces = predecessor.map(one -> one.identifier().text());
    return database.inTransaction(sql -> {
      if (predecessor.isPresent()
          && !Replacements.claim(sql, predecessor.get(), id, Times.now(clock))) {
        return Optional.empty();
      }
      Set<Name> toProve = new HashSet<>(wanted.names());
      toProve.removeAll(wanted.preauthorized());
      Map<Name, AuthorizationId> held =
          endpoint.authorizations().reuse() ? held(sql, owner, toProve, expires) : Map.of();
      boolean ready = held.keySet().containsAll(toProve);
      sql.insertInto(ACME_ORDERS)
          .set(ACME_ORDERS.ID, id.value())
          .set(ACME_ORDERS.ACCOUNT_ID, owner.value())
          .set(ACME_ORDERS.STATUS, ready ? "ready" : "pending")
          .set(ACME_ORDERS.CREATED_AT, Times.stored(Times.now(clock)))
          .set(ACME_ORDERS.EXPIRES_AT, Times.stored(expires))
          .set(ACME_ORDERS.ENDS_AT, Times.stored(expires))
          .set(ACME_ORDERS.NOT_BEFORE, wanted.notBefore().map(Times::stored).orElse(null))
          .set(ACME_ORDERS.NOT_AFTER, wanted.notAfter().map(Times::stored).orElse(null))
          .set(ACME_ORDERS.PROFILE, wanted.profile().value())
          .set(ACME_ORDERS.REPLACES, replaces.orElse(null))
          .execute();
      List<Order.Item> items = new ArrayList<>();
      for (Name name : wanted.names()) {
        AuthorizationId known = held.get(name);
        AuthorizationId authorization =
            known == null
                ? authorize(
                    sql,
                    owner,
                    wanted.preauthorized().contains(name),
                    endpoint.challenges(),
                    name,
                    expires)
                : known;
        sql.insertInto(ACME_ORDER_AUTHORIZATIONS)
            .set(ACME_ORDER_AUTHORIZATIONS.ORDER_ID, id.value())
            .set(ACME_ORDER_AUTHORIZATIONS.POSITION, items.size())
            .set(ACME_ORDER_AUTHORIZATIONS.AUTHORIZATION_ID, authorization.value())
            .execute();
        items.add(new Order.Item(name, authorization));
      }
      Order.Details details =
          new Order.Details(
              id,
              owner,
              expires,
              wanted.notBefore(),
              wanted.notAfter(),
              Optional.of(wanted.profile()),
              replaces,
              items);
      return Optional.of(ready ? new Order.Ready(details) : new Order.Pending(details));
    });
  }

  /**
   * The valid authorizations among these names that last until an instant. They are locked until
   * the transaction ends, so that none is deactivated before the new order is there to be seen.
   */
  private static Map<Name, AuthorizationId> held(
      DSLContext sql, AccountId owner, Set<Name> names, Instant until) {
    Map<Name, AuthorizationId> held = new HashMap<>();
    SelectLimitStep<AcmeAuthorizationsRecord> valid =
        sql.selectFrom(ACME_AUTHORIZATIONS)
            .where(ACME_AUTHORIZATIONS.ACCOUNT_ID.eq(owner.value()))
            .and(ACME_AUTHORIZATIONS.NAME.in(names.stream().map(Name::value).toList()))
            .and(ACME_AUTHORIZATIONS.STATUS.eq("valid"))
            .and(ACME_AUTHORIZATIONS.EXPIRES_AT.ge(Times.stored(until)))
            .orderBy(ACME_AUTHORIZATIONS.ID);
    // H2 has no such lock, and needs none: its transactions come one after the other.
    for (AcmeAuthorizationsRecord row :
        sql.family() == SQLDialect.H2 ? valid.fetch() : valid.forShare().fetch()) {
      // Of several the youngest, which comes last.
      held.put(
          Identifiers.stored(row.getNameKind(), row.getName()), new AuthorizationId(row.getId()));
    }
    held.keySet().retainAll(names);
    return held;
  }

  /**
   * An authorization before there is an order (RFC 8555 section 7.4.1).
   *
   * @param existing whether it was there before
   */
  record InAdvance(AuthorizationId id, boolean existing) {}

  /**
   * The account's authorization for a name: a valid one that would serve an order made now, else
   * one that is pending, else a new one.
   *
   * @param preauthorized whether a new one needs no proof
   * @param expires when an order made now, or a new authorization, ends
   */
  InAdvance authorizeInAdvance(
      AccountId owner,
      OfferedChallenges challenges,
      Name name,
      boolean preauthorized,
      Instant expires) {
    return database.inTransaction(sql -> {
      AuthorizationId valid = held(sql, owner, Set.of(name), expires).get(name);
      if (valid != null) {
        return new InAdvance(valid, true);
      }
      AcmeAuthorizationsRecord pending =
          sql.selectFrom(ACME_AUTHORIZATIONS)
              .where(ACME_AUTHORIZATIONS.ACCOUNT_ID.eq(owner.value()))
              .and(ACME_AUTHORIZATIONS.NAME.eq(name.value()))
              .and(ACME_AUTHORIZATIONS.NAME_KIND.eq(Identifiers.type(name)))
              .and(ACME_AUTHORIZATIONS.STATUS.eq("pending"))
              .and(ACME_AUTHORIZATIONS.EXPIRES_AT.gt(Times.stored(Times.now(clock))))
              .orderBy(ACME_AUTHORIZATIONS.ID.desc())
              .limit(1)
              .fetchOne();
      return pending == null
          ? new InAdvance(authorize(sql, owner, preauthorized, challenges, name, expires), false)
          : new InAdvance(new AuthorizationId(pending.getId()), true);
    });
  }

  private AuthorizationId authorize(
      DSLContext sql,
      AccountId owner,
      boolean preauthorized,
      OfferedChallenges offered,
      Name name,
      Instant expires) {
    AuthorizationId id = new AuthorizationId(ids.next());
    sql.insertInto(ACME_AUTHORIZATIONS)
        .set(ACME_AUTHORIZATIONS.ID, id.value())
        .set(ACME_AUTHORIZATIONS.ACCOUNT_ID, owner.value())
        .set(ACME_AUTHORIZATIONS.NAME_KIND, Identifiers.type(name))
        .set(ACME_AUTHORIZATIONS.NAME, name.value())
        .set(ACME_AUTHORIZATIONS.STATUS, preauthorized ? "valid" : "pending")
        .set(ACME_AUTHORIZATIONS.EXPIRES_AT, Times.stored(expires))
        .set(ACME_AUTHORIZATIONS.REVIEW_AT, Times.stored(expires))
        .execute();
    if (preauthorized) {
      // RFC 8555 section 7.1.4: a valid authorization lists what was validated, which is nothing.
      return id;
    }
    InsertValuesStep5<AcmeChallengesRecord, UUID, UUID, String, String, String> challenges =
        sql.insertInto(
            ACME_CHALLENGES,
            ACME_CHALLENGES.ID,
            ACME_CHALLENGES.AUTHORIZATION_ID,
            ACME_CHALLENGES.KIND,
            ACME_CHALLENGES.TOKEN,
            ACME_CHALLENGES.STATUS);
    for (ChallengeKind kind : offered.proving(name)) {
      byte[] token = new byte[TOKEN_OCTETS];
      random.nextBytes(token);
      challenges =
          challenges.values(
              ids.next(), id.value(), kind.type(), Base64Url.encode(token), "pending");
    }
    challenges.execute();
    return id;
  }

  Optional<Order> find(AccountId owner, OrderId id) {
    return find(ACME_ORDERS.ID.eq(id.value()).and(ACME_ORDERS.ACCOUNT_ID.eq(owner.value())));
  }

  /** Whether this account ordered this certificate. */
  boolean ordered(AccountId owner, IssuerId issuer, SerialNumber serial) {
    return database
        .sql()
        .fetchExists(
            ACME_ORDERS,
            ACME_ORDERS
                .SERIAL
                .eq(serial.octets())
                .and(ACME_ORDERS.ISSUER.eq(issuer.value()))
                .and(ACME_ORDERS.ACCOUNT_ID.eq(owner.value())));
  }

  private Optional<Order> find(Condition condition) {
    AcmeOrdersRecord row = database.sql().selectFrom(ACME_ORDERS).where(condition).fetchOne();
    return Optional.ofNullable(row).map(this::read);
  }

  private Order read(AcmeOrdersRecord row) {
    Order.Details details =
        new Order.Details(
            new OrderId(row.getId()),
            new AccountId(row.getAccountId()),
            row.getExpiresAt().toInstant(),
            instant(row.getNotBefore()),
            instant(row.getNotAfter()),
            Optional.ofNullable(row.getProfile()).map(ProfileId::new),
            Optional.ofNullable(row.getReplaces()),
            items(new OrderId(row.getId())));
    boolean expired = !clock.instant().isBefore(details.expires());
    return switch (row.getStatus()) {
      case "pending" -> expired ? expired(details) : new Order.Pending(details);
      case "ready" -> expired ? expired(details) : new Order.Ready(details);
      case "processing" ->
          new Order.Processing(details, Der.of(row.getCsr()), row.getProcessingSince().toInstant());
      case "valid" ->
          new Order.Valid(
              details,
              digest(row).orElseThrow(),
              new IssuerId(row.getIssuer()),
              SerialNumber.of(row.getSerial()));
      case "invalid" ->
          new Order.Invalid(
              details, digest(row), Optional.ofNullable(row.getProblem()).map(Json::readOwn));
      default -> throw new IllegalStateException("an order is in no known state");
    };
  }

  private static Optional<CsrDigest> digest(AcmeOrdersRecord row) {
    return Optional.ofNullable(row.getCsrSha256())
        .map(CsrDigest::stored)
        // The order of a node of an older version.
        .or(() -> Optional.ofNullable(row.getCsr()).map(csr -> CsrDigest.of(Der.of(csr))));
  }

  /** RFC 8555 section 7.1.6: an order that was not finalized in its time is invalid. */
  private static Order expired(Order.Details details) {
    return new Order.Invalid(details, Optional.empty(), Optional.empty());
  }

  private static Optional<Instant> instant(@Nullable OffsetDateTime time) {
    return Optional.ofNullable(time).map(OffsetDateTime::toInstant);
  }

  private List<Order.Item> items(OrderId id) {
    return database
        .sql()
        .select(ACME_AUTHORIZATIONS.fields())
        .from(ACME_ORDER_AUTHORIZATIONS)
        .join(ACME_AUTHORIZATIONS)
        .on(ACME_AUTHORIZATIONS.ID.eq(ACME_ORDER_AUTHORIZATIONS.AUTHORIZATION_ID))
        .where(ACME_ORDER_AUTHORIZATIONS.ORDER_ID.eq(id.value()))
        .orderBy(ACME_ORDER_AUTHORIZATIONS.POSITION)
        .fetchInto(ACME_AUTHORIZATIONS)
        .map(row ->
            new Order.Item(
                Identifiers.stored(row.getNameKind(), row.getName()),
                new AuthorizationId(row.getId())));
  }

  /**
   * The account's orders that are not invalid, expired ones among those, oldest first, after a
   * given one (RFC 8555 section 7.1.2.1).
   */
  List<OrderId> list(AccountId owner, Optional<OrderId> after, int limit) {
    return database
        .sql()
        .select(ACME_ORDERS.ID)
        .from(ACME_ORDERS)
        .where(ACME_ORDERS.ACCOUNT_ID.eq(owner.value()))
        .and(ACME_ORDERS.STATUS.ne("invalid"))
        .and(
            ACME_ORDERS
                .STATUS
                .notIn("pending", "ready")
                .or(ACME_ORDERS.EXPIRES_AT.gt(Times.stored(clock.instant()))))
        .and(after.map(id -> ACME_ORDERS.ID.gt(id.value())).orElse(DSL.noCondition()))
        .orderBy(ACME_ORDERS.ID)
        .limit(limit)
        .fetch(row -> new OrderId(row.value1()));
  }

  /**
   * Ready to processing, with the CSR that will be issued; false when it was not ready, or one of
   * its authorizations is valid no more: that order is on its way to become invalid.
   */
  boolean begin(Order.Ready order, Der csr, Instant since) {
    return database
            .sql()
            .update(ACME_ORDERS)
            .set(ACME_ORDERS.STATUS, "processing")
            .set(ACME_ORDERS.CSR, csr.bytes())
            .set(ACME_ORDERS.CSR_SHA256, Sha256.of(csr.bytes()))
            .set(ACME_ORDERS.PROCESSING_SINCE, Times.stored(since))
            .where(ACME_ORDERS.ID.eq(order.details().id().value()))
            .and(ACME_ORDERS.STATUS.eq("ready"))
            .and(ACME_ORDERS.EXPIRES_AT.gt(Times.stored(since)))
            .and(
                notExists(
                    Authorizations.of(ACME_ORDERS.ID).and(ACME_AUTHORIZATIONS.STATUS.ne("valid"))))
            .execute()
        == 1;
  }

  /**
   * Processing to valid. Whoever has a certificate for the order's CSR may do this, also when
   * another has taken the order over meanwhile: the other may have found this same certificate, so
   * giving it up could leave the order with a revoked one. The first to come wins; who comes second
   * gives up its certificate if it is another.
   */
  boolean complete(Order.Processing order, IssuedCertificate issued) {
    if (order.details().replaces().isEmpty()) {
      return toValid(database.sql(), order, issued);
    }
    return database.inTransaction(sql -> {
      boolean completed = toValid(sql, order, issued);
      if (completed) {
        Replacements.settle(sql, order.details().id());
      }
      return completed;
    });
  }

  private static boolean toValid(DSLContext sql, Order.Processing order, IssuedCertificate issued) {
    return sql.update(ACME_ORDERS)
            .set(ACME_ORDERS.STATUS, "valid")
            .set(ACME_ORDERS.ISSUER, issued.issuer().value())
            .set(ACME_ORDERS.SERIAL, issued.serial().octets())
            .set(ACME_ORDERS.ENDS_AT, Times.stored(issued.notAfter()))
            .set(ACME_ORDERS.CSR, (byte[]) null)
            .where(ACME_ORDERS.ID.eq(order.details().id().value()))
            .and(ACME_ORDERS.STATUS.eq("processing"))
            .and(ACME_ORDERS.CSR.eq(order.csr().bytes()))
            .execute()
        == 1;
  }

  /** Processing to invalid. */
  boolean fail(Order.Processing order, Problem problem) {
    return database
            .sql()
            .update(ACME_ORDERS)
            .set(ACME_ORDERS.STATUS, "invalid")
            .set(ACME_ORDERS.PROBLEM, Json.text(problem.toJson()))
            .set(ACME_ORDERS.CSR, (byte[]) null)
            .where(stillHeld(order))
            .execute()
        == 1;
  }

  /** Processing back to ready: the certificate authority promised that nothing was issued. */
  boolean release(Order.Processing order) {
    return database
            .sql()
            .update(ACME_ORDERS)
            .set(ACME_ORDERS.STATUS, "ready")
            .set(ACME_ORDERS.CSR, (byte[]) null)
            .set(ACME_ORDERS.CSR_SHA256, (byte[]) null)
            .set(ACME_ORDERS.PROCESSING_SINCE, (OffsetDateTime) null)
            .where(stillHeld(order))
            .execute()
        == 1;
  }

  /** Takes a processing order over from a holder that gave up; false when another was first. */
  Optional<Order.Processing> takeOver(Order.Processing order, Instant since) {
    int moved =
        database
            .sql()
            .update(ACME_ORDERS)
            .set(ACME_ORDERS.PROCESSING_SINCE, Times.stored(since))
            .where(stillHeld(order))
            .execute();
    return moved == 1
        ? Optional.of(new Order.Processing(order.details(), order.csr(), since))
        : Optional.empty();
  }

  private static Condition stillHeld(Order.Processing order) {
    return ACME_ORDERS
        .ID
        .eq(order.details().id().value())
        .and(ACME_ORDERS.STATUS.eq("processing"))
        .and(ACME_ORDERS.PROCESSING_SINCE.eq(Times.stored(order.since())));
  }

  /**
   * The account's pending and ready orders become invalid, some at a time: so many may be open that
   * one transaction over them all would keep others waiting.
   */
  void cancelAll(AccountId owner, Problem problem) {
    int moved;
    do {
      moved =
          database.inTransaction(sql ->
              sql.update(ACME_ORDERS)
                  .set(ACME_ORDERS.STATUS, "invalid")
                  .set(ACME_ORDERS.PROBLEM, Json.text(problem.toJson()))
                  .where(
                      ACME_ORDERS.ID.in(
                          select(ACME_ORDERS.ID)
                              .from(ACME_ORDERS)
                              .where(ACME_ORDERS.ACCOUNT_ID.eq(owner.value()))
                              .and(ACME_ORDERS.STATUS.in("pending", "ready"))
                              .orderBy(ACME_ORDERS.ID)
                              .limit(MOST_CANCELLED)))
                  .and(ACME_ORDERS.STATUS.in("pending", "ready"))
                  .execute());
    } while (moved > 0);
  }

  /** A processing order of an endpoint, whoever owns it: only recovery may ask. */
  record Interrupted(String endpoint, Order.Processing order) {}

  /**
   * Orders of these endpoints that have been processing since before an instant, longest first.
   * Those of other endpoints are not counted: nothing moves them, so they would fill every limit.
   */
  List<Interrupted> interrupted(Set<String> endpoints, Instant before, int limit) {
    List<Interrupted> found = new ArrayList<>();
    for (Record row :
        database
            .sql()
            .select(ACME_ORDERS.fields())
            .select(ACME_ACCOUNTS.ENDPOINT)
            .from(ACME_ORDERS)
            .join(ACME_ACCOUNTS)
            .on(ACME_ACCOUNTS.ID.eq(ACME_ORDERS.ACCOUNT_ID))
            .where(ACME_ORDERS.STATUS.eq("processing"))
            .and(ACME_ORDERS.PROCESSING_SINCE.lt(Times.stored(before)))
            .and(ACME_ACCOUNTS.ENDPOINT.in(endpoints))
            .orderBy(ACME_ORDERS.PROCESSING_SINCE)
            .limit(limit)
            .fetch()) {
      if (read(row.into(ACME_ORDERS)) instanceof Order.Processing processing) {
        found.add(new Interrupted(row.get(ACME_ACCOUNTS.ENDPOINT), processing));
      }
    }
    return found;
  }
}
