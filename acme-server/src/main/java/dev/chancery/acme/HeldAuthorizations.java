package dev.chancery.acme;

import static dev.chancery.store.PreparedQuery.parameter;
import static dev.chancery.store.schema.Tables.ACME_AUTHORIZATIONS;
import static org.jooq.impl.DSL.select;

import dev.chancery.core.AccountId;
import dev.chancery.core.Name;
import dev.chancery.store.PreparedQuery;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.IntStream;
import org.jooq.DSLContext;
import org.jooq.Param;
import org.jooq.Record;
import org.jooq.SQLDialect;
import org.jooq.SelectSeekStep1;

/** Finds the authorizations of an account that a new order needs not ask for again. */
final class HeldAuthorizations {
  private static final Param<UUID> ACCOUNT_ID = parameter(ACME_AUTHORIZATIONS.ACCOUNT_ID);
  private static final Param<OffsetDateTime> UNTIL = parameter(ACME_AUTHORIZATIONS.EXPIRES_AT);

  // How many names the statements ask for: most orders have one, and of the others each takes the
  // smallest that will do, or several times the largest.
  private static final List<Search> SEARCHES =
      IntStream.of(1, 8, 100).mapToObj(Search::of).toList();

  private HeldAuthorizations() {}

  /**
   * One statement.
   *
   * @param locking the same, for a database on which transactions run beside each other
   */
  private record Search(
      List<Param<String>> names, PreparedQuery<Record> plain, PreparedQuery<Record> locking) {
    static Search of(int size) {
      List<Param<String>> names =
          IntStream.range(0, size)
              .mapToObj(i -> parameter("name_" + i, ACME_AUTHORIZATIONS.NAME))
              .toList();
      return new Search(
          names, PreparedQuery.of(valid(names)), PreparedQuery.of(valid(names).forShare()));
    }

    private static SelectSeekStep1<? extends Record, UUID> valid(List<Param<String>> names) {
      return select(ACME_AUTHORIZATIONS.NAME_KIND, ACME_AUTHORIZATIONS.NAME, ACME_AUTHORIZATIONS.ID)
          .from(ACME_AUTHORIZATIONS)
          .where(ACME_AUTHORIZATIONS.ACCOUNT_ID.eq(ACCOUNT_ID))
          .and(ACME_AUTHORIZATIONS.NAME.in(names))
          .and(ACME_AUTHORIZATIONS.STATUS.eq("valid"))
          .and(ACME_AUTHORIZATIONS.EXPIRES_AT.ge(UNTIL))
          .orderBy(ACME_AUTHORIZATIONS.ID);
    }

    List<Record> fetch(DSLContext sql, AccountId owner, List<String> wanted, Instant until) {
      // H2 has no such lock, and needs none: its transactions come one after the other.
      PreparedQuery<Record> query = sql.family() == SQLDialect.H2 ? plain : locking;
      PreparedQuery<Record>.Call call =
          query.with(ACCOUNT_ID, owner.value()).with(UNTIL, Times.stored(until));
      for (int i = 0; i < names.size(); i++) {
        // Asked for twice, a name is found as often as before.
        call = call.with(names.get(i), wanted.get(Math.min(i, wanted.size() - 1)));
      }
      return call.fetch(sql);
    }
  }

  /**
   * The valid authorizations among these names that last until an instant. They are locked until
   * the transaction ends, so that none is deactivated before the new order is there to be seen.
   */
  static Map<Name, AuthorizationId> find(
      DSLContext sql, AccountId owner, Set<Name> names, Instant until) {
    Map<Name, AuthorizationId> held = new HashMap<>();
    List<String> wanted = names.stream().map(Name::value).toList();
    int largest = SEARCHES.getLast().names().size();
    for (int from = 0; from < wanted.size(); from += largest) {
      List<String> some = wanted.subList(from, Math.min(from + largest, wanted.size()));
      for (Record row : search(some.size()).fetch(sql, owner, some, until)) {
        // Of several the youngest, which comes last.
        held.put(
            Identifiers.stored(
                row.get(ACME_AUTHORIZATIONS.NAME_KIND), row.get(ACME_AUTHORIZATIONS.NAME)),
            new AuthorizationId(row.get(ACME_AUTHORIZATIONS.ID)));
      }
    }
    held.keySet().retainAll(names);
    return held;
  }

  private static Search search(int names) {
    return SEARCHES.stream()
        .filter(search -> search.names().size() >= names)
        .findFirst()
        .orElseThrow();
  }
}
