package dev.chancery.acme;

import static dev.chancery.store.PreparedQuery.parameter;
import static dev.chancery.store.schema.Tables.ACME_ACCOUNTS;
import static dev.chancery.store.schema.Tables.ACME_AUTHORIZATIONS;
import static dev.chancery.store.schema.Tables.ACME_CHALLENGES;
import static dev.chancery.store.schema.Tables.ACME_ORDERS;
import static dev.chancery.store.schema.Tables.ACME_ORDER_AUTHORIZATIONS;
import static java.util.function.Predicate.not;
import static org.jooq.impl.DSL.insertInto;
import static org.jooq.impl.DSL.notExists;
import static org.jooq.impl.DSL.select;
import static org.jooq.impl.DSL.update;
import static org.jooq.impl.DSL.when;

import dev.chancery.core.AccountId;
import dev.chancery.core.Der;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Name;
import dev.chancery.core.ProfileId;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.store.CompromisedKeys;
import dev.chancery.store.Database;
import dev.chancery.store.PreparedQuery;
import dev.chancery.store.schema.tables.records.AcmeAuthorizationsRecord;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.Field;
import org.jooq.Param;
import org.jooq.Record;
import org.jooq.impl.DSL;
import org.jspecify.annotations.Nullable;

/**
 * The orders. None can be read without naming its owner, and every move is a compare-and-set whose
 * answer says whether it was made.
 */
final class Orders {
  private static final int TOKEN_OCTETS = 32;
  private static final int MOST_CANCELLED = 500;

  private static final Param<UUID> ID = parameter(ACME_ORDERS.ID);
  private static final Param<UUID> ACCOUNT_ID = parameter(ACME_ORDERS.ACCOUNT_ID);
  private static final Param<String> STATUS = parameter(ACME_ORDERS.STATUS);
  private static final Param<OffsetDateTime> CREATED_AT = parameter(ACME_ORDERS.CREATED_AT);
  private static final Param<OffsetDateTime> EXPIRES_AT = parameter(ACME_ORDERS.EXPIRES_AT);
  private static final Param<OffsetDateTime> NOT_BEFORE = parameter(ACME_ORDERS.NOT_BEFORE);
  private static final Param<OffsetDateTime> NOT_AFTER = parameter(ACME_ORDERS.NOT_AFTER);
  private static final Param<String> PROFILE = parameter(ACME_ORDERS.PROFILE);
  private static final Param<String> REPLACES = parameter(ACME_ORDERS.REPLACES);
  private static final Param<byte[]> CSR = parameter(ACME_ORDERS.CSR);
  private static final Param<byte[]> CSR_SHA256 = parameter(ACME_ORDERS.CSR_SHA256);
  private static final Param<byte[]> CSR_KEY_SHA256 =
      parameter("csr_key_sha256", ACME_ORDERS.CSR_SHA256);
  private static final Param<OffsetDateTime> SINCE = parameter(ACME_ORDERS.PROCESSING_SINCE);
  private static final Param<String> ISSUER = parameter(ACME_ORDERS.ISSUER);
  private static final Param<byte[]> SERIAL = parameter(ACME_ORDERS.SERIAL);
  private static final Param<OffsetDateTime> ENDS_AT = parameter(ACME_ORDERS.ENDS_AT);
  private static final Param<Integer> POSITION = parameter(ACME_ORDER_AUTHORIZATIONS.POSITION);
  private static final Param<UUID> AUTHORIZATION_ID = parameter(ACME_AUTHORIZATIONS.ID);
  private static final Param<String> NAME_KIND = parameter(ACME_AUTHORIZATIONS.NAME_KIND);
  private static final Param<String> NAME = parameter(ACME_AUTHORIZATIONS.NAME);
  private static final Param<UUID> CHALLENGE_ID = parameter(ACME_CHALLENGES.ID);
  private static final Param<String> KIND = parameter(ACME_CHALLENGES.KIND);
  private static final Param<String> TOKEN = parameter(ACME_CHALLENGES.TOKEN);

  private static final PreparedQuery<Record> INSERT =
      PreparedQuery.of(
          insertInto(ACME_ORDERS)
              .set(ACME_ORDERS.ID, ID)
              .set(ACME_ORDERS.ACCOUNT_ID, ACCOUNT_ID)
              .set(ACME_ORDERS.STATUS, STATUS)
              .set(ACME_ORDERS.CREATED_AT, CREATED_AT)
              .set(ACME_ORDERS.EXPIRES_AT, EXPIRES_AT)
              .set(ACME_ORDERS.ENDS_AT, EXPIRES_AT)
              .set(ACME_ORDERS.NOT_BEFORE, NOT_BEFORE)
              .set(ACME_ORDERS.NOT_AFTER, NOT_AFTER)
              .set(ACME_ORDERS.PROFILE, PROFILE)
              .set(ACME_ORDERS.REPLACES, REPLACES));
  private static final PreparedQuery<Record> INSERT_AUTHORIZATION =
      PreparedQuery.of(
          insertInto(ACME_AUTHORIZATIONS)
              .set(ACME_AUTHORIZATIONS.ID, AUTHORIZATION_ID)
              .set(ACME_AUTHORIZATIONS.ACCOUNT_ID, ACCOUNT_ID)
              .set(ACME_AUTHORIZATIONS.NAME_KIND, NAME_KIND)
              .set(ACME_AUTHORIZATIONS.NAME, NAME)
              .set(ACME_AUTHORIZATIONS.STATUS, STATUS)
              .set(ACME_AUTHORIZATIONS.EXPIRES_AT, EXPIRES_AT)
              .set(ACME_AUTHORIZATIONS.REVIEW_AT, EXPIRES_AT));
  private static final PreparedQuery<Record> INSERT_CHALLENGE =
      PreparedQuery.of(
          insertInto(ACME_CHALLENGES)
              .set(ACME_CHALLENGES.ID, CHALLENGE_ID)
              .set(ACME_CHALLENGES.AUTHORIZATION_ID, AUTHORIZATION_ID)
              .set(ACME_CHALLENGES.KIND, KIND)
              .set(ACME_CHALLENGES.TOKEN, TOKEN)
              .set(ACME_CHALLENGES.STATUS, "pending"));
  private static final PreparedQuery<Record> INSERT_ITEM =
      PreparedQuery.of(
          insertInto(ACME_ORDER_AUTHORIZATIONS)
              .set(ACME_ORDER_AUTHORIZATIONS.ORDER_ID, ID)
              .set(ACME_ORDER_AUTHORIZATIONS.POSITION, POSITION)
              .set(ACME_ORDER_AUTHORIZATIONS.AUTHORIZATION_ID, AUTHORIZATION_ID));
  // A row for each name, CSR and problem in the first alone: they may be large, the names many.
  private static final Field<byte[]> CSR_ONCE =
      when(ACME_ORDER_AUTHORIZATIONS.POSITION.eq(0), ACME_ORDERS.CSR).as("csr_once");
  private static final Field<String> PROBLEM_ONCE =
      when(ACME_ORDER_AUTHORIZATIONS.POSITION.eq(0), ACME_ORDERS.PROBLEM).as("problem_once");
  private static final PreparedQuery<Record> FIND =
      PreparedQuery.of(
          select(
                  Stream.of(ACME_ORDERS.fields())
                      .filter(not(Set.of(ACME_ORDERS.CSR, ACME_ORDERS.PROBLEM)::contains))
                      .toList())
              .select(CSR_ONCE, PROBLEM_ONCE)
              .select(ACME_AUTHORIZATIONS.NAME_KIND, ACME_AUTHORIZATIONS.NAME)
              .select(ACME_AUTHORIZATIONS.ID)
              .from(ACME_ORDERS)
              .join(ACME_ORDER_AUTHORIZATIONS)
              .on(ACME_ORDER_AUTHORIZATIONS.ORDER_ID.eq(ACME_ORDERS.ID))
              .join(ACME_AUTHORIZATIONS)
              .on(ACME_AUTHORIZATIONS.ID.eq(ACME_ORDER_AUTHORIZATIONS.AUTHORIZATION_ID))
              .where(ACME_ORDERS.ID.eq(ID))
              .and(ACME_ORDERS.ACCOUNT_ID.eq(ACCOUNT_ID))
              .orderBy(ACME_ORDER_AUTHORIZATIONS.POSITION));
  private static final PreparedQuery<Record> FIND_CERTIFICATE =
      PreparedQuery.of(
          select(ACME_ORDERS.ISSUER, ACME_ORDERS.SERIAL)
              .from(ACME_ORDERS)
              .where(ACME_ORDERS.ID.eq(ID))
              .and(ACME_ORDERS.ACCOUNT_ID.eq(ACCOUNT_ID))
              .and(ACME_ORDERS.STATUS.eq("valid")));
  private static final PreparedQuery<Record> BEGIN =
      PreparedQuery.of(
          update(ACME_ORDERS)
              .set(ACME_ORDERS.STATUS, "processing")
              .set(ACME_ORDERS.CSR, CSR)
              .set(ACME_ORDERS.CSR_SHA256, CSR_SHA256)
              .set(ACME_ORDERS.PROCESSING_SINCE, SINCE)
              .where(ACME_ORDERS.ID.eq(ID))
              .and(ACME_ORDERS.STATUS.eq("ready"))
              .and(ACME_ORDERS.EXPIRES_AT.gt(SINCE))
              .and(
                  notExists(
                      Authorizations.of(ACME_ORDERS.ID)
                          .and(ACME_AUTHORIZATIONS.STATUS.ne("valid"))))
              .andNot(CompromisedKeys.contain(CSR_KEY_SHA256)));
  private static final PreparedQuery<Record> TO_VALID =
      PreparedQuery.of(
          update(ACME_ORDERS)
              .set(ACME_ORDERS.STATUS, "valid")
              .set(ACME_ORDERS.ISSUER, ISSUER)
              .set(ACME_ORDERS.SERIAL, SERIAL)
              .set(ACME_ORDERS.ENDS_AT, ENDS_AT)
              .set(ACME_ORDERS.CSR, (byte[]) null)
              .where(ACME_ORDERS.ID.eq(ID))
              .and(ACME_ORDERS.STATUS.eq("processing"))
              .and(ACME_ORDERS.CSR.eq(CSR)));

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
          endpoint.authorizations().reuse()
              ? HeldAuthorizations.find(sql, owner, toProve, expires)
              : Map.of();
      boolean ready = held.keySet().containsAll(toProve);
      INSERT
          .with(ID, id.value())
          .with(ACCOUNT_ID, owner.value())
          .with(STATUS, ready ? "ready" : "pending")
          .with(CREATED_AT, Times.stored(Times.now(clock)))
          .with(EXPIRES_AT, Times.stored(expires))
          .with(NOT_BEFORE, wanted.notBefore().map(Times::stored).orElse(null))
          .with(NOT_AFTER, wanted.notAfter().map(Times::stored).orElse(null))
          .with(PROFILE, wanted.profile().value())
          .with(REPLACES, replaces.orElse(null))
          .execute(sql);
      List<Order.Item> items = new ArrayList<>();
      List<PreparedQuery<Record>.Call> inserts = new ArrayList<>();
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
        inserts.add(
            INSERT_ITEM
                .with(ID, id.value())
                .with(POSITION, items.size())
                .with(AUTHORIZATION_ID, authorization.value()));
        items.add(new Order.Item(name, authorization));
      }
      INSERT_ITEM.executeAll(sql, inserts);
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
      AuthorizationId valid = HeldAuthorizations.find(sql, owner, Set.of(name), expires).get(name);
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
    INSERT_AUTHORIZATION
        .with(AUTHORIZATION_ID, id.value())
        .with(ACCOUNT_ID, owner.value())
        .with(NAME_KIND, Identifiers.type(name))
        .with(NAME, name.value())
        .with(STATUS, preauthorized ? "valid" : "pending")
        .with(EXPIRES_AT, Times.stored(expires))
        .execute(sql);
    if (preauthorized) {
      // RFC 8555 section 7.1.4: a valid authorization lists what was validated, which is nothing.
      return id;
    }
    List<PreparedQuery<Record>.Call> challenges = new ArrayList<>();
    for (ChallengeKind kind : offered.proving(name)) {
      byte[] token = new byte[TOKEN_OCTETS];
      random.nextBytes(token);
      challenges.add(
          INSERT_CHALLENGE
              .with(CHALLENGE_ID, ids.next())
              .with(AUTHORIZATION_ID, id.value())
              .with(KIND, kind.type())
              .with(TOKEN, Base64Url.encode(token)));
    }
    INSERT_CHALLENGE.executeAll(sql, challenges);
    return id;
  }

  Optional<Order> find(AccountId owner, OrderId id) {
    List<Record> rows =
        FIND.with(ID, id.value()).with(ACCOUNT_ID, owner.value()).fetch(database.sql());
    return rows.isEmpty() ? Optional.empty() : Optional.of(read(rows));
  }

  /** Which certificate an order has that is valid. */
  record Certificate(IssuerId issuer, SerialNumber serial) {}

  Optional<Certificate> findCertificate(AccountId owner, OrderId id) {
    return FIND_CERTIFICATE
        .with(ID, id.value())
        .with(ACCOUNT_ID, owner.value())
        .fetchOptional(database.sql())
        .map(row ->
            new Certificate(
                new IssuerId(row.get(ACME_ORDERS.ISSUER)),
                SerialNumber.of(row.get(ACME_ORDERS.SERIAL))));
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

  private Order read(List<Record> rows) {
    Record row = rows.getFirst();
    Order.Details details =
        new Order.Details(
            new OrderId(row.get(ACME_ORDERS.ID)),
            new AccountId(row.get(ACME_ORDERS.ACCOUNT_ID)),
            row.get(ACME_ORDERS.EXPIRES_AT).toInstant(),
            instant(row.get(ACME_ORDERS.NOT_BEFORE)),
            instant(row.get(ACME_ORDERS.NOT_AFTER)),
            Optional.ofNullable(row.get(ACME_ORDERS.PROFILE)).map(ProfileId::new),
            Optional.ofNullable(row.get(ACME_ORDERS.REPLACES)),
            rows.stream().map(Orders::item).toList());
    boolean expired = !clock.instant().isBefore(details.expires());
    return switch (row.get(ACME_ORDERS.STATUS)) {
      case "pending" -> expired ? expired(details) : new Order.Pending(details);
      case "ready" -> expired ? expired(details) : new Order.Ready(details);
      case "processing" ->
          new Order.Processing(
              details,
              Der.of(row.get(CSR_ONCE)),
              row.get(ACME_ORDERS.PROCESSING_SINCE).toInstant());
      case "valid" ->
          new Order.Valid(
              details,
              digest(row).orElseThrow(),
              new IssuerId(row.get(ACME_ORDERS.ISSUER)),
              SerialNumber.of(row.get(ACME_ORDERS.SERIAL)));
      case "invalid" ->
          new Order.Invalid(
              details, digest(row), Optional.ofNullable(row.get(PROBLEM_ONCE)).map(Json::readOwn));
      default -> throw new IllegalStateException("an order is in no known state");
    };
  }

  private static Optional<CsrDigest> digest(Record row) {
    return Optional.ofNullable(row.get(ACME_ORDERS.CSR_SHA256))
        .map(CsrDigest::stored)
        // The order of a node of an older version.
        .or(() -> Optional.ofNullable(row.get(CSR_ONCE)).map(csr -> CsrDigest.of(Der.of(csr))));
  }

  /** RFC 8555 section 7.1.6: an order that was not finalized in its time is invalid. */
  private static Order expired(Order.Details details) {
    return new Order.Invalid(details, Optional.empty(), Optional.empty());
  }

  private static Optional<Instant> instant(@Nullable OffsetDateTime time) {
    return Optional.ofNullable(time).map(OffsetDateTime::toInstant);
  }

  private static Order.Item item(Record row) {
    return new Order.Item(
        Identifiers.stored(
            row.get(ACME_AUTHORIZATIONS.NAME_KIND), row.get(ACME_AUTHORIZATIONS.NAME)),
        new AuthorizationId(row.get(ACME_AUTHORIZATIONS.ID)));
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
   * Ready to processing, with the CSR that will be issued; false when it was not ready, one of its
   * authorizations is valid no more, by which that order is on its way to become invalid, or the
   * key was reported compromised.
   *
   * @param key the CSR's
   */
  boolean begin(Order.Processing order, SubjectPublicKey key) {
    return BEGIN
            .with(ID, order.details().id().value())
            .with(CSR, order.csr().bytes())
            .with(CSR_SHA256, order.csr().sha256())
            .with(CSR_KEY_SHA256, key.encoded().sha256())
            .with(SINCE, Times.stored(order.since()))
            .execute(database.sql())
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
    return TO_VALID
            .with(ISSUER, issued.issuer().value())
            .with(SERIAL, issued.serial().octets())
            .with(ENDS_AT, Times.stored(issued.notAfter()))
            .with(ID, order.details().id().value())
            .with(CSR, order.csr().bytes())
            .execute(sql)
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
            .select(ACME_ORDERS.ID, ACME_ORDERS.ACCOUNT_ID, ACME_ACCOUNTS.ENDPOINT)
            .from(ACME_ORDERS)
            .join(ACME_ACCOUNTS)
            .on(ACME_ACCOUNTS.ID.eq(ACME_ORDERS.ACCOUNT_ID))
            .where(ACME_ORDERS.STATUS.eq("processing"))
            .and(ACME_ORDERS.PROCESSING_SINCE.lt(Times.stored(before)))
            .and(ACME_ACCOUNTS.ENDPOINT.in(endpoints))
            .orderBy(ACME_ORDERS.PROCESSING_SINCE)
            .limit(limit)
            .fetch()) {
      find(new AccountId(row.get(ACME_ORDERS.ACCOUNT_ID)), new OrderId(row.get(ACME_ORDERS.ID)))
          // Another node may have taken it over since.
          .filter(order ->
              order instanceof Order.Processing processing && processing.since().isBefore(before))
          .ifPresent(order ->
              found.add(
                  new Interrupted(row.get(ACME_ACCOUNTS.ENDPOINT), (Order.Processing) order)));
    }
    return found;
  }
}
