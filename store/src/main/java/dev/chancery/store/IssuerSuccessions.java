package dev.chancery.store;

import static dev.chancery.store.schema.Tables.CERTIFICATES;
import static dev.chancery.store.schema.Tables.ISSUER_SUCCESSIONS;
import static dev.chancery.store.schema.Tables.REVOCATIONS;

import dev.chancery.core.CertificateRecord.State;
import dev.chancery.core.IssuerId;
import dev.chancery.core.ProfileId;
import dev.chancery.core.RevocationReason;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.impl.DSL;

/**
 * Which issuer signs in the place of another, and which signs no more (docs/root-rotation.md). A
 * replaced issuer is not retired while a certificate of its own is alive. A retired one keeps its
 * OCSP answers and CRLs until the last certificate that it signed has ended, be it revoked: a
 * client that is told nothing takes a revoked certificate for a good one.
 */
public final class IssuerSuccessions {
  private final Database database;
  private final Clock clock;
  private final Duration underWay;
  private final Set<ProfileId> uncounted;

  /**
   * Successions in a database.
   *
   * @param clock one that all nodes have in common, for one of them ends what another has begun
   * @param underWay how long an issuance that has begun under the replaced issuer can take
   * @param uncounted profiles whose certificates keep no issuer alive: the server's own
   */
  public IssuerSuccessions(
      Database database, Clock clock, Duration underWay, Set<ProfileId> uncounted) {
    this.database = database;
    this.clock = clock;
    this.underWay = underWay;
    this.uncounted = Set.copyOf(uncounted);
  }

  /** That an issuer was replaced, and when it was retired. */
  public record Succession(
      IssuerId issuer, IssuerId successor, Instant replacedAt, Optional<Instant> retiredAt) {}

  /**
   * The certificates of an issuer that are valid, or will be when they are released from a hold.
   *
   * @param number how many
   * @param until when the last one ends; empty when there is none
   */
  public record Live(long number, Optional<Instant> until) {
    /** No certificate. */
    public static final Live NONE = new Live(0, Optional.empty());
  }

  /** Why a change was not made; nothing was changed. */
  public sealed interface Outcome {}

  /** It was done. */
  public record Done() implements Outcome {}

  /** The issuer was replaced already, by this one. */
  public record Replaced(IssuerId successor) implements Outcome {}

  /** The issuer signs for nobody any more. */
  public record Retired() implements Outcome {}

  /** Orders still go to the issuer. */
  public record InUse() implements Outcome {}

  /** What was begun under the issuer may still be under way until then. */
  public record UnderWay(Instant until) implements Outcome {}

  /** The issuer has certificates that are alive. */
  public record Alive(Live live) implements Outcome {}

  /** Every issuer that was replaced, by name. */
  public Map<IssuerId, Succession> all() {
    return all(database.sql());
  }

  private static Map<IssuerId, Succession> all(DSLContext sql) {
    Map<IssuerId, Succession> found = new TreeMap<>();
    sql.selectFrom(ISSUER_SUCCESSIONS)
        .fetch(row ->
            new Succession(
                new IssuerId(row.getIssuer()),
                new IssuerId(row.getSuccessor()),
                row.getReplacedAt().toInstant(),
                Timestamps.instant(row.getRetiredAt())))
        .forEach(succession -> found.put(succession.issuer(), succession));
    return found;
  }

  /**
   * Has an issuer sign in the place of another from now on. One that was itself replaced signs
   * again: that is how a change is taken back.
   */
  public Outcome activate(IssuerId successor, IssuerId instead, String by) {
    Instant now = clock.instant();
    return database.inTransaction(sql -> {
      IssuerRegistry.takeTurn(sql);
      return activate(sql, now, successor, instead, by);
    });
  }

  /** As the public one, in a transaction that has its turn and does more. */
  static Outcome activate(
      DSLContext transaction, Instant now, IssuerId successor, IssuerId instead, String by) {
    Map<IssuerId, Succession> known = all(transaction);
    Succession own = known.get(successor);
    if (own != null && own.retiredAt().isPresent()) {
      return new Retired();
    }
    Succession before = known.get(instead);
    if (before != null) {
      return new Replaced(before.successor());
    }
    // Whoever replaces is not replaced, so that no line of successors leads back to where it began.
    transaction
        .deleteFrom(ISSUER_SUCCESSIONS)
        .where(ISSUER_SUCCESSIONS.ISSUER.eq(successor.value()))
        .execute();
    transaction
        .insertInto(ISSUER_SUCCESSIONS)
        .set(ISSUER_SUCCESSIONS.ISSUER, instead.value())
        .set(ISSUER_SUCCESSIONS.SUCCESSOR, successor.value())
        .set(ISSUER_SUCCESSIONS.REPLACED_AT, Timestamps.of(now))
        .execute();
    AuditTrail.issuer(
        transaction, now, "activate-issuer", successor, by, "in the place of " + instead);
    return new Done();
  }

  /** Has a replaced issuer never sign for anybody again, when nothing of its own is alive. */
  public Outcome retire(IssuerId issuer, String by) {
    Instant now = clock.instant();
    return database.inTransaction(sql -> {
      IssuerRegistry.takeTurn(sql);
      Succession known = all(sql).get(issuer);
      if (known == null) {
        return new InUse();
      }
      if (known.retiredAt().isPresent()) {
        return new Retired();
      }
      Instant settled = known.replacedAt().plus(underWay);
      if (now.isBefore(settled)) {
        return new UnderWay(settled);
      }
      Live live = live(sql, now, Set.of(issuer), DSL.noCondition()).getOrDefault(issuer, Live.NONE);
      if (live.number() > 0) {
        return new Alive(live);
      }
      sql.update(ISSUER_SUCCESSIONS)
          .set(ISSUER_SUCCESSIONS.RETIRED_AT, Timestamps.of(now))
          .where(ISSUER_SUCCESSIONS.ISSUER.eq(issuer.value()))
          .and(ISSUER_SUCCESSIONS.RETIRED_AT.isNull())
          .execute();
      AuditTrail.issuer(sql, now, "retire-issuer", issuer, by, "for " + known.successor());
      return new Done();
    });
  }

  /** The live certificates of each of these issuers that has any. */
  public Map<IssuerId, Live> live(Collection<IssuerId> issuers) {
    return live(database.sql(), clock.instant(), issuers, DSL.noCondition());
  }

  /**
   * As {@link #live(Collection)}, of those that were recorded before a time, or end after another.
   */
  public Map<IssuerId, Live> liveOutside(
      Collection<IssuerId> issuers, Instant recordedFrom, Instant endingUntil) {
    return live(
        database.sql(),
        clock.instant(),
        issuers,
        CERTIFICATES
            .RECORDED_AT
            .lt(Timestamps.of(recordedFrom))
            .or(CERTIFICATES.NOT_AFTER.gt(Timestamps.of(endingUntil))));
  }

  /**
   * When the last certificate of each of these issuers ends or ended, whatever became of it: until
   * then somebody may ask for its status. Those that the server has for itself count when they are
   * revoked. No entry for an issuer that signed nothing.
   */
  public Map<IssuerId, Instant> answersUntil(Collection<IssuerId> issuers) {
    Map<IssuerId, Instant> ends = new TreeMap<>();
    database
        .sql()
        .select(CERTIFICATES.ISSUER, DSL.max(CERTIFICATES.NOT_AFTER))
        .from(CERTIFICATES)
        .where(CERTIFICATES.ISSUER.in(names(issuers)))
        .and(
            CERTIFICATES
                .STATE
                .eq(CertificateState.of(State.REVOKED))
                .or(CERTIFICATES.PROFILE.notIn(profiles())))
        .groupBy(CERTIFICATES.ISSUER)
        .fetch()
        .forEach(row -> ends.put(new IssuerId(row.value1()), row.value2().toInstant()));
    return ends;
  }

  private static List<String> names(Collection<IssuerId> issuers) {
    return issuers.stream().map(IssuerId::value).toList();
  }

  private List<String> profiles() {
    return uncounted.stream().map(ProfileId::value).toList();
  }

  /** Whether a certificate is on hold: revoked, and yet it may be released (RFC 5280 5.3.1). */
  private static Condition isHeld() {
    return CERTIFICATES
        .STATE
        .eq(CertificateState.of(State.REVOKED))
        .and(
            DSL.exists(
                DSL.selectOne()
                    .from(REVOCATIONS)
                    .where(REVOCATIONS.ISSUER.eq(CERTIFICATES.ISSUER))
                    .and(REVOCATIONS.SERIAL.eq(CERTIFICATES.SERIAL))
                    .and(REVOCATIONS.REASON.eq((short) RevocationReason.CERTIFICATE_HOLD.code()))));
  }

  private Map<IssuerId, Live> live(
      DSLContext sql, Instant now, Collection<IssuerId> issuers, Condition condition) {
    Map<IssuerId, Live> counted = new TreeMap<>();
    sql.select(CERTIFICATES.ISSUER, DSL.count(), DSL.max(CERTIFICATES.NOT_AFTER))
        .from(CERTIFICATES)
        .where(CERTIFICATES.ISSUER.in(names(issuers)))
        .and(CERTIFICATES.STATE.eq(CertificateState.of(State.ISSUED)).or(isHeld()))
        .and(CERTIFICATES.NOT_AFTER.gt(Timestamps.of(now)))
        .and(CERTIFICATES.PROFILE.notIn(profiles()))
        .and(condition)
        .groupBy(CERTIFICATES.ISSUER)
        .fetch()
        .forEach(row ->
            counted.put(
                new IssuerId(row.value1()),
                new Live(row.value2(), Timestamps.instant(row.value3()))));
    return counted;
  }
}
