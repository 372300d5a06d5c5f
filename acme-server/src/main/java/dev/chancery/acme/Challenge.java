package dev.chancery.acme;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Instant;

/** A challenge of an authorization (RFC 8555 section 7.1.5). */
record Challenge(
    ChallengeId id, AuthorizationId authorization, ChallengeKind kind, String token, State state) {

  /** Where a challenge stands (RFC 8555 section 7.1.6). */
  sealed interface State {
    record Pending() implements State {}

    /** Being attempted by whoever holds the lease, which is named by its end. */
    record Processing(Instant leaseUntil) implements State {}

    record Valid(Instant at) implements State {}

    record Invalid(ObjectNode problem) implements State {}
  }

  /** The same, moved on. */
  Challenge in(State next) {
    return new Challenge(id, authorization, kind, token, next);
  }
}
