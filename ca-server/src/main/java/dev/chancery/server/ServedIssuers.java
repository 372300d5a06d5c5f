package dev.chancery.server;

import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.TokenAway;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.bouncycastle.cert.X509CertificateHolder;

/** The issuers that have their keys here, each with the root that its first chain leads to. */
final class ServedIssuers {
  private final Map<IssuerId, KeyedIssuer> placed = new TreeMap<>();

  ServedIssuers(List<KeyedIssuer> issuers) {
    issuers.forEach(issuer -> placed.put(issuer.loaded().id(), issuer));
  }

  Set<IssuerId> names() {
    return Set.copyOf(placed.keySet());
  }

  /** The root above an issuer; empty when the issuer is not here, or its chain leads elsewhere. */
  Optional<X509CertificateHolder> root(IssuerId issuer) {
    KeyedIssuer found = placed.get(issuer);
    return found == null ? Optional.empty() : found.loaded().root();
  }

  /** The issuers below a root. */
  List<IssuerId> below(X509CertificateHolder root) {
    return placed.keySet().stream()
        .filter(name -> root(name).filter(root::equals).isPresent())
        .toList();
  }

  /** An issuer's first chain as its file has it. */
  List<Der> chain(IssuerId issuer) {
    KeyedIssuer found = placed.get(issuer);
    if (found == null) {
      throw new IllegalArgumentException("there is no issuer " + issuer + " here");
    }
    return found.loaded().chains().getFirst();
  }

  /** Has an issuer's key sign something that is of no use, to see that it does. */
  void probe(IssuerId issuer) throws TokenAway {
    KeyedIssuer found = placed.get(issuer);
    if (found == null) {
      throw new TokenAway("there is no issuer " + issuer + " here");
    }
    found.key().probe();
  }
}
