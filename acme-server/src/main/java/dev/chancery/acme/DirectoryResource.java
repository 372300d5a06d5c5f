package dev.chancery.acme;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.acme.SignedRequests.SignedRequest;
import dev.chancery.core.DnsName;
import java.util.List;

/** Where an endpoint's resources are: only those that are served (RFC 8555 section 7.1.1). */
final class DirectoryResource {
  Reply reply(SignedRequest.ByAccount request) throws AcmeProblem {
    request.requireNoPayload();
    return reply(request.urls());
  }

  Reply reply(AcmeUrls urls) {
    ObjectNode json =
        Json.object()
            .put("newNonce", urls.newNonce())
            .put("newAccount", urls.newAccount())
            .put("newOrder", urls.newOrder())
            .put("revokeCert", urls.revokeCert())
            .put("keyChange", urls.keyChange())
            .put("renewalInfo", urls.renewalInfo());
    // Section 7.1.1: a server without pre-authorization leaves newAuthz out.
    if (urls.endpoint().authorizations().inAdvance()) {
      json.put("newAuthz", urls.newAuthz());
    }
    ObjectNode meta = json.putObject("meta");
    urls.endpoint().termsOfService().ifPresent(uri -> meta.put("termsOfService", uri.toString()));
    urls.endpoint().website().ifPresent(uri -> meta.put("website", uri.toString()));
    if (urls.endpoint().heedsCaa()) {
      meta.set("caaIdentities", names(urls.endpoint().caaIdentities()));
    }
    meta.put("externalAccountRequired", urls.endpoint().binding() == BindingRule.REQUIRED);
    if (urls.endpoint().challenges().offers(ChallengeKind.DNS_PERSIST_01)) {
      // draft-ietf-acme-dns-persist-02 sections 3.2 and 4.1.
      meta.set("issuerDomainNames", issuerDomainNames(urls));
      meta.put("accountHashPrefix", urls.accountHashPrefix());
    }
    if (!urls.endpoint().profiles().isEmpty()) {
      ObjectNode profiles = meta.putObject("profiles");
      urls.endpoint().profiles().forEach((id, text) -> profiles.put(id.value(), text));
    }
    return Reply.json(200, json);
  }

  static ArrayNode issuerDomainNames(AcmeUrls urls) {
    return names(urls.endpoint().challenges().issuerDomainNames());
  }

  private static ArrayNode names(List<DnsName> domains) {
    ArrayNode names = JsonNodeFactory.instance.arrayNode();
    domains.forEach(name -> names.add(name.value()));
    return names;
  }
}
