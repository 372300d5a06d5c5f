package dev.chancery.store;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import org.h2.mvstore.tx.Transaction;
import org.h2.mvstore.tx.TransactionStore;

/**
 * Ends the commits in which the last process to use an H2 file died.
 *
 * <p>A commit marks the transaction's undo log, then every row that it changed, then empties the
 * log. After a death in between, H2 means to mark the rest when it opens the file, but since 2.5
 * its {@code Transaction.commit} does nothing for a transaction that is committed already: it stays
 * open for ever, the rows not marked yet are seen as they were before it and the others as after
 * it, and an update of one of the former never returns.
 *
 * <p>What the opening would have called is not visible outside of H2's package, so it is called by
 * method handles (docs/decisions/2026-11-25-embedded-database-one-writer.md).
 */
final class CommittedLeftovers {
  private static final MethodHandle COMMIT = method("commit");
  private static final MethodHandle END = method("endTransaction");

  private CommittedLeftovers() {}

  private static MethodHandle method(String name) {
    try {
      return MethodHandles.privateLookupIn(TransactionStore.class, MethodHandles.lookup())
          .findVirtual(
              TransactionStore.class,
              name,
              MethodType.methodType(void.class, Transaction.class, boolean.class));
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /**
   * Ends them.
   *
   * @param store of a database that nothing else has begun to use: a commit that is under way would
   *     be taken for one that was left over
   */
  static void end(TransactionStore store) {
    for (Transaction transaction : store.getOpenTransactions()) {
      if (transaction.getStatus() == Transaction.STATUS_COMMITTED) {
        call(COMMIT, store, transaction, "commit");
        call(END, store, transaction, "end");
      }
    }
  }

  private static void call(
      MethodHandle method, TransactionStore store, Transaction transaction, String what) {
    try {
      // For commit: that the undo log is marked already. For the end: that there are changes.
      method.invokeExact(store, transaction, true);
    } catch (Throwable e) {
      throw new IllegalStateException("cannot " + what + " what was left of " + transaction, e);
    }
  }
}
