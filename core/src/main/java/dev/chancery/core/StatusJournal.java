package dev.chancery.core;

import java.time.Instant;
import java.util.List;

/**
 * In which order the statuses of certificates changed, the same for every node. What is committed
 * with a number is committed after all that has a lower one, so a node that has read up to a number
 * has missed nothing before it.
 */
public interface StatusJournal {
  /**
   * A certificate that was revoked, held or released.
   *
   * @param recordedAt by the clock of the node that did it, shortly before its commit
   */
  record Change(long version, IssuerId issuer, SerialNumber serial, Instant recordedAt) {}

  /**
   * What changed after some number.
   *
   * @param version the number up to which this goes
   * @param complete whether {@code changes} are all; otherwise anything may have changed, because
   *     it was too much to tell, is forgotten, or the ledger is an older one than it was
   */
  record Changes(long version, boolean complete, List<Change> changes) {
    public Changes {
      changes = List.copyOf(changes);
    }
  }

  /** The number of the newest change; 0 before the first. */
  long version();

  /** The changes with higher numbers than this one, in their order. */
  Changes since(long version);
}
