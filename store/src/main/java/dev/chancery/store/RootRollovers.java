package dev.chancery.store;

import static dev.chancery.store.schema.Tables.ROOT_ROLLOVERS;

import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.store.schema.tables.records.RootRolloversRecord;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.BiPredicate;
import org.jooq.Condition;
import org.jooq.DSLContext;
import org.jooq.UpdateSetMoreStep;

/**
 * The changes from one root to another, and how far each has come (docs/root-rotation.md). Here a
 * step only follows the one before; whether it is time for it is decided by the caller.
 */
public final class RootRollovers {
  private final Database database;
  private final Clock clock;

  public RootRollovers(Database database, Clock clock) {
    this.database = database;
    this.clock = clock;
  }

  /** How far a rollover has come, in the order of the steps. */
  public enum State {
    /** The new root is known; clients are not given it yet. */
    PREPARED,
    /** Clients are given both roots. */
    PUBLISHED,
    /** Each root is certified by the other, and chains lead to both. */
    CROSS_SIGNED,
    /** Certificates are issued below the new root. */
    SWITCHED,
    /** Clients are given the new root alone. */
    RETIRED;

    /** As the column and the admin API have it. */
    public String text() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private static State parse(String text) {
      return valueOf(text.toUpperCase(Locale.ROOT).replace('-', '_'));
    }
  }

  /** A root: the name that the ledgers have for it, and its certificate. */
  public record Root(IssuerId name, Der certificate) {}

  /** A certificate over each root's key, signed by the other. */
  public record CrossCertificates(Der oldByNew, Der newByOld) {}

  /**
   * A rollover.
   *
   * @param crossCertificates there from the state cross-signed on
   * @param publishedAt since when clients are given both roots
   * @param crossSignedAt since when chains lead over these cross-certificates
   */
  public record Rollover(
      UUID id,
      Root oldRoot,
      Root newRoot,
      Optional<CrossCertificates> crossCertificates,
      State state,
      Instant preparedAt,
      Optional<Instant> publishedAt,
      Optional<Instant> crossSignedAt,
      Optional<Instant> switchedAt,
      Optional<Instant> retiredAt) {}

  /** Every rollover, the oldest first; only the last one can be in progress. */
  public List<Rollover> all() {
    return database
        .sql()
        .selectFrom(ROOT_ROLLOVERS)
        .orderBy(ROOT_ROLLOVERS.PREPARED_AT, ROOT_ROLLOVERS.ID)
        .fetch(RootRollovers::read);
  }

  /** Begins one. False when one is in progress; then nothing was changed. */
  public boolean prepare(UUID id, Root oldRoot, Root newRoot, String by) {
    return inTurn((sql, now) -> {
      if (sql.fetchExists(ROOT_ROLLOVERS, ROOT_ROLLOVERS.IN_PROGRESS.isNotNull())) {
        return false;
      }
      sql.insertInto(ROOT_ROLLOVERS)
          .set(ROOT_ROLLOVERS.ID, id)
          .set(ROOT_ROLLOVERS.OLD_ROOT, oldRoot.name().value())
          .set(ROOT_ROLLOVERS.NEW_ROOT, newRoot.name().value())
          .set(ROOT_ROLLOVERS.OLD_CERTIFICATE, oldRoot.certificate().bytes())
          .set(ROOT_ROLLOVERS.NEW_CERTIFICATE, newRoot.certificate().bytes())
          .set(ROOT_ROLLOVERS.STATE, State.PREPARED.text())
          .set(ROOT_ROLLOVERS.PREPARED_AT, Timestamps.of(now))
          .set(ROOT_ROLLOVERS.IN_PROGRESS, (short) 1)
          .execute();
      AuditTrail.issuer(
          sql, now, "prepare-root", newRoot.name(), by, "in the place of " + oldRoot.name());
      return true;
    });
  }

  /** Has clients be given both roots. False when the rollover is not in the state prepared. */
  public boolean publish(Rollover rollover, String by) {
    return inTurn((sql, now) -> {
      boolean moved =
          moving(sql, State.PUBLISHED)
                  .set(ROOT_ROLLOVERS.PUBLISHED_AT, Timestamps.of(now))
                  .where(isAt(rollover, State.PREPARED))
                  .execute()
              == 1;
      return moved && audited(sql, now, "publish-root", rollover, by);
    });
  }

  /**
   * Takes the cross-certificates, the first ones or others in their place: until the old root is
   * retired they can be made anew, since they may end before that.
   *
   * @param rollover published, cross-signed or switched
   * @return false when it is in another state than the caller knows; then nothing was changed
   */
  public boolean crossSign(Rollover rollover, CrossCertificates certificates, String by) {
    State to = rollover.state() == State.PUBLISHED ? State.CROSS_SIGNED : rollover.state();
    if (to.compareTo(State.CROSS_SIGNED) < 0 || to.compareTo(State.SWITCHED) > 0) {
      return false;
    }
    return inTurn((sql, now) -> {
      boolean moved =
          moving(sql, to)
                  .set(ROOT_ROLLOVERS.OLD_BY_NEW, certificates.oldByNew().bytes())
                  .set(ROOT_ROLLOVERS.NEW_BY_OLD, certificates.newByOld().bytes())
                  .set(ROOT_ROLLOVERS.CROSS_SIGNED_AT, Timestamps.of(now))
                  .where(isAt(rollover, rollover.state()))
                  .execute()
              == 1;
      return moved && audited(sql, now, "cross-sign-root", rollover, by);
    });
  }

  /**
   * Replaces issuers by others, all in one transaction.
   *
   * @param successors the issuers that are replaced, each with the one that signs in its place
   * @return false when the rollover is not in the state cross-signed, or one of the issuers was
   *     replaced or retired meanwhile; then nothing was changed
   */
  public boolean switchOver(Rollover rollover, Map<IssuerId, IssuerId> successors, String by) {
    try {
      return inTurn((sql, now) -> {
        boolean moved =
            moving(sql, State.SWITCHED)
                    .set(ROOT_ROLLOVERS.SWITCHED_AT, Timestamps.of(now))
                    .where(isAt(rollover, State.CROSS_SIGNED))
                    .execute()
                == 1;
        if (!moved) {
          return false;
        }
        successors.forEach((instead, successor) -> {
          if (!(IssuerSuccessions.activate(sql, now, successor, instead, by)
              instanceof IssuerSuccessions.Done)) {
            throw new OvertakenException();
          }
        });
        return audited(sql, now, "switch-root", rollover, by);
      });
    } catch (OvertakenException e) {
      return false;
    }
  }

  /** Has clients be given the new root alone. False when the rollover is not switched. */
  public boolean retire(Rollover rollover, String by) {
    return inTurn((sql, now) -> {
      boolean moved =
          moving(sql, State.RETIRED)
                  .set(ROOT_ROLLOVERS.RETIRED_AT, Timestamps.of(now))
                  .setNull(ROOT_ROLLOVERS.IN_PROGRESS)
                  .where(isAt(rollover, State.SWITCHED))
                  .execute()
              == 1;
      return moved && audited(sql, now, "retire-root", rollover, by);
    });
  }

  /**
   * Gives a rollover up, as if it had never been begun. False when it is in another state than the
   * caller knows, or certificates are issued below the new root already.
   */
  public boolean abandon(Rollover rollover, String by) {
    if (rollover.state().compareTo(State.SWITCHED) >= 0) {
      return false;
    }
    return inTurn((sql, now) -> {
      boolean gone =
          sql.deleteFrom(ROOT_ROLLOVERS).where(isAt(rollover, rollover.state())).execute() == 1;
      return gone && audited(sql, now, "abandon-root", rollover, by);
    });
  }

  /** Something that a transaction relied on was changed by one before it. */
  private static final class OvertakenException extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  private boolean inTurn(BiPredicate<DSLContext, Instant> work) {
    Instant now = clock.instant();
    return database.inTransaction(sql -> {
      IssuerRegistry.takeTurn(sql);
      return work.test(sql, now);
    });
  }

  private static UpdateSetMoreStep<RootRolloversRecord> moving(DSLContext sql, State to) {
    return sql.update(ROOT_ROLLOVERS).set(ROOT_ROLLOVERS.STATE, to.text());
  }

  private static Condition isAt(Rollover rollover, State from) {
    return ROOT_ROLLOVERS.ID.eq(rollover.id()).and(ROOT_ROLLOVERS.STATE.eq(from.text()));
  }

  private static boolean audited(
      DSLContext sql, Instant now, String action, Rollover rollover, String by) {
    AuditTrail.issuer(
        sql,
        now,
        action,
        rollover.newRoot().name(),
        by,
        "in the place of " + rollover.oldRoot().name());
    return true;
  }

  private static Rollover read(RootRolloversRecord row) {
    return new Rollover(
        row.getId(),
        new Root(new IssuerId(row.getOldRoot()), Der.of(row.getOldCertificate())),
        new Root(new IssuerId(row.getNewRoot()), Der.of(row.getNewCertificate())),
        row.getOldByNew() == null || row.getNewByOld() == null
            ? Optional.empty()
            : Optional.of(
                new CrossCertificates(Der.of(row.getOldByNew()), Der.of(row.getNewByOld()))),
        State.parse(row.getState()),
        row.getPreparedAt().toInstant(),
        Timestamps.instant(row.getPublishedAt()),
        Timestamps.instant(row.getCrossSignedAt()),
        Timestamps.instant(row.getSwitchedAt()),
        Timestamps.instant(row.getRetiredAt()));
  }
}
