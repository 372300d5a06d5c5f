package dev.chancery.acme;

import static dev.chancery.store.schema.Tables.ACME_ACCOUNTS;
import static dev.chancery.store.schema.Tables.ACME_AUTHORIZATIONS;
import static dev.chancery.store.schema.Tables.ACME_CHALLENGES;
import static org.jooq.impl.DSL.field;
import static org.jooq.impl.DSL.name;
import static org.jooq.impl.DSL.partitionBy;
import static org.jooq.impl.DSL.rowNumber;
import static org.jooq.impl.DSL.select;

import dev.chancery.core.AccountId;
import dev.chancery.store.Database;
import dev.chancery.store.schema.tables.records.AcmeChallengesRecord;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.jooq.Field;
import org.jooq.Record;
import org.jooq.Record2;
import org.jooq.SelectConditionStep;
import org.jooq.SelectSelectStep;
import org.jooq.Table;

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

  private final Database database;
  private final Set<String> endpoints;

  WaitingChallenges(Database database, Set<String> endpoints) {
    this.database = database;
    this.endpoints = Set.copyOf(endpoints);
  }

  /**
   * Those whose lease ended before an instant: their node stopped, or had no place. The accounts
   * take turns, each with what it has waited for longest.
   *
   * @param served accounts that have no turn now
   * @param share how many of one account there are at most
   */
  List<Authorizations.Accepted> abandoned(
      Instant before, Set<AccountId> served, int share, int limit) {
    Field<UUID> challenge = field(name("challenge"), UUID.class);
    Field<Integer> turn = field(name("turn"), Integer.class);
    Table<Record2<UUID, Integer>> turns =
        processing(
                select(
                    ACME_CHALLENGES.ID.as(challenge),
                    rowNumber()
                        .over(
                            partitionBy(ACME_AUTHORIZATIONS.ACCOUNT_ID)
                                .orderBy(ACME_CHALLENGES.ACCEPTED_AT, ACME_CHALLENGES.ID))
                        .as(turn)))
            .and(ACME_CHALLENGES.LEASE_UNTIL.le(Times.stored(before)))
            .and(
                ACME_AUTHORIZATIONS.ACCOUNT_ID.notIn(
                    served.stream().map(AccountId::value).toList()))
            .asTable("turns");
    return processing(database.sql().select(ACCEPTED))
        .and(
            ACME_CHALLENGES.ID.in(
                select(challenge).from(turns).where(turn.le(share)).orderBy(turn).limit(limit)))
        .fetch(WaitingChallenges::read);
  }

  /**
   * Those that were accepted before an instant when no node had a place for them, and found none
   * since: their lease ended as it began.
   */
  List<Authorizations.Accepted> neverAttempted(Instant before, int limit) {
    return processing(database.sql().select(ACCEPTED))
        .and(ACME_CHALLENGES.ACCEPTED_AT.le(Times.stored(before)))
        .and(ACME_CHALLENGES.LEASE_UNTIL.le(ACME_CHALLENGES.ACCEPTED_AT))
        .orderBy(ACME_CHALLENGES.LEASE_UNTIL)
        .limit(limit)
        .fetch(WaitingChallenges::read);
  }

  private <R extends Record> SelectConditionStep<R> processing(SelectSelectStep<R> what) {
    return what.from(ACME_CHALLENGES)
        .join(ACME_AUTHORIZATIONS)
        .on(ACME_AUTHORIZATIONS.ID.eq(ACME_CHALLENGES.AUTHORIZATION_ID))
        .join(ACME_ACCOUNTS)
        .on(ACME_ACCOUNTS.ID.eq(ACME_AUTHORIZATIONS.ACCOUNT_ID))
        .where(ACME_CHALLENGES.STATUS.eq("processing"))
        .and(ACME_ACCOUNTS.ENDPOINT.in(endpoints));
  }

  private static Authorizations.Accepted read(Record row) {
    AcmeChallengesRecord challenge = row.into(ACME_CHALLENGES);
    Instant leaseUntil = challenge.getLeaseUntil().toInstant();
    return new Authorizations.Accepted(
        Authorizations.readChallenge(challenge),
        new Challenge.State.Processing(leaseUntil),
        // Nothing when a node of an older version has accepted it.
        Optional.ofNullable(challenge.getAcceptedAt())
            .map(time -> time.toInstant())
            .orElse(leaseUntil),
        Identifiers.stored(
            row.get(ACME_AUTHORIZATIONS.NAME_KIND), row.get(ACME_AUTHORIZATIONS.NAME)),
        new AccountId(row.get(ACME_AUTHORIZATIONS.ACCOUNT_ID)),
        Base64Url.encode(row.get(ACME_ACCOUNTS.KEY_THUMBPRINT)),
        row.get(ACME_ACCOUNTS.ENDPOINT));
  }
}
