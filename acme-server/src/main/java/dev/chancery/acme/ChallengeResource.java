package dev.chancery.acme;

import dev.chancery.acme.SignedRequests.SignedRequest;
import java.util.Optional;

/** Reads a challenge, or takes the client's word that it is met (RFC 8555 section 7.5.1). */
final class ChallengeResource {
  private final Authorizations authorizations;
  private final Validations validations;
  private final RateLimiter limiter;

  ChallengeResource(Authorizations authorizations, Validations validations, RateLimiter limiter) {
    this.authorizations = authorizations;
    this.validations = validations;
    this.limiter = limiter;
  }

  Reply reply(SignedRequest.ByAccount request) throws AcmeProblem {
    ChallengeId id = ChallengeId.parse(request.path().id());
    Authorization authorization = find(request, id);
    Challenge challenge = challenge(authorization, id);
    if (request.payload().isPresent()) {
      switch (challenge.state()) {
        case Challenge.State.Pending pending -> {
          if (authorization.status() != Authorization.Status.PENDING) {
            throw AcmeProblem.malformed(
                "the authorization is " + authorization.status() + ", not pending");
          }
          if (!request.urls().endpoint().challenges().offers(challenge.kind())) {
            throw AcmeProblem.malformed(
                challenge.kind().type() + " is no longer offered; choose another challenge");
          }
          limiter.requireFewFailures(
              request.urls().endpoint(), request.account().id(), authorization.name());
          Optional<Challenge.State.Processing> accepted =
              validations.accept(authorization, challenge, request.account().key(), request.urls());
          if (accepted.isPresent()) {
            return AuthorizationView.reply(request.urls(), challenge.in(accepted.get()));
          }
          // Another request was faster.
          return AuthorizationView.reply(request.urls(), challenge(find(request, id), id));
        }
        // Said before: clients repeat it when an answer was lost.
        case Challenge.State.Processing processing -> {}
        case Challenge.State.Valid valid -> {}
        case Challenge.State.Invalid invalid -> {}
      }
    }
    return AuthorizationView.reply(request.urls(), challenge);
  }

  private Authorization find(SignedRequest.ByAccount request, ChallengeId id) throws AcmeProblem {
    return authorizations
        .findByChallenge(request.account().id(), id)
        .orElseThrow(AcmeProblem::notFound);
  }

  private static Challenge challenge(Authorization authorization, ChallengeId id)
      throws AcmeProblem {
    return authorization.challenges().stream()
        .filter(one -> one.id().equals(id))
        .findFirst()
        .orElseThrow(AcmeProblem::notFound);
  }
}
