package dev.chancery.server;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.IssuerId;
import dev.chancery.core.PublishedCrl;
import dev.chancery.store.IssuerSuccessions;
import dev.chancery.store.IssuerSuccessions.Succession;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How long retired issuers are asked about. An issuer retires when nothing of its own is valid, and
 * a revoked certificate looks valid to a client that gets no answer: OCSP and CRLs go on until the
 * last certificate has ended, and there is a CRL that was made after that (RFC 5280 section 3.3).
 */
final class RetiredIssuers {
  private static final Logger LOG = LoggerFactory.getLogger(RetiredIssuers.class);

  private final IssuerSuccessions successions;
  private final CrlLedger crls;

  RetiredIssuers(IssuerSuccessions successions, CrlLedger crls) {
    this.successions = successions;
    this.crls = crls;
  }

  /** The retired ones of which somebody may still ask, each with when its last certificate ends. */
  Map<IssuerId, Instant> answering() {
    List<IssuerId> retired =
        successions.all().values().stream()
            .filter(succession -> succession.retiredAt().isPresent())
            .map(Succession::issuer)
            .toList();
    Map<IssuerId, Instant> answering = new TreeMap<>();
    successions
        .answersUntil(retired)
        .forEach((issuer, end) -> {
          if (!isListedAfter(issuer, end)) {
            answering.put(issuer, end);
          }
        });
    return answering;
  }

  private boolean isListedAfter(IssuerId issuer, Instant end) {
    for (CrlScope scope : crls.scopes(issuer)) {
      Optional<PublishedCrl> current = crls.current(CrlName.complete(scope));
      if (current.isEmpty() || !current.get().thisUpdate().isAfter(end)) {
        return false;
      }
    }
    return true;
  }

  /** The issuers without the retired ones of which nobody can ask any more. */
  List<LoadedIssuer> withoutPast(List<LoadedIssuer> issuers, TrustView.Snapshot now) {
    Map<IssuerId, Instant> answering = answering();
    List<LoadedIssuer> left = new ArrayList<>();
    for (LoadedIssuer issuer : issuers) {
      boolean retired =
          Optional.ofNullable(now.successions().get(issuer.id()))
              .flatMap(Succession::retiredAt)
              .isPresent();
      Instant end = answering.get(issuer.id());
      if (retired && end == null) {
        LOG.warn("issuer {} is retired: take it out of issuers", issuer.id());
      } else {
        if (retired) {
          LOG.info(
              "issuer {} is retired; its OCSP answers and CRLs go on until {}", issuer.id(), end);
        }
        left.add(issuer);
      }
    }
    return left;
  }
}
