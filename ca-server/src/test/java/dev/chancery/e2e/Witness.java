package dev.chancery.e2e;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;

/** What clients were told, whatever became of the server after. */
final class Witness {
  private final Set<String> orders = ConcurrentHashMap.newKeySet();
  private final Map<String, X509Certificate> certificates = new ConcurrentHashMap<>();
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
