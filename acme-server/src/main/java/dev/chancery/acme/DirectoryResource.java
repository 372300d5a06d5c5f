package dev.chancery.acme;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.acme.SignedRequests.SignedRequest;

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
    ObjectNode meta = json.putObject("meta");
    urls.endpoint().termsOfService().ifPresent(uri -> meta.put("termsOfService", uri.toString()));
    urls.endpoint().website().ifPresent(uri -> meta.put("website", uri.toString()));
    meta.put("externalAccountRequired", false);
    if (!urls.endpoint().profiles().isEmpty()) {
      ObjectNode profiles = meta.putObject("profiles");
      urls.endpoint().profiles().forEach((id, text) -> profiles.put(id.value(), text));
    }
    return Reply.json(200, json);
  }
}
