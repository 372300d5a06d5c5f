package dev.chancery.kubernetes;

import static dev.chancery.store.schema.Tables.VAULT_SIGNINGS;

import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.Refused;
import dev.chancery.core.RequestId;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.core.TokenAway;
import dev.chancery.store.Database;
import dev.chancery.store.DatabaseAway;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.jooq.exception.IntegrityConstraintViolationException;
import org.jooq.impl.DSL;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Issues once for a request that is sent again: a client that lost the answer, to a timeout or to a
 * node that died, has the same certificate, whichever node it asks.
 *
 * <p>A row ties the request to an issuance before that begins. Whoever finds the row waits for the
 * certificate; when that takes longer than an issuance can, its maker is taken for dead, what it
 * may have recorded is given up, and the row is taken over by a compare-and-set.
 */
final class Signings {
  private static final Logger LOG = LoggerFactory.getLogger(Signings.class);

  /** For how long a repetition has the same certificate. */
  static final Duration SAME = Duration.ofMinutes(1);

  private static final Duration KEPT = Duration.ofMinutes(5);
  private static final Duration PAUSE = Duration.ofMillis(200);

  private final Database database;
  private final CertificateAuthority authority;
  private final Duration longestIssuance;
  private final TimeOrderedIds ids;

  /**
   * @param longestIssuance whoever has not issued by then is taken for dead
   */
  Signings(
      Database database,
      CertificateAuthority authority,
      Duration longestIssuance,
      Clock clock,
      SecureRandom random) {
    this.database = database;
    this.authority = authority;
    this.longestIssuance = longestIssuance;
    this.ids = new TimeOrderedIds(clock, random);
  }

  /** Issues, and records under this id. */
  interface Issuance {
    IssuedCertificate under(RequestId request) throws Refused, TokenAway;
  }

  /**
   * The certificate for a request.
   *
   * @param digest the same for the same request of the same requester, and for no other
   * @param mine what was begun for this request by whoever asks, who begins nothing else meanwhile:
   *     empty at first, added to here
   * @param isOver whether the requester no longer waits
   * @throws TokenAway also when another node works on it for longer than the requester waits
   */
  IssuedCertificate once(
      byte[] digest, Set<RequestId> mine, BooleanSupplier isOver, Issuance issuance)
      throws Refused, TokenAway {
    while (true) {
      RequestId fresh = new RequestId(ids.next());
      mine.add(fresh);
      if (insert(digest, fresh)) {
        return issued(digest, fresh, issuance);
      }
      Optional<Earlier> found = find(digest);
      if (found.isEmpty()) {
        // Its maker has failed in between.
        continue;
      }
      RequestId earlier = found.get().request();
      Duration age = found.get().age();
      Optional<IssuedCertificate> known = authority.issued(earlier);
      if (known.isEmpty() && (mine.contains(earlier) || age.compareTo(longestIssuance) > 0)) {
        known = authority.settle(earlier);
        if (known.isEmpty() && replace(digest, earlier, fresh)) {
          return issued(digest, fresh, issuance);
        }
      }
      if (known.isPresent() && age.compareTo(SAME) <= 0) {
        return known.get();
      }
      if (known.isPresent()) {
        if (replace(digest, earlier, fresh)) {
          return issued(digest, fresh, issuance);
        }
        continue;
      }
      if (isOver.getAsBoolean()) {
        throw new TokenAway("the same request is worked on elsewhere, and takes long");
      }
      pause();
    }
  }

  /** What was asked for before by the same request; its age is by the database's clock alone. */
  private record Earlier(RequestId request, Duration age) {}

  private IssuedCertificate issued(byte[] digest, RequestId request, Issuance issuance)
      throws Refused, TokenAway {
    try {
      return issuance.under(request);
    } catch (DatabaseAway e) {
      // To ask it again would take as long again. Whoever tries anew knows the row for his own, and
      // others take it over in time.
      throw e;
    } catch (Refused | TokenAway | RuntimeException e) {
      release(digest, request, e);
      throw e;
    }
  }

  private boolean insert(byte[] digest, RequestId request) {
    try {
      return database
              .sql()
              .insertInto(
                  VAULT_SIGNINGS,
                  VAULT_SIGNINGS.DIGEST,
                  VAULT_SIGNINGS.REQUEST_ID,
                  VAULT_SIGNINGS.MADE_AT)
              .values(DSL.val(digest), DSL.val(request.value()), DSL.currentOffsetDateTime())
              .onConflictDoNothing()
              .execute()
          == 1;
    } catch (IntegrityConstraintViolationException e) {
      // For H2 jOOQ writes a merge, which loses a race by an exception instead of by zero rows.
      return false;
    }
  }

  private Optional<Earlier> find(byte[] digest) {
    return database
        .sql()
        .select(VAULT_SIGNINGS.REQUEST_ID, VAULT_SIGNINGS.MADE_AT, DSL.currentOffsetDateTime())
        .from(VAULT_SIGNINGS)
        .where(VAULT_SIGNINGS.DIGEST.eq(digest))
        .fetchOptional(row ->
            new Earlier(new RequestId(row.value1()), Duration.between(row.value2(), row.value3())));
  }

  private boolean replace(byte[] digest, RequestId earlier, RequestId fresh) {
    return database
            .sql()
            .update(VAULT_SIGNINGS)
            .set(VAULT_SIGNINGS.REQUEST_ID, fresh.value())
            .set(VAULT_SIGNINGS.MADE_AT, DSL.currentOffsetDateTime())
            .where(VAULT_SIGNINGS.DIGEST.eq(digest))
            .and(VAULT_SIGNINGS.REQUEST_ID.eq(earlier.value()))
            .execute()
        == 1;
  }

  /** So that a repetition need not wait; without it the row is taken over in time. */
  private void release(byte[] digest, RequestId request, Exception why) {
    try {
      database
          .sql()
          .deleteFrom(VAULT_SIGNINGS)
          .where(VAULT_SIGNINGS.DIGEST.eq(digest))
          .and(VAULT_SIGNINGS.REQUEST_ID.eq(request.value()))
          .execute();
    } catch (RuntimeException e) {
      LOG.warn("a request that failed could not be let go of: {}", e.toString());
      why.addSuppressed(e);
    }
  }

  private static void pause() throws TokenAway {
    try {
      Thread.sleep(PAUSE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TokenAway("interrupted while the same request was worked on elsewhere", e);
    }
  }

  /**
   * Forgets some requests that nobody repeats any more.
   *
   * @return how many
   */
  int prune(int limit) {
    return database.inTransaction(sql -> {
      OffsetDateTime now = sql.select(DSL.currentOffsetDateTime()).fetchSingle().value1();
      return sql.deleteFrom(VAULT_SIGNINGS)
          .where(
              VAULT_SIGNINGS.DIGEST.in(
                  sql.select(VAULT_SIGNINGS.DIGEST)
                      .from(VAULT_SIGNINGS)
                      .where(VAULT_SIGNINGS.MADE_AT.lt(now.minus(KEPT)))
                      .orderBy(VAULT_SIGNINGS.MADE_AT)
                      .limit(limit)))
          .execute();
    });
  }
}
