package dev.chancery.server;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.IssuerId;
import dev.chancery.core.RevocationLedger;
import dev.chancery.store.IssuerRegistry;
import dev.chancery.store.RootRollovers.Rollover;
import dev.chancery.store.RootRollovers.State;
import dev.chancery.store.TokenAudit;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.bouncycastle.cert.X509CertificateHolder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches what only a ceremony renews: the CRLs of roots and the certificates of OCSP signers that
 * other CAs have made. Their ends are metrics from the beginning; when half of their time is over,
 * that is an event, for a ceremony takes weeks to be held.
 */
final class RootWatch {
  private static final Logger LOG = LoggerFactory.getLogger(RootWatch.class);

  /** The ledgers that are looked at. */
  record Ledgers(IssuerRegistry registry, CrlLedger crls, RevocationLedger revocations) {}

  /** A certificate of an OCSP signer for a CA that is not run here, such as an offline root. */
  record Signer(IssuerId issuer, X509CertificateHolder certificate) {}

  private final Ledgers ledgers;
  private final List<Signer> signers;
  private final TrustView view;
  private final MeterRegistry metrics;
  private final TokenAudit audit;
  private final Clock clock;
  private final ConcurrentMap<IssuerId, Gauge> measured = new ConcurrentHashMap<>();
  private final Set<String> said = ConcurrentHashMap.newKeySet();

  RootWatch(
      Ledgers ledgers,
      List<Signer> signers,
      TrustView view,
      MeterRegistry metrics,
      TokenAudit audit,
      Clock clock) {
    this.ledgers = ledgers;
    this.signers = List.copyOf(signers);
    this.view = view;
    this.metrics = metrics;
    this.audit = audit;
    this.clock = clock;
    Gauge.builder(
            "chancery.cross.certificates.end",
            (Ending) () -> view.now().crossedUntil(),
            RootWatch::seconds)
        .baseUnit("seconds")
        .strongReference(true)
        .register(metrics);
    for (Signer signer : this.signers) {
      Gauge _ =
          gauge(
              "chancery.ocsp.signer.end",
              signer.issuer(),
              () -> Optional.of(signer.certificate().getNotAfter().toInstant()));
    }
  }

  /** Looks at each; what is due is said once by this process, in the log and in the audit. */
  void look() {
    Set<IssuerId> retired = new HashSet<>();
    for (Rollover rollover : view.now().rollovers()) {
      if (rollover.state() == State.RETIRED) {
        retired.add(rollover.oldRoot().name());
      }
    }
    for (IssuerId root : retired) {
      // Nobody is given it any more, and no ceremony renews what ends with it.
      Gauge measuring = measured.remove(root);
      if (measuring != null) {
        metrics.remove(measuring);
      }
    }
    for (IssuerId root : ledgers.registry().all()) {
      if (RootNames.isRoot(root) && !retired.contains(root)) {
        look(root);
      }
    }
    Instant now = clock.instant();
    for (Signer signer : signers) {
      Instant begin = signer.certificate().getNotBefore().toInstant();
      Instant end = signer.certificate().getNotAfter().toInstant();
      if (!now.isBefore(begin.plus(Duration.between(begin, end).dividedBy(2)))) {
        due(
            "ocsp-signer-due",
            "the OCSP signer of " + signer.issuer() + " has a certificate until " + end);
      }
    }
  }

  private void look(IssuerId root) {
    measured.computeIfAbsent(
        root,
        name ->
            gauge(
                "chancery.root.crl.end",
                name,
                () -> RootCrl.current(ledgers.crls(), name).map(crl -> crl.nextUpdate())));
    new RootCrl(root, ledgers.crls(), ledgers.revocations(), clock)
        .due()
        .ifPresent(why -> due("root-crl-due", why));
  }

  private void due(String action, String why) {
    if (said.add(why)) {
      LOG.warn("{}: a ceremony is needed, or chancery init with the root's token", why);
      audit.record(action, why);
    }
  }

  /** An instant in seconds, as Prometheus' time(); not a number while there is none. */
  private Gauge gauge(String name, IssuerId issuer, Ending ending) {
    return Gauge.builder(name, ending, RootWatch::seconds)
        .tags("issuer", issuer.value())
        .baseUnit("seconds")
        .strongReference(true)
        .register(metrics);
  }

  private interface Ending {
    Optional<Instant> at();
  }

  private static double seconds(Ending ending) {
    try {
      return ending.at().map(at -> (double) at.getEpochSecond()).orElse(Double.NaN);
    } catch (RuntimeException e) {
      // The database is away; other metrics say so.
      return Double.NaN;
    }
  }
}
