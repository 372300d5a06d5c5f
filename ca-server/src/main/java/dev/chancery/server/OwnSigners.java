package dev.chancery.server;

import dev.chancery.core.IssuerId;
import dev.chancery.core.SerialNumber;
import dev.chancery.ocsp.DelegatedSigner;
import dev.chancery.ocsp.OcspResponder;
import dev.chancery.ocsp.StatusView;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Instant;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The OCSP signers that are renewed here: when their certificates end is a metric, and one whose
 * certificate is revoked gets another at once.
 */
final class OwnSigners implements StatusView.Listener {
  private static final Logger LOG = LoggerFactory.getLogger(OwnSigners.class);

  private final List<DelegatedSigner> signers;
  private final OcspResponder responder;

  OwnSigners(List<DelegatedSigner> signers, OcspResponder responder, MeterRegistry metrics) {
    this.signers = List.copyOf(signers);
    this.responder = responder;
    for (DelegatedSigner signer : this.signers) {
      // Zero while there is none: that is over, too.
      Gauge.builder(
              "chancery.ocsp.delegate.end",
              () -> signer.end().map(Instant::getEpochSecond).orElse(0L))
          .tag("issuer", signer.issuer().value())
          .baseUnit("seconds")
          .strongReference(true)
          .register(metrics);
    }
  }

  /** Whoever revokes does not wait for the token. */
  @Override
  public void changed(IssuerId issuer, SerialNumber serial) {
    for (DelegatedSigner signer : signers) {
      if (signer.signsWith(issuer, serial)) {
        Thread.ofPlatform().name("ocsp-signer").daemon().start(() -> replace(signer));
      }
    }
  }

  @Override
  public void anyChanged() {
    // The next renewal looks, minutes later.
  }

  private void replace(DelegatedSigner signer) {
    try {
      renew(signer);
    } catch (Exception e) {
      LOG.warn(
          "the revoked OCSP signer of {} is replaced later: {}", signer.issuer(), e.toString());
    }
  }

  /** As {@link DelegatedSigner#renewIfDue}; answers of a revoked signer are not given again. */
  void renew(DelegatedSigner signer) throws Exception {
    boolean revoked = signer.isRevoked();
    signer.renewIfDue();
    if (revoked) {
      responder.forgetAnswers();
    }
  }
}
