package dev.chancery.kubernetes;

import io.javalin.http.Context;
import java.io.IOException;

/** Logs in with a role's id and one of its secret ids. */
final class AppRoleLogin {
  private final LoginGate gate;
  private final Roles roles;
  private final Credentials credentials;
  private final Tokens tokens;

  AppRoleLogin(LoginGate gate, Roles roles, Credentials credentials, Tokens tokens) {
    this.gate = gate;
    this.roles = roles;
    this.credentials = credentials;
    this.tokens = tokens;
  }

  Reply reply(Context context) throws VaultProblem, IOException {
    // Before the place is taken: who sends slowly holds none.
    Body body = Body.of(context);
    try (LoginGate.Pass _ = gate.enter()) {
      String roleId = body.required("role_id");
      String secretId = body.required("secret_id");
      Role role =
          RoleId.parse(roleId)
              .flatMap(roles::find)
              .orElseThrow(() -> VaultProblem.badRequest("invalid role or secret ID"));
      // Before a use is taken from the secret id.
      gate.requireReady(role);
      Credential credential = credentials.login(role, secretId, Exchanges.peer(context));
      return LoginReply.of(
          tokens.make(role, "role " + role.name() + ", secret-id " + credential.id()), role);
    }
  }
}
