package dev.chancery.store;

import java.time.Instant;
import org.jooq.DSLContext;

/** Writes into the audit trail what became of roles and of what logs in under them. */
public final class RoleAudit {
  private RoleAudit() {}

  /** Adds an event in the transaction that it tells of. */
  public static void record(
      DSLContext transaction, Instant at, String action, String requester, String detail) {
    AuditTrail.operation(transaction, at, action, requester, detail);
  }
}
