package dev.chancery.ocsp;

import dev.chancery.core.CertificateStatus;
import dev.chancery.core.Der;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Signed answers for giving again, at most a fixed number of them; the one unused for longest goes
 * first. The status is part of the key, so that no answer outlives the status that it gives.
 */
final class AnswerCache {
  /**
   * What an answer says.
   *
   * @param certificateId the CertID, which names issuer and serial number
   */
  record Key(Der certificateId, CertificateStatus status) {}

  private final Map<Key, OcspReply.Shared> answers;

  AnswerCache(int most) {
    this.answers =
        new LinkedHashMap<>(16, 0.75f, true) {
          private static final long serialVersionUID = 1L;

          @Override
          protected boolean removeEldestEntry(Map.Entry<Key, OcspReply.Shared> eldest) {
            return size() > most;
          }
        };
  }

  synchronized Optional<OcspReply.Shared> find(Key key) {
    return Optional.ofNullable(answers.get(key));
  }

  synchronized void keep(Key key, OcspReply.Shared answer) {
    answers.put(key, answer);
  }
}
