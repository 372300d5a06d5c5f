package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.ACME_ACCOUNTS;
import static dev.chancery.store.schema.Tables.ACME_AUTHORIZATIONS;
import static dev.chancery.store.schema.Tables.ACME_CHALLENGES;
import static org.jooq.impl.DSL.coalesce;
import static org.jooq.impl.DSL.field;
import static org.jooq.impl.DSL.inline;
import static org.jooq.impl.DSL.name;
import static org.jooq.impl.DSL.partitionBy;
import static org.jooq.impl.DSL.row;
import static org.jooq.impl.DSL.rowNumber;
import static org.jooq.impl.DSL.select;

import dev.chancery.core.AccountId;
import dev.chancery.store.Database;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.jooq.Field;
import org.jooq.Record;
import org.jooq.RowN;
import org.jooq.SelectConditionStep;
import org.jooq.SelectSelectStep;
import org.jooq.Table;
import org.jooq.impl.DSL;

/**
 * The accepted challenges that nobody attempts at the moment. Those of other endpoints than a
 * node's own are not counted: it cannot attempt them, so they would fill every limit.
 */
final class WaitingChallenges {
  private static final List<Field<?>> ACCEPTED =
      Stream.of(
              ACME_CHALLENGES.fields(),
              new Field<?>[] {
                ACME_AUTHORIZATIONS.NAME_KIND,
                ACME_AUTHORIZATIONS.NAME,
                ACME_AUTHORIZATIONS.ACCOUNT_ID,
                ACME_ACCOUNTS.KEY_THUMBPRINT,
                ACME_ACCOUNTS.ENDPOINT
              })
          .flatMap(Stream::of)
          .toList();

  private static final Table<?> CHALLENGES =
      ACME_CHALLENGES
          .join(ACME_AUTHORIZATIONS)
          .on(ACME_AUTHORIZATIONS.ID.eq(ACME_CHALLENGES.AUTHORIZATION_ID))
          .join(ACME_ACCOUNTS)
          .on(ACME_ACCOUNTS.ID.eq(ACME_AUTHORIZATIONS.ACCOUNT_ID));

  private final Database database;
  private final Set<String> endpoints;

  WaitingChallenges(Database database, Set<String> endpoints) {
    this.database = database;
    this.endpoints = Set.copyOf(endpoints);
  }

  /**
   * Those whose lease ended before an instant: their node stopped, or had no place. As many as
   * there are places free, and of one account as many as its share leaves it. The accounts take
   * turns: next is whose share would be filled least; of several, who has not had a place for
   * longest; then what has waited for longest.
   */
  List<Authorizations.Accepted> abandoned(Instant before, ValidationPlaces.Standings standings) {
    Field<UUID> challenge = field(name("turns", "challenge"), UUID.class);
    Field<UUID> account = field(name("turns", "account"), UUID.class);
    Field<Integer> turn = field(name("turns", "turn"), Integer.class);
    Table<?> turns =
        processing(
                select(
                    ACME_CHALLENGES.ID.as(challenge),
                    ACME_AUTHORIZATIONS.ACCOUNT_ID.as(account),
                    rowNumber()
                        .over(
                            partitionBy(ACME_AUTHORIZATIONS.ACCOUNT_ID)
                                .orderBy(ACME_CHALLENGES.ACCEPTED_AT, ACME_CHALLENGES.ID))
                        .as(turn)),
                CHALLENGES)
            .and(ACME_CHALLENGES.LEASE_UNTIL.le(Times.stored(before)))
            .asTable("turns");
    Field<UUID> standing = field(name("standings", "account"), UUID.class);
    Field<Integer> held = field(name("standings", "held"), Integer.class);
    Field<Integer> lately = field(name("standings", "lately"), Integer.class);
    Field<Integer> filled = coalesce(held, inline(0)).plus(turn);
    return processing(
            database.sql().select(ACCEPTED),
            CHALLENGES
                .join(turns)
                .on(challenge.eq(ACME_CHALLENGES.ID))
                .leftJoin(table(standings, standing, held, lately))
                .on(standing.eq(account)))
        .and(filled.le(standings.share()))
        .orderBy(
            filled, coalesce(lately, inline(0)), ACME_CHALLENGES.ACCEPTED_AT, ACME_CHALLENGES.ID)
        .limit(standings.free())
        .fetch(WaitingChallenges::read);
  }

  private static Table<?> table(
      ValidationPlaces.Standings standings,
      Field<UUID> account,
      Field<Integer> held,
      Field<Integer> lately) {
    List<RowN> rows = new ArrayList<>();
    // A table of values has one row at least; this one is nobody's.
    rows.add(row(List.of(inline(new UUID(0, 0)), inline(0), inline(0))));
    standings
        .accounts()
        .forEach((id, standing) ->
            rows.add(
                row(
                    List.of(
                        inline(id.value()), inline(standing.held()), inline(standing.lately())))));
    return DSL.values(rows.toArray(RowN[]::new))
        .as("standings", account.getName(), held.getName(), lately.getName());
  }

  /**
   * Those that were accepted before an instant when no node had a place for them, and found none
   * since: their lease ended as it began.
   */
  List<Authorizations.Accepted> neverAttempted(Instant before, int limit) {
    return processing(database.sql().select(ACCEPTED), CHALLENGES)
        .and(ACME_CHALLENGES.ACCEPTED_AT.le(Times.stored(before)))
        .and(ACME_CHALLENGES.LEASE_UNTIL.le(ACME_CHALLENGES.ACCEPTED_AT))
        .orderBy(ACME_CHALLENGES.LEASE_UNTIL)
        .limit(limit)
        .fetch(WaitingChallenges::read);
  }

  private <R extends Record> SelectConditionStep<R> processing(
      SelectSelectStep<R> what, Table<?> challenges) {
    return what.from(challenges)
        .where(ACME_CHALLENGES.STATUS.eq("processing"))
        .and(ACME_ACCOUNTS.ENDPOINT.in(endpoints));
  }

  private static Authorizations.Accepted read(Record row) {
    Instant leaseUntil = row.get(ACME_CHALLENGES.LEASE_UNTIL).toInstant();
    return new Authorizations.Accepted(
        Authorizations.readChallenge(row),
        new Challenge.State.Processing(leaseUntil),
        // Nothing when a node of an older version has accepted it.
        Optional.ofNullable(row.get(ACME_CHALLENGES.ACCEPTED_AT))
            .map(time -> time.toInstant())
            .orElse(leaseUntil),
        Identifiers.stored(
            row.get(ACME_AUTHORIZATIONS.NAME_KIND), row.get(ACME_AUTHORIZATIONS.NAME)),
        new AccountId(row.get(ACME_AUTHORIZATIONS.ACCOUNT_ID)),
        // Likewise.
        Base64Url.encode(
            Optional.ofNullable(row.get(ACME_CHALLENGES.KEY_THUMBPRINT))
                .orElse(row.get(ACME_ACCOUNTS.KEY_THUMBPRINT))),
        row.get(ACME_ACCOUNTS.ENDPOINT));
  }
}
