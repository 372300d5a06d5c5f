package dev.chancery.acme;

import dev.chancery.acme.SignedRequests.SignedRequest;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.Csr;
import dev.chancery.core.Der;
import dev.chancery.core.Name;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Refused;
import dev.chancery.core.TokenAway;
import java.time.Clock;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Turns a ready order into a certificate (RFC 8555 section 7.4). */
final class FinalizeResource {
  private static final Logger LOG = LoggerFactory.getLogger(FinalizeResource.class);

  private final Orders orders;
  private final Issuance issuance;
  private final CertificateAuthority authority;
  private final BindingKeys bindingKeys;
  private final CaaPermission caa;
  private final Clock clock;

  FinalizeResource(
      Orders orders,
      Issuance issuance,
      CertificateAuthority authority,
      BindingKeys bindingKeys,
      CaaPermission caa,
      Clock clock) {
    this.orders = orders;
    this.issuance = issuance;
    this.authority = authority;
    this.bindingKeys = bindingKeys;
    this.caa = caa;
    this.clock = clock;
  }

  Reply reply(SignedRequest.ByAccount request) throws AcmeProblem, TokenAway {
    OrderId id = OrderId.parse(request.path().id());
    Der encoded = csr(request.requiredPayload().requiredText("csr"));
    switch (find(request, id)) {
      case Order.Ready ready -> {
        requireOffered(ready.details().profileAt(request.urls().endpoint()), request.urls());
        Csr csr = matching(encoded, ready, request.account());
        requireAllowed(ready, request);
        caa.require(request.urls(), ready.details());
        Order.Processing processing =
            new Order.Processing(ready.details(), encoded, Times.now(clock));
        if (!orders.begin(processing, csr.publicKey())) {
          Order now = find(request, id);
          if (now instanceof Order.Ready) {
            requireUsable(csr);
          }
          // Another request was faster; whether it was this same one repeated, its CSR says.
          return repeated(request, now, encoded);
        }
        Optional<Order.Valid> valid = issue(request.urls().endpoint(), processing, csr);
        return OrderView.reply(
            200, request.urls(), valid.isPresent() ? valid.get() : find(request, id));
      }
      case Order other -> {
        return repeated(request, other, encoded);
      }
    }
  }

  /**
   * A CSR is stored, so its size is limited: as many names as an order has, each as long as can be,
   * fit.
   */
  private static Der csr(String text) throws AcmeProblem {
    byte[] csr = Base64Url.decode(text, "csr");
    if (csr.length > Csr.LONGEST) {
      throw new AcmeProblem(AcmeError.BAD_CSR, "a CSR may have " + Csr.LONGEST + " octets at most");
    }
    return Der.of(csr);
  }

  /**
   * Asks once more what newOrder asked: the binding key may be revoked or expired since.
   *
   * @throws AcmeProblem when it is; the order is as it was
   */
  private void requireAllowed(Order.Ready order, SignedRequest.ByAccount request)
      throws AcmeProblem {
    OrderAllowance allowance = bindingKeys.allowance(request.account());
    allowance.requireProfile(order.details().profileAt(request.urls().endpoint()));
    for (Name name : order.details().names()) {
      allowance.requireName(name);
    }
  }

  private Order find(SignedRequest.ByAccount request, OrderId id) throws AcmeProblem {
    return orders.find(request.account().id(), id).orElseThrow(AcmeProblem::notFound);
  }

  private Optional<Order.Valid> issue(AcmeEndpoint endpoint, Order.Processing order, Csr csr)
      throws AcmeProblem, TokenAway {
    try {
      return issuance.issue(endpoint, order, csr);
    } catch (TokenAway e) {
      // Nothing recorded can become a certificate any more, so the client may ask again.
      orders.release(order);
      throw e;
    } catch (RuntimeException e) {
      // Issued or not: unknown here. The order stays processing, recovery settles it, and the
      // client hears so instead of an error that would make it give up.
      LOG.error("order {} is left to recovery", order.details().id(), e);
      return Optional.empty();
    }
  }

  /**
   * A client that lost an answer asks again with the same CSR and is told what came of it. Another
   * CSR is too late.
   */
  private static Reply repeated(SignedRequest.ByAccount request, Order order, Der csr)
      throws AcmeProblem {
    return switch (order) {
      case Order.Processing processing when processing.csr().equals(csr) ->
          OrderView.reply(200, request.urls(), order);
      case Order.Valid valid when valid.csr().equals(CsrDigest.of(csr)) ->
          OrderView.reply(200, request.urls(), order);
      case Order.Invalid(var details, var asked, var problem)
          when asked.equals(Optional.of(CsrDigest.of(csr))) && problem.isPresent() ->
          Reply.problem(problem.get());
      case Order.Processing processing -> throw notReady("its certificate is made for another CSR");
      case Order.Valid valid -> throw notReady("it has a certificate, made for another CSR");
      case Order.Invalid invalid -> throw notReady("it is invalid");
      case Order.Pending pending -> throw notReady("not all of its authorizations are valid");
      // It was processing and went back: the token was away, and this request can be made again.
      case Order.Ready ready ->
          throw notReady(
              "another request for it has just failed, or an authorization was deactivated");
    };
  }

  private static AcmeProblem notReady(String why) {
    return new AcmeProblem(AcmeError.ORDER_NOT_READY, "the order is not ready: " + why);
  }

  /** An operator may have taken a profile away since the order was made. */
  private static void requireOffered(ProfileId profile, AcmeUrls urls) throws AcmeProblem {
    if (!urls.endpoint().has(profile)) {
      throw new AcmeProblem(
          AcmeError.INVALID_PROFILE, "nothing is issued here any more under profile " + profile);
    }
  }

  /**
   * Reads the CSR.
   *
   * @throws AcmeProblem badCSR when it is not one for exactly this order
   */
  private Csr matching(Der encoded, Order.Ready order, Account account) throws AcmeProblem {
    Csr csr;
    try {
      csr = Csr.parse(encoded.bytes());
      authority.requireNotBlocked(csr.publicKey());
    } catch (Refused e) {
      throw badCsr(e);
    }
    if (account.key().isSameAs(csr.publicKey().key())) {
      // Section 11.1: the account's key is not to be a certificate's as well.
      throw new AcmeProblem(AcmeError.BAD_CSR, "the CSR's key is the account's key");
    }
    Set<Name> ordered = order.details().names();
    Set<Name> asked = new LinkedHashSet<>(csr.names());
    for (String commonName : csr.commonNames()) {
      asked.add(
          commonNameIn(ordered, commonName)
              .orElseThrow(() ->
                  new AcmeProblem(
                      AcmeError.BAD_CSR,
                      "the CSR's common name is not an identifier of the order")));
    }
    if (!asked.equals(ordered)) {
      throw new AcmeProblem(
          AcmeError.BAD_CSR, "the CSR does not name exactly the identifiers of the order");
    }
    return csr;
  }

  /** Refuses a key that was reported compromised: the statement that moves the order found it. */
  private void requireUsable(Csr csr) throws AcmeProblem {
    try {
      authority.requireUsable(csr.publicKey());
    } catch (Refused e) {
      throw badCsr(e);
    }
  }

  /** Whatever it is that is wrong, a name of the CSR included, the CSR is what to change. */
  private static AcmeProblem badCsr(Refused why) {
    return new AcmeProblem(Problem.of(AcmeError.BAD_CSR, why));
  }

  private static Optional<Name> commonNameIn(Set<Name> ordered, String commonName) {
    return ordered.stream().filter(name -> name.value().equalsIgnoreCase(commonName)).findFirst();
  }
}
