package dev.chancery.store;

import static dev.chancery.store.schema.Tables.CERTIFICATES;
import static dev.chancery.store.schema.Tables.RENEWAL_MARKS;

import dev.chancery.core.CertificateRecord;
import dev.chancery.core.CertificateRecord.State;
import dev.chancery.core.IssuerId;
import dev.chancery.core.ProfileId;
import dev.chancery.core.RenewalMark;
import dev.chancery.store.schema.tables.records.RenewalMarksRecord;
import java.net.URI;
import java.time.Clock;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.impl.DSL;

/**
 * Which certificates are to be renewed early, for all nodes. Only those of ACME accounts are meant,
 * since nobody else asks for renewal information. Every change stands in the audit.
 */
public final class RenewalMarks {
  private final Database database;
  private final Clock clock;

  public RenewalMarks(Database database, Clock clock) {
    this.database = database;
    this.clock = clock;
  }

  /** What an operator asks for. */
  public record Request(
      RenewalMark.Scope scope,
      Optional<Instant> startsAt,
      int perHour,
      String reason,
      Optional<URI> explanation,
      String by) {}

  /**
   * The mark that {@link #make} would make now; it counts the certificates, and changes nothing.
   */
  public RenewalMark plan(UUID id, Request request) {
    return plan(database.sql(), id, request, now());
  }

  /**
   * Marks the certificates that are meant now.
   *
   * @return the mark; nothing when it would mean no certificate, and then nothing was changed
   */
  public Optional<RenewalMark> make(UUID id, Request request) {
    Instant now = now();
    return database.inTransaction(sql -> {
      RenewalMark mark = plan(sql, id, request, now);
      if (mark.certificates() == 0) {
        return Optional.empty();
      }
      RenewalMark.Scope scope = mark.scope();
      sql.insertInto(RENEWAL_MARKS)
          .set(RENEWAL_MARKS.ID, id)
          .set(RENEWAL_MARKS.ISSUER, scope.issuer().map(IssuerId::value).orElse(null))
          .set(RENEWAL_MARKS.PROFILE, scope.profile().map(ProfileId::value).orElse(null))
          .set(RENEWAL_MARKS.RECORDED_FROM, scope.recordedFrom().map(Timestamps::of).orElse(null))
          .set(RENEWAL_MARKS.RECORDED_UNTIL, scope.recordedUntil().map(Timestamps::of).orElse(null))
          .set(RENEWAL_MARKS.MADE_AT, Timestamps.of(mark.madeAt()))
          .set(RENEWAL_MARKS.STARTS_AT, Timestamps.of(mark.startsAt()))
          .set(RENEWAL_MARKS.ENDS_AT, Timestamps.of(mark.endsAt()))
          .set(RENEWAL_MARKS.CERTIFICATES, mark.certificates())
          .set(RENEWAL_MARKS.PER_HOUR, mark.perHour())
          .set(RENEWAL_MARKS.REASON, mark.reason())
          .set(RENEWAL_MARKS.EXPLANATION_URL, mark.explanation().map(URI::toString).orElse(null))
          .set(RENEWAL_MARKS.REQUESTED_BY, AuditTrail.requester(mark.by()))
          .execute();
      AuditTrail.operation(
          sql,
          now,
          "mark-renewal",
          mark.by(),
          "mark " + id + ", " + mark.certificates() + " certificates, reason " + mark.reason());
      return Optional.of(mark);
    });
  }

  /** To milliseconds, which both databases keep: the turns must not move when a mark is read. */
  private Instant now() {
    return clock.instant().truncatedTo(ChronoUnit.MILLIS);
  }

  private static RenewalMark plan(DSLContext sql, UUID id, Request request, Instant now) {
    long certificates =
        sql.fetchCount(
            CERTIFICATES,
            meant(request.scope(), now)
                .and(CERTIFICATES.STATE.eq(CertificateState.of(State.ISSUED)))
                .and(CERTIFICATES.NOT_AFTER.gt(Timestamps.of(now))));
    Instant startsAt = request.startsAt().orElse(now);
    return new RenewalMark(
        id,
        request.scope(),
        now,
        startsAt,
        startsAt.plus(RenewalMark.span(certificates, request.perHour())),
        certificates,
        request.perHour(),
        request.reason(),
        request.explanation(),
        request.by());
  }

  private static Condition meant(RenewalMark.Scope scope, Instant madeAt) {
    return CERTIFICATES
        .RECORDED_AT
        .lt(Timestamps.of(madeAt))
        .and(CERTIFICATES.ACCOUNT_ID.isNotNull())
        .and(
            scope
                .issuer()
                .map(issuer -> CERTIFICATES.ISSUER.eq(issuer.value()))
                .orElse(DSL.noCondition()))
        .and(
            scope
                .profile()
                .map(profile -> CERTIFICATES.PROFILE.eq(profile.value()))
                .orElse(DSL.noCondition()))
        .and(
            scope
                .recordedFrom()
                .map(from -> CERTIFICATES.RECORDED_AT.ge(Timestamps.of(from)))
                .orElse(DSL.noCondition()))
        .and(
            scope
                .recordedUntil()
                .map(until -> CERTIFICATES.RECORDED_AT.lt(Timestamps.of(until)))
                .orElse(DSL.noCondition()));
  }

  /** The marks in force that mean a certificate. */
  public List<RenewalMark> on(CertificateRecord certificate) {
    if (certificate.account().isEmpty()) {
      return List.of();
    }
    OffsetDateTime recorded = Timestamps.of(certificate.recordedAt());
    return database
        .sql()
        .selectFrom(RENEWAL_MARKS)
        .where(RENEWAL_MARKS.CLEARED_AT.isNull())
        .and(RENEWAL_MARKS.MADE_AT.gt(recorded))
        .and(
            RENEWAL_MARKS.ISSUER.isNull().or(RENEWAL_MARKS.ISSUER.eq(certificate.issuer().value())))
        .and(
            RENEWAL_MARKS
                .PROFILE
                .isNull()
                .or(RENEWAL_MARKS.PROFILE.eq(certificate.profile().value())))
        .and(RENEWAL_MARKS.RECORDED_FROM.isNull().or(RENEWAL_MARKS.RECORDED_FROM.le(recorded)))
        .and(RENEWAL_MARKS.RECORDED_UNTIL.isNull().or(RENEWAL_MARKS.RECORDED_UNTIL.gt(recorded)))
        .fetch(RenewalMarks::read);
  }

  /** Every mark in force, the oldest first. */
  public List<RenewalMark> all() {
    return database
        .sql()
        .selectFrom(RENEWAL_MARKS)
        .where(RENEWAL_MARKS.CLEARED_AT.isNull())
        .orderBy(RENEWAL_MARKS.MADE_AT, RENEWAL_MARKS.ID)
        .fetch(RenewalMarks::read);
  }

  /** Ends a mark: the windows are again what they were. False when there is none in force. */
  public boolean clear(UUID id, String by) {
    Instant now = now();
    return database.inTransaction(sql -> {
      int moved =
          sql.update(RENEWAL_MARKS)
              .set(RENEWAL_MARKS.CLEARED_AT, Timestamps.of(now))
              .where(RENEWAL_MARKS.ID.eq(id))
              .and(RENEWAL_MARKS.CLEARED_AT.isNull())
              .execute();
      if (moved == 1) {
        AuditTrail.operation(sql, now, "clear-renewal", by, "mark " + id);
      }
      return moved == 1;
    });
  }

  private static RenewalMark read(RenewalMarksRecord row) {
    return new RenewalMark(
        row.getId(),
        new RenewalMark.Scope(
            Optional.ofNullable(row.getIssuer()).map(IssuerId::new),
            Optional.ofNullable(row.getProfile()).map(ProfileId::new),
            Timestamps.instant(row.getRecordedFrom()),
            Timestamps.instant(row.getRecordedUntil())),
        row.getMadeAt().toInstant(),
        row.getStartsAt().toInstant(),
        row.getEndsAt().toInstant(),
        row.getCertificates(),
        row.getPerHour(),
        row.getReason(),
        Optional.ofNullable(row.getExplanationUrl()).map(URI::create),
        row.getRequestedBy());
  }
}
