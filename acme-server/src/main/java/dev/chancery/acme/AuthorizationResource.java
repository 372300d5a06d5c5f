package dev.chancery.acme;

import dev.chancery.acme.SignedRequests.SignedRequest;

/** Reads and deactivates an authorization (RFC 8555 sections 7.5 and 7.5.2). */
final class AuthorizationResource {
  private final Authorizations authorizations;

  AuthorizationResource(Authorizations authorizations) {
    this.authorizations = authorizations;
  }

  Reply reply(SignedRequest.ByAccount request) throws AcmeProblem {
    AuthorizationId id = AuthorizationId.parse(request.path().id());
    Authorization authorization = find(request, id);
    if (request.payload().isEmpty()) {
      return AuthorizationView.reply(request.urls(), authorization);
    }
    if (!request.payload().get().requiredText("status").equals("deactivated")) {
      throw AcmeProblem.malformed("the only status that can be asked for is deactivated");
    }
    boolean done =
        switch (authorization.status()) {
          // Also when it was said before: clients repeat it when an answer was lost.
          case PENDING, VALID, DEACTIVATED -> authorizations.deactivate(authorization);
          case INVALID, EXPIRED -> false;
        };
    if (!done) {
      throw AcmeProblem.malformed("the authorization is neither pending nor valid");
    }
    return AuthorizationView.reply(request.urls(), find(request, id));
  }

  private Authorization find(SignedRequest.ByAccount request, AuthorizationId id)
      throws AcmeProblem {
    return authorizations.find(request.account().id(), id).orElseThrow(AcmeProblem::notFound);
  }
}
