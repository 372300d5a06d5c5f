package dev.chancery.server;

import dev.chancery.core.BulkRevocation;
import dev.chancery.core.RevocationReason;
import dev.chancery.server.engine.Revoking;
import dev.chancery.store.BulkRevocations;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Carries out revocations of many certificates: at once on the node that was asked, and by the
 * schedule on any node when that one is gone.
 */
final class BulkRevoking implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(BulkRevoking.class);

  private final BulkRevocations ledger;
  private final Revoking revoking;
  private final ExecutorService worker =
      Executors.newSingleThreadExecutor(Thread.ofVirtual().name("bulk-revocation").factory());

  BulkRevoking(BulkRevocations ledger, Revoking revoking) {
    this.ledger = ledger;
    this.revoking = revoking;
  }

  long count(BulkRevocation.Filter filter, RevocationReason reason) {
    return ledger.count(filter, reason);
  }

  Optional<BulkRevocation> find(UUID id) {
    return ledger.find(id);
  }

  List<BulkRevocation> newest(int most) {
    return ledger.newest(most);
  }

  /** As {@link BulkRevocations#begin}; what was begun is carried out from now on. */
  Optional<BulkRevocation> begin(UUID id, BulkRevocation.Order order, long expected) {
    Optional<BulkRevocation> begun = ledger.begin(id, order, expected);
    if (begun.isPresent()) {
      LOG.info("revoking {} certificates for {}: {}", expected, order.by(), id);
      try {
        worker.execute(this::runQuietly);
      } catch (RejectedExecutionException e) {
        LOG.info("{} is left to the next start: this server ends", id);
      }
    }
    return begun;
  }

  private void runQuietly() {
    try {
      run();
    } catch (RuntimeException e) {
      LOG.warn("bulk revocation stopped and will go on: {}", e.toString());
    }
  }

  /** Goes on with all that is not done; one that cannot go on keeps no other from it. */
  void run() {
    for (UUID id : ledger.unfinished()) {
      try {
        carryOut(id);
      } catch (RuntimeException e) {
        LOG.warn("bulk revocation {} stopped and will go on: {}", id, e.toString());
      }
    }
  }

  private void carryOut(UUID id) {
    boolean more = true;
    while (more && !Thread.currentThread().isInterrupted() && !worker.isShutdown()) {
      BulkRevocations.Step step = ledger.step(id);
      step.scopes().forEach(revoking::announce);
      more = step.more();
    }
  }

  @Override
  public void close() {
    // Not interrupted at once: the transaction under way ends, and what is left is for later.
    worker.shutdown();
    try {
      if (!worker.awaitTermination(5, TimeUnit.SECONDS)) {
        worker.shutdownNow();
      }
    } catch (InterruptedException e) {
      worker.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
