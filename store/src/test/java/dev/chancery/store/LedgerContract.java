package dev.chancery.store;

import static dev.chancery.store.schema.Tables.AUDIT_EVENTS;

import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.PreparedCertificate;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.testing.AdjustableClock;
import dev.chancery.testing.DatabaseKind;
import dev.chancery.testing.TestDatabase;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;

/** An empty database with one issuer, and the ledgers on it. */
abstract class LedgerContract {
  static final Instant NOW = Instant.parse("2026-11-22T10:00:00Z");

  @Parameter DatabaseKind kind;
  @TempDir Path folder;

  final AdjustableClock clock = new AdjustableClock(NOW);
  TestDatabase where;
  Database database;
  IssuanceLedger issuance;
  RevocationLedger revocations;
  JooqCrlLedger crls;

  @BeforeEach
  void open() throws Exception {
    where = kind.create(folder);
    reopen();
    new IssuerRegistry(database).register(Certificates.ISSUER, Certificates.issuerKey());
  }

  /** The same database and new ledgers, as after a restart. */
  void reopen() throws Exception {
    database = Database.open(DatabaseSettings.of(where.url(), where.user(), where::password));
    issuance = new JooqIssuanceLedger(database, clock);
    revocations = new JooqRevocationLedger(database, clock);
    crls = new JooqCrlLedger(database, clock);
  }

  @AfterEach
  void close() {
    database.close();
  }

  PreparedCertificate recorded() {
    return issuance.record(Certificates.prepared(clock.instant())).prepared();
  }

  IssuedCertificate issued() {
    return complete(issuance.record(Certificates.prepared(clock.instant()))).orElseThrow();
  }

  Optional<IssuedCertificate> complete(IssuanceLedger.Recorded recorded) {
    return issuance.complete(recorded, Certificates.sign(recorded.prepared().toBeSigned()));
  }

  Revocation revocation(SerialNumber serial) {
    return revocation(serial, "admin alice");
  }

  Revocation revocation(SerialNumber serial, String by) {
    return new Revocation(
        Certificates.ISSUER,
        serial,
        RevocationReason.KEY_COMPROMISE,
        clock.instant(),
        Optional.of(NOW.minusSeconds(3600)),
        by);
  }

  int auditEvents(String action) {
    return database.sql().fetchCount(AUDIT_EVENTS, AUDIT_EVENTS.ACTION.eq(action));
  }
}
