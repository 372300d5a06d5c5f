package dev.chancery.acme;

import dev.chancery.core.Approval;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.Csr;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.TokenAway;
import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings an order that is processing to its end: the one place that asks the certificate authority
 * for a certificate. Finalize and recovery both come through here.
 */
final class Issuance {
  private static final Logger LOG = LoggerFactory.getLogger(Issuance.class);

  private final Orders orders;
  private final CertificateAuthority authority;
  private final CaaPermission caa;
  private final Clock clock;

  Issuance(Orders orders, CertificateAuthority authority, CaaPermission caa, Clock clock) {
    this.orders = orders;
    this.authority = authority;
    this.caa = caa;
    this.clock = clock;
  }

  /**
   * Asks for the certificate and settles the order. Any exception but the two declared leaves the
   * order processing: the outcome is not known then, and recovery finds it out.
   *
   * @param csr the order's, read
   * @return the order with its certificate; nothing when it was settled otherwise meanwhile
   * @throws AcmeProblem when the request is refused; the order is invalid
   * @throws TokenAway when the key does not answer; the order is where it was, processing
   */
  Optional<Order.Valid> issue(AcmeEndpoint endpoint, Order.Processing order, Csr csr)
      throws AcmeProblem, TokenAway {
    IssuedCertificate issued;
    try {
      issued =
          authority.issue(
              new IssuanceRequest(
                  endpoint.issuer(),
                  order.details().profileAt(endpoint),
                  csr.publicKey(),
                  csr.subject(),
                  order.details().names(),
                  order.details().notBefore(),
                  order.details().notAfter(),
                  new Approval.ValidatedOrder(
                      order.details().account(), order.details().request())));
    } catch (Refused e) {
      throw failed(order, e);
    }
    return complete(order, issued);
  }

  private AcmeProblem failed(Order.Processing order, Refused refused) {
    Problem problem = problem(refused);
    orders.fail(order, problem);
    return new AcmeProblem(problem);
  }

  /**
   * Settles an order whose earlier request led to a certificate; false, and nothing changed, when
   * it led to none and never will.
   */
  boolean settleIssued(Order.Processing order) {
    Optional<IssuedCertificate> issued = authority.settle(order.details().request());
    issued.ifPresent(certificate -> complete(order, certificate));
    return issued.isPresent();
  }

  /**
   * Asks for the certificate of an order whose earlier request led to none. Since that was some
   * time ago, CAA is asked again.
   *
   * @throws AcmeProblem as {@link #issue}; one that can be tried again leaves the order processing
   * @throws TokenAway as {@link #issue}
   */
  void issueAfterAll(AcmeEndpoint endpoint, Order.Processing order) throws AcmeProblem, TokenAway {
    requirePermitted(endpoint, order);
    issue(endpoint, order, csr(order));
  }

  private void requirePermitted(AcmeEndpoint endpoint, Order.Processing order) throws AcmeProblem {
    try {
      caa.require(new AcmeUrls(endpoint), order.details());
    } catch (AcmeProblem e) {
      if (e.retryAfter().isEmpty()) {
        orders.fail(order, e.problem());
      }
      throw e;
    }
  }

  private Csr csr(Order.Processing order) throws AcmeProblem {
    try {
      return Csr.parse(order.csr().bytes());
    } catch (Refused e) {
      throw failed(order, e);
    }
  }

  private Optional<Order.Valid> complete(Order.Processing order, IssuedCertificate issued) {
    if (orders.complete(order, issued) || isKnown(order, issued)) {
      return Optional.of(
          new Order.Valid(
              order.details(), CsrDigest.of(order.csr()), issued.issuer(), issued.serial()));
    }
    // Another node took the order over and was faster: an order has one certificate.
    LOG.warn("order {} was settled otherwise; revoking {}", order.details().id(), issued.serial());
    try {
      authority.revoke(
          new Revocation(
              issued.issuer(),
              issued.serial(),
              RevocationReason.SUPERSEDED,
              clock.instant().truncatedTo(ChronoUnit.SECONDS),
              Optional.empty(),
              "chancery: order settled otherwise"));
    } catch (Refused e) {
      LOG.info("{} needed no revocation: {}", issued.serial(), e.getMessage());
    }
    return Optional.empty();
  }

  private boolean isKnown(Order.Processing order, IssuedCertificate issued) {
    return orders
        .find(order.details().account(), order.details().id())
        .filter(now -> now instanceof Order.Valid valid && valid.serial().equals(issued.serial()))
        .isPresent();
  }

  /** Here a bad key is the CSR's; badPublicKey is about account keys (RFC 8555 section 6.7). */
  static Problem problem(Refused refused) {
    return refused.reason() == Reason.BAD_PUBLIC_KEY
        ? Problem.of(AcmeError.BAD_CSR, refused)
        : Problem.of(refused);
  }
}
