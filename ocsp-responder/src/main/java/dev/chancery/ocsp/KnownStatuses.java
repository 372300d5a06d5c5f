package dev.chancery.ocsp;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.IssuerId;
import dev.chancery.core.SerialNumber;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Statuses that were looked up, for requests that each cost a signature; as many as fit into a part
 * of the memory, the one unused for longest goes first. Answers are not here: such requests cannot
 * take the place of any ({@link AnswerCache}).
 */
final class KnownStatuses {
  /** What a status takes in memory, about, with the objects around it. */
  static final int OCTETS = 256;

  /**
   * @param since when it was looked up
   */
  record Known(CertificateStatus status, Instant since) {}

  private record Certificate(IssuerId issuer, SerialNumber serial) {}

  private final Map<Certificate, Known> statuses;
  private long changes;

  /**
   * @param most how many octets of memory this may take, about
   */
  KnownStatuses(long most) {
    this.statuses =
        new LinkedHashMap<>(16, 0.75f, true) {
          @Override
          protected boolean removeEldestEntry(Map.Entry<Certificate, Known> eldest) {
            return size() > most / OCTETS;
          }
        };
  }

  synchronized Optional<Known> find(IssuerId issuer, SerialNumber serial) {
    return Optional.ofNullable(statuses.get(new Certificate(issuer, serial)));
  }

  /** To be asked for before a status is read; {@link #keep} takes it as the proof of that. */
  synchronized long mark() {
    return changes;
  }

  /**
   * Keeps a status, unless something was forgotten since the mark: it may have been read before a
   * change that is taken as known by now.
   */
  synchronized void keep(IssuerId issuer, SerialNumber serial, Known known, long mark) {
    if (mark == changes) {
      statuses.put(new Certificate(issuer, serial), known);
    }
  }

  synchronized void forget(IssuerId issuer, SerialNumber serial) {
    changes++;
    statuses.remove(new Certificate(issuer, serial));
  }

  synchronized void forgetAll() {
    changes++;
    statuses.clear();
  }
}
