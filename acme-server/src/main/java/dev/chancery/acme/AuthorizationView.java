package dev.chancery.acme;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.DnsName;
import java.util.List;

/** The authorization and challenge objects (RFC 8555 sections 7.1.4 and 7.1.5). */
final class AuthorizationView {
  private static final int RETRY_AFTER = 1;

  private AuthorizationView() {}

  static Reply reply(AcmeUrls urls, Authorization authorization) {
    return reply(200, urls, authorization);
  }

  static Reply reply(int status, AcmeUrls urls, Authorization authorization) {
    ObjectNode json =
        Json.object()
            .put("status", authorization.status().toString())
            .put("expires", Times.text(authorization.expires()));
    json.set("identifier", Identifiers.provenJson(authorization.name()));
    if (authorization.name() instanceof DnsName name && name.isWildcard()) {
      json.put("wildcard", true);
    }
    ArrayNode challenges = json.putArray("challenges");
    boolean processing = false;
    for (Challenge challenge : shown(authorization)) {
      challenges.add(challenge(urls, challenge));
      processing |= challenge.state() instanceof Challenge.State.Processing;
    }
    Reply reply = Reply.json(status, json);
    return processing ? reply.withRetryAfter(RETRY_AFTER) : reply;
  }

  /**
   * Section 7.1.4: of a valid authorization what was validated, of an invalid one what failed. The
   * others were never tried, and nothing can come of them any more.
   */
  private static List<Challenge> shown(Authorization authorization) {
    return switch (authorization.status()) {
      case PENDING, DEACTIVATED -> authorization.challenges();
      case VALID, EXPIRED -> in(Challenge.State.Valid.class, authorization);
      case INVALID -> in(Challenge.State.Invalid.class, authorization);
    };
  }

  private static List<Challenge> in(
      Class<? extends Challenge.State> state, Authorization authorization) {
    return authorization.challenges().stream()
        .filter(challenge -> state.isInstance(challenge.state()))
        .toList();
  }

  static Reply reply(AcmeUrls urls, Challenge challenge) {
    Reply reply =
        Reply.json(200, challenge(urls, challenge))
            .withLink(urls.authorization(challenge.authorization()), "up");
    return challenge.state() instanceof Challenge.State.Processing
        ? reply.withRetryAfter(RETRY_AFTER)
        : reply;
  }

  private static ObjectNode challenge(AcmeUrls urls, Challenge challenge) {
    ObjectNode json =
        Json.object()
            .put("type", challenge.kind().type())
            .put("url", urls.challenge(challenge.id()));
    if (challenge.kind().hasToken()) {
      json.put("token", challenge.token());
    } else {
      json.set("issuerDomainNames", DirectoryResource.issuerDomainNames(urls));
    }
    switch (challenge.state()) {
      case Challenge.State.Pending pending -> json.put("status", "pending");
      case Challenge.State.Processing processing -> json.put("status", "processing");
      case Challenge.State.Valid valid ->
          json.put("status", "valid").put("validated", Times.text(valid.at()));
      case Challenge.State.Invalid invalid ->
          json.put("status", "invalid").set("error", invalid.problem());
    }
    return json;
  }
}
