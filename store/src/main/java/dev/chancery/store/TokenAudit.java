package dev.chancery.store;

import java.time.Clock;

/** Writes into the audit trail what happened to tokens. */
public final class TokenAudit {
  private final Database database;
  private final Clock clock;

  public TokenAudit(Database database, Clock clock) {
    this.database = database;
    this.clock = clock;
  }

  /** Adds an event that this server met by itself. */
  public void record(String action, String detail) {
    AuditTrail.token(database.sql(), clock.instant(), action, detail);
  }
}
