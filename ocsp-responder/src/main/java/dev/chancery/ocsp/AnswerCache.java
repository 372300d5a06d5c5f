package dev.chancery.ocsp;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.Der;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Signed answers for giving again, as many as fit into a part of the memory; the one unused for
 * longest goes first. There is one for each question, and it is found only by the status that it
 * gives, so that no answer outlives that.
 *
 * <p>A question is the CertID as it came: an answer repeats it, and some clients know their answer
 * only by an equal one, with the parameters of the hash (absent or NULL) as they were.
 */
final class AnswerCache {
  /** What an answer takes beside its own octets and those of the question: objects, references. */
  static final int OVERHEAD = 320;

  private record Kept(CertificateStatus status, OcspReply.Shared answer) {}

  private final long most;
  private final Map<Der, Kept> answers = new LinkedHashMap<>(16, 0.75f, true);
  private long size;

  /**
   * @param most how many octets of memory this may take, about
   */
  AnswerCache(long most) {
    this.most = most;
  }

  synchronized Optional<OcspReply.Shared> find(Der question, CertificateStatus status) {
    return Optional.ofNullable(answers.get(question))
        .filter(kept -> kept.status().equals(status))
        .map(Kept::answer);
  }

  synchronized void keep(Der question, CertificateStatus status, OcspReply.Shared answer) {
    Kept before = answers.put(question, new Kept(status, answer));
    size += octets(question, answer);
    if (before != null) {
      size -= octets(question, before.answer());
    }
    Iterator<Map.Entry<Der, Kept>> eldest = answers.entrySet().iterator();
    while (size > most) {
      Map.Entry<Der, Kept> gone = eldest.next();
      size -= octets(gone.getKey(), gone.getValue().answer());
      eldest.remove();
    }
  }

  private static long octets(Der question, OcspReply.Shared answer) {
    return (long) OVERHEAD + question.length() + answer.encoded().length();
  }
}
