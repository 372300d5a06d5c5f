package dev.chancery.store;

import java.time.Instant;
import org.jooq.DSLContext;

/** Writes into the audit trail what became of keys for external account binding. */
public final class BindingAudit {
  private BindingAudit() {}

  /** Adds an event in the transaction that it tells of. */
  public static void record(
      DSLContext transaction, Instant at, String action, String requester, String detail) {
    AuditTrail.operation(transaction, at, action, requester, detail);
  }
}
