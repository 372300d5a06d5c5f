package dev.chancery.e2e;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/** What clients were told, whatever became of the server after. */
final class Witness {
  /** When a certificate was asked for and when the answer came, as System.nanoTime has it. */
  record Answer(long asked, long came) {
    Duration took() {
      return Duration.ofNanos(came - asked);
    }
  }

  private final Queue<Answer> issued = new ConcurrentLinkedQueue<>();
  private final Queue<Answer> putOff = new ConcurrentLinkedQueue<>();
  private final Set<String> orders = ConcurrentHashMap.newKeySet();
  private final Map<String, X509Certificate> certificates = new ConcurrentHashMap<>();
  private final AtomicInteger losses = new AtomicInteger();
  private final Queue<String> surprises = new ConcurrentLinkedQueue<>();

  void ordered(String url) {
    orders.add(url);
  }

  /** A certificate that came down; an order must not have two. */
  void received(String order, String chain) throws CertificateException {
    X509Certificate leaf =
        (X509Certificate)
            CertificateFactory.getInstance("X.509")
                .generateCertificate(
                    new ByteArrayInputStream(chain.getBytes(StandardCharsets.US_ASCII)));
    X509Certificate before = certificates.putIfAbsent(order, leaf);
    if (before != null && !before.equals(leaf)) {
      surprised("two certificates for " + order);
    }
  }

  /** A certificate was made. */
  void issued(Answer answer) {
    issued.add(answer);
  }

  /** A certificate was asked for, and the answer was to come back later. */
  void putOff(Answer answer) {
    putOff.add(answer);
  }

  /** When the first certificate came of those that were asked for after an instant. */
  Optional<Long> firstIssued(long after) {
    return issued.stream()
        .filter(answer -> answer.asked() - after > 0)
        .map(Answer::came)
        .min(Comparator.comparingLong(came -> came - after));
  }

  /** How long those waited who asked after an instant and were told to come back later. */
  List<Duration> putOffSince(long after) {
    return putOff.stream().filter(answer -> answer.asked() - after > 0).map(Answer::took).toList();
  }

  /** An answer did not come. */
  void lost() {
    losses.incrementAndGet();
  }

  int losses() {
    return losses.get();
  }

  /** Something that no crash excuses. */
  void surprised(String what) {
    surprises.add(what);
  }

  List<String> orders() {
    return List.copyOf(orders);
  }

  Collection<X509Certificate> certificates() {
    return certificates.values();
  }

  boolean hasCertificate(String order) {
    return certificates.containsKey(order);
  }

  List<String> surprises() {
    return List.copyOf(surprises);
  }
}
