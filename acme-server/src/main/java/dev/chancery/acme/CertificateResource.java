package dev.chancery.acme;

import dev.chancery.acme.SignedRequests.SignedRequest;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.Der;
import dev.chancery.core.Refused;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Hands a certificate out with the chain to its issuer (RFC 8555 section 7.4.2). */
final class CertificateResource {
  private final Orders orders;
  private final CertificateAuthority authority;

  CertificateResource(Orders orders, CertificateAuthority authority) {
    this.orders = orders;
    this.authority = authority;
  }

  Reply reply(SignedRequest.ByAccount request) throws AcmeProblem, Refused {
    request.requireNoPayload();
    OrderId id = OrderId.parse(request.path().id());
    Orders.Certificate certificate =
        orders.findCertificate(request.account().id(), id).orElseThrow(AcmeProblem::notFound);
    Der leaf =
        authority
            .find(certificate.issuer(), certificate.serial())
            .flatMap(found -> found.certificate())
            .orElseThrow(AcmeProblem::notFound);
    List<List<Der>> chains = authority.chains(certificate.issuer());
    int wanted = chain(request.path().parts());
    if (wanted >= chains.size()) {
      throw AcmeProblem.notFound();
    }
    List<Der> presented = new ArrayList<>();
    presented.add(leaf);
    presented.addAll(chains.get(wanted));
    Reply reply = Reply.of(200, "application/pem-certificate-chain", Pem.certificates(presented));
    for (int other = 0; other < chains.size(); other++) {
      if (other != wanted) {
        reply =
            reply.withLink(
                other == 0 ? request.urls().certificate(id) : request.urls().certificate(id, other),
                "alternate");
      }
    }
    return reply;
  }

  private static int chain(Map<String, String> parts) throws AcmeProblem {
    String text = parts.getOrDefault("chain", "0");
    if (!text.matches("[0-9]{1,3}")) {
      throw AcmeProblem.notFound();
    }
    return Integer.parseInt(text);
  }
}
