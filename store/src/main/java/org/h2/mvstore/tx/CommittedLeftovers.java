package org.h2.mvstore.tx;

import org.h2.engine.SessionLocal;

/**
 * Ends the commits in which the last process to use an H2 file died.
 *
 * <p>A commit marks the transaction's undo log, then every row that it changed, then empties the
 * log. After a death in between, H2 means to mark the rest when it opens the file, but since 2.5
 * its {@code Transaction.commit} does nothing for a transaction that is committed already: it stays
 * open for ever, the rows not marked yet are seen as they were before it and the others as after
 * it, and an update of one of the former never returns.
 *
 * <p>In H2's package because what the opening would have called is not visible outside of it
 * (docs/decisions/2026-11-25-embedded-database-one-writer.md).
 */
public final class CommittedLeftovers {
  private CommittedLeftovers() {}

  /**
   * Ends them.
   *
   * @param session of a database that nothing else has begun to use: a commit that is under way
   *     would be taken for one that was left over
   */
  public static void end(SessionLocal session) {
    TransactionStore store = session.getDatabase().getStore().getTransactionStore();
    for (Transaction transaction : store.getOpenTransactions()) {
      if (transaction.getStatus() == Transaction.STATUS_COMMITTED) {
        store.commit(transaction, true);
        store.endTransaction(transaction, true);
      }
    }
  }
}
