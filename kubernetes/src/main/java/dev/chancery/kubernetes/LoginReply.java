package dev.chancery.kubernetes;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** What a login is answered with. */
final class LoginReply {
  private LoginReply() {}

  /** The token, and what other clients than the ones at hand read beside it. */
  static Reply of(Tokens.Made made, Role role) {
    ObjectNode body = Reply.envelope();
    ObjectNode auth = body.putObject("auth");
    auth.put("client_token", made.text())
        .put("accessor", made.session().token().toString())
        .put("lease_duration", made.lifetime().toSeconds())
        .put("renewable", false)
        .put("token_type", "batch")
        .put("entity_id", "")
        .put("orphan", true);
    auth.putArray("policies").add(role.name().value());
    auth.putArray("token_policies").add(role.name().value());
    auth.putObject("metadata")
        .put("role", role.name().value())
        .put("role_name", role.name().value());
    return Reply.json(200, body);
  }
}
