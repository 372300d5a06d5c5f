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
  private record Placed(KeyedIssuer issuer, Optional<X509CertificateHolder> root) {}

  private final Map<IssuerId, Placed> placed = new TreeMap<>();

  /**
   * The issuers.
   *
   * @param roots every root that a chain may lead to
   */
  ServedIssuers(List<KeyedIssuer> issuers, TrustBundle roots) {
    for (KeyedIssuer issuer : issuers) {
      X509CertificateHolder top = TrustView.decoded(issuer.loaded().chains().getFirst().getLast());
      placed.put(
          issuer.loaded().id(),
          new Placed(
              issuer,
              roots.roots().stream()
                  .filter(root -> CertificationPath.isSigned(top, root))
                  .findFirst()));
    }
  }

  Set<IssuerId> names() {
    return Set.copyOf(placed.keySet());
  }

  /** The root above an issuer; empty when the issuer is not here, or its chain leads elsewhere. */
  Optional<X509CertificateHolder> root(IssuerId issuer) {
    Placed found = placed.get(issuer);
    return found == null ? Optional.empty() : found.root();
  }

  /** The issuers below a root. */
  List<IssuerId> below(X509CertificateHolder root) {
    return placed.keySet().stream()
        .filter(name -> root(name).filter(root::equals).isPresent())
        .toList();
  }

  /** An issuer's first chain as its file has it. */
  List<Der> chain(IssuerId issuer) {
    Placed found = placed.get(issuer);
    if (found == null) {
      throw new IllegalArgumentException("there is no issuer " + issuer + " here");
    }
    return found.issuer().loaded().chains().getFirst();
  }

  /** Has an issuer's key sign something that is of no use, to see that it does. */
  void probe(IssuerId issuer) throws TokenAway {
    Placed found = placed.get(issuer);
    if (found == null) {
      throw new TokenAway("there is no issuer " + issuer + " here");
    }
    found.issuer().key().probe();
  }
}
