package dev.chancery.kubernetes;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.http.Context;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;

/** What the holder of a token can ask of it, and do with it. */
final class TokenResource {
  private final Tokens tokens;
  private final Roles roles;
  private final Clock clock;

  TokenResource(Tokens tokens, Roles roles, Clock clock) {
    this.tokens = tokens;
    this.roles = roles;
    this.clock = clock;
  }

  Reply lookup(Context context) throws VaultProblem {
    Session session = session(context);
    Role role = role(session);
    long lifetime =
        session
            .expires()
            .map(end -> Duration.between(session.created(), end).toSeconds())
            .orElse(0L);
    ObjectNode body = Reply.envelope();
    ObjectNode data = body.putObject("data");
    data.put("id", Exchanges.token(context))
        .put("accessor", session.token().toString())
        .put("creation_time", session.created().getEpochSecond())
        .put("creation_ttl", lifetime)
        .put("ttl", remaining(session))
        .put("explicit_max_ttl", lifetime)
        .put("expire_time", session.expires().map(Instant::toString).orElse(null))
        .put("issue_time", session.created().toString())
        .put("display_name", session.who())
        .put("entity_id", "")
        .put("num_uses", 0)
        .put("orphan", true)
        .put("path", "auth/token")
        .put("renewable", false)
        .put("type", session.credential().isPresent() ? "service" : "batch");
    data.putArray("policies").add(role.name().value());
    data.putObject("meta").put("role", role.name().value());
    return Reply.json(200, body);
  }

  /** A token ends when it ends; the next login is cheap. */
  Reply renew(Context context) throws VaultProblem {
    Session session = session(context);
    Role _ = role(session);
    throw VaultProblem.badRequest("lease is not renewable");
  }

  Reply revoke(Context context) throws VaultProblem {
    Session session = session(context);
    tokens.revoke(session, role(session));
    return Reply.empty();
  }

  private long remaining(Session session) {
    return session
        .expires()
        .map(end -> Math.max(0L, Duration.between(clock.instant(), end).toSeconds()))
        .orElse(0L);
  }

  private Session session(Context context) throws VaultProblem {
    return tokens.read(Exchanges.token(context), Exchanges.peer(context));
  }

  private Role role(Session session) throws VaultProblem {
    return roles.find(session.role()).orElseThrow(VaultProblem::permissionDenied);
  }
}
