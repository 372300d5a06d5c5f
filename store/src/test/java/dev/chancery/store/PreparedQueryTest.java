package dev.chancery.store;

import static dev.chancery.store.PreparedQuery.parameter;
import static dev.chancery.store.schema.Tables.AUDIT_EVENTS;
import static dev.chancery.store.schema.Tables.CERTIFICATES;
import static dev.chancery.store.schema.Tables.ISSUERS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.jooq.impl.DSL.exists;
import static org.jooq.impl.DSL.insertInto;
import static org.jooq.impl.DSL.select;
import static org.jooq.impl.DSL.selectFrom;
import static org.jooq.impl.DSL.selectOne;
import static org.jooq.impl.DSL.update;

import dev.chancery.core.PreparedCertificate;
import dev.chancery.store.schema.tables.records.AuditEventsRecord;
import dev.chancery.testing.DatabaseKind;
import java.time.OffsetDateTime;
import java.util.List;
import org.jooq.Param;
import org.jooq.Record;
import org.jooq.SQLDialect;
import org.jooq.exception.IntegrityConstraintViolationException;
import org.jooq.impl.DSL;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource(DatabaseKind.class)
@DisplayName("A prepared query")
final class PreparedQueryTest extends LedgerContract {
  private static final Param<OffsetDateTime> AT = parameter(AUDIT_EVENTS.AT);
  private static final Param<String> ACTION = parameter(AUDIT_EVENTS.ACTION);
  private static final Param<byte[]> SERIAL = parameter(AUDIT_EVENTS.SERIAL);
  private static final Param<String> REQUESTED_BY = parameter(AUDIT_EVENTS.REQUESTED_BY);
  private static final PreparedQuery<Record> INSERT =
      PreparedQuery.of(
          insertInto(AUDIT_EVENTS)
              .set(AUDIT_EVENTS.AT, AT)
              .set(AUDIT_EVENTS.ACTION, ACTION)
              .set(AUDIT_EVENTS.SERIAL, SERIAL)
              .set(AUDIT_EVENTS.REQUESTED_BY, REQUESTED_BY)
              // The same value a second time, and one that is the statement's own.
              .set(AUDIT_EVENTS.ISSUER, "it's: one")
              .set(AUDIT_EVENTS.DETAIL, REQUESTED_BY));
  private static final PreparedQuery<AuditEventsRecord> FIND =
      PreparedQuery.of(
          AUDIT_EVENTS, selectFrom(AUDIT_EVENTS).where(AUDIT_EVENTS.ACTION.eq(ACTION)));

  private PreparedQuery<Record>.Call event(String action) {
    return INSERT
        .with(AT, Timestamps.of(NOW))
        .with(ACTION, action)
        .with(SERIAL, new byte[] {1, 2})
        .with(REQUESTED_BY, "alice");
  }

  @Test
  @DisplayName("writes and reads values of each kind, and nulls")
  void values() {
    assertThat(event("first").execute(database.sql())).isEqualTo(1);
    assertThat(event("second").with(SERIAL, null).execute(database.sql())).isEqualTo(1);

    AuditEventsRecord first =
        FIND.with(ACTION, "first").fetchOptional(database.sql()).orElseThrow();
    assertThat(first.getId()).isPositive();
    assertThat(first.getAt().toInstant()).isEqualTo(NOW);
    assertThat(first.getSerial()).containsExactly(1, 2);
    assertThat(first.getRequestedBy()).isEqualTo("alice");
    assertThat(first.getDetail()).isEqualTo("alice");
    assertThat(first.getIssuer()).isEqualTo("it's: one");
    assertThat(FIND.with(ACTION, "second").fetch(database.sql()))
        .singleElement()
        .satisfies(second -> assertThat(second.getSerial()).isNull());
    assertThat(FIND.with(ACTION, "third").fetchOptional(database.sql())).isEmpty();
  }

  @Test
  @DisplayName("keeps what stands in it for good apart from what it is given")
  void constants() {
    assertThat(event("old").execute(database.sql())).isEqualTo(1);
    Param<String> renamed = parameter("renamed", AUDIT_EVENTS.ACTION);
    PreparedQuery<Record> rename =
        PreparedQuery.of(
            update(AUDIT_EVENTS)
                .set(AUDIT_EVENTS.ACTION, renamed)
                .where(exists(selectOne().from(ISSUERS)))
                .and(AUDIT_EVENTS.REQUESTED_BY.eq("alice"))
                .and(AUDIT_EVENTS.ACTION.eq(ACTION)));
    assertThat(rename.with(renamed, "new").with(ACTION, "other").execute(database.sql())).isZero();
    assertThat(rename.with(renamed, "new").with(ACTION, "old").execute(database.sql())).isOne();
    assertThat(FIND.with(ACTION, "new").fetch(database.sql())).hasSize(1);
  }

  @Test
  @DisplayName("runs in a transaction, whose end decides")
  void transactions() {
    assertThatThrownBy(() ->
            database.inTransaction(sql -> {
              assertThat(event("gone").execute(sql)).isEqualTo(1);
              assertThat(FIND.with(ACTION, "gone").fetch(sql)).hasSize(1);
              throw new IllegalStateException("not after all");
            }))
        .hasMessage("not after all");
    assertThat(FIND.with(ACTION, "gone").fetch(database.sql())).isEmpty();
    database.inTransaction(sql -> event("kept").execute(sql));
    assertThat(FIND.with(ACTION, "kept").fetch(database.sql())).hasSize(1);
  }

  @Test
  @DisplayName("runs many times in one go, or not at all")
  void batch() {
    INSERT.executeAll(database.sql(), List.of(event("one"), event("one"), event("one")));
    INSERT.executeAll(database.sql(), List.of());
    assertThat(FIND.with(ACTION, "one").fetch(database.sql())).hasSize(3);
    assertThatThrownBy(() -> FIND.with(ACTION, "one").fetchOptional(database.sql()))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  @DisplayName("says that a constraint was broken as jOOQ does, and not with which value")
  void constraints() {
    Param<String> name = parameter(ISSUERS.NAME);
    Param<byte[]> key = parameter(ISSUERS.PUBLIC_KEY);
    PreparedQuery<Record> issuer =
        PreparedQuery.of(insertInto(ISSUERS).set(ISSUERS.NAME, name).set(ISSUERS.PUBLIC_KEY, key));
    assertThatThrownBy(() ->
            issuer
                .with(name, Certificates.ISSUER.value())
                .with(key, new byte[] {1})
                .execute(database.sql()))
        .isInstanceOf(IntegrityConstraintViolationException.class)
        .hasMessageNotContaining(Certificates.ISSUER.value());
    // The connection, and on H2 the turn to write, is free again.
    assertThat(event("after").execute(database.sql())).isEqualTo(1);
  }

  @Test
  @DisplayName("is refused without a value, and on a context of another's")
  void misuse() {
    assertThatThrownBy(() -> INSERT.with(ACTION, "half").execute(database.sql()))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> event("else").execute(DSL.using(SQLDialect.H2)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(event("after").execute(database.sql())).isEqualTo(1);
  }

  @Test
  @DisplayName("reads columns of several tables, of one name too")
  void joins() {
    PreparedCertificate certificate = recorded();
    assertThat(event("joined").execute(database.sql())).isEqualTo(1);
    PreparedQuery<Record> joined =
        PreparedQuery.of(
            select(AUDIT_EVENTS.ISSUER, CERTIFICATES.ISSUER, CERTIFICATES.SERIAL)
                .from(AUDIT_EVENTS)
                .leftJoin(CERTIFICATES)
                .on(CERTIFICATES.ISSUER.ne(AUDIT_EVENTS.ISSUER))
                .where(AUDIT_EVENTS.ACTION.eq(ACTION)));
    assertThat(joined.with(ACTION, "joined").fetch(database.sql()))
        .singleElement()
        .satisfies(row -> {
          assertThat(row.get(AUDIT_EVENTS.ISSUER)).isEqualTo("it's: one");
          assertThat(row.get(CERTIFICATES.ISSUER)).isEqualTo(Certificates.ISSUER.value());
          assertThat(row.into(CERTIFICATES).getSerial()).isEqualTo(certificate.serial().octets());
        });
  }
}
