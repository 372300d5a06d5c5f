package dev.chancery.ocsp;

import dev.chancery.core.Der;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Statuses that were looked up, and the signed answers that give them, as many as fit into a part
 * of the memory; the one unused for longest goes first. There is one for each question, and it goes
 * when the status changes.
 *
 * <p>A question is the CertID as it came: an answer repeats it, and some clients know their answer
 * only by an equal one, with the parameters of the hash (absent or NULL) as they were.
 */
final class AnswerCache {
  /** What an answer takes beside its own octets and those of the question: objects, references. */
  static final int OVERHEAD = 400;

  /**
   * A status, and the answer that gives it once one was signed for all.
   *
   * @param since when the status was looked up
   */
  record Kept(StatusSource.Said said, Instant since, Optional<OcspReply.Shared> answer) {}

  private static final class Entry {
    private final Kept kept;
    private int asked;

    private Entry(Kept kept) {
      this.kept = kept;
    }
  }

  private final long most;
  private final Map<Der, Entry> answers = new LinkedHashMap<>(16, 0.75f, true);
  private long size;
  private long changes;

  /**
   * @param most how many octets of memory this may take, about
   */
  AnswerCache(long most) {
    this.most = most;
  }

  /** For who wants the answer: counts for {@link #askedOften}. */
  synchronized Optional<Kept> find(Der question) {
    Entry entry = answers.get(question);
    if (entry == null) {
      return Optional.empty();
    }
    entry.asked++;
    return Optional.of(entry.kept);
  }

  /** For who wants nothing but the status. */
  synchronized Optional<Kept> look(Der question) {
    return Optional.ofNullable(answers.get(question)).map(entry -> entry.kept);
  }

  /** To be asked for before a status is read; {@link #keep} takes it as the proof of that. */
  synchronized long mark() {
    return changes;
  }

  /**
   * Keeps this in place of what there was, unless something was forgotten since the mark: the
   * status may have been read before a change that is taken as known by now.
   */
  synchronized void keep(Der question, Kept kept, long mark) {
    if (mark != changes) {
      return;
    }
    Entry before = answers.put(question, new Entry(kept));
    size += octets(question, kept);
    if (before != null) {
      size -= octets(question, before.kept);
    }
    Iterator<Map.Entry<Der, Entry>> eldest = answers.entrySet().iterator();
    while (size > most) {
      Map.Entry<Der, Entry> gone = eldest.next();
      size -= octets(gone.getKey(), gone.getValue().kept);
      eldest.remove();
    }
  }

  /** Gives no answer to any of these questions again. */
  synchronized void forget(Collection<Der> questions) {
    changes++;
    for (Der question : questions) {
      Entry gone = answers.remove(question);
      if (gone != null) {
        size -= octets(question, gone.kept);
      }
    }
  }

  synchronized void forgetAll() {
    changes++;
    answers.clear();
    size = 0;
  }

  /** Questions that were asked so many times since their answer was kept, and others see fit. */
  synchronized List<Der> askedOften(int least, int most, Predicate<Kept> others) {
    List<Der> found = new ArrayList<>();
    for (Map.Entry<Der, Entry> each : answers.entrySet()) {
      if (each.getValue().asked >= least && others.test(each.getValue().kept)) {
        found.add(each.getKey());
        if (found.size() == most) {
          break;
        }
      }
    }
    return found;
  }

  private static long octets(Der question, Kept kept) {
    return (long) OVERHEAD
        + question.length()
        + kept.answer().map(answer -> answer.encoded().length()).orElse(0);
  }
}
