package dev.chancery.kubernetes;

import io.javalin.http.Context;
import java.io.IOException;

/** Logs in with the token of a Kubernetes service account. */
final class KubernetesLogin {
  /** The longest token that is read, in characters; those of clusters have less than 2000. */
  private static final int LONGEST = 16 * 1024;

  private final String cluster;
  private final ServiceAccountTokens accounts;
  private final LoginGate gate;
  private final Roles roles;
  private final Tokens tokens;

  KubernetesLogin(
      String cluster, ServiceAccountTokens accounts, LoginGate gate, Roles roles, Tokens tokens) {
    this.cluster = cluster;
    this.accounts = accounts;
    this.gate = gate;
    this.roles = roles;
    this.tokens = tokens;
  }

  Reply reply(Context context) throws VaultProblem, IOException {
    // Before the place is taken: who sends slowly holds none.
    Body body = Body.of(context);
    try (LoginGate.Pass _ = gate.enter()) {
      String name = body.required("role");
      String token = body.required("jwt");
      Role role =
          roles
              .named(name)
              .orElseThrow(
                  () -> VaultProblem.badRequest("invalid role name \"" + printable(name) + "\""));
      ServiceAccounts allowed =
          role.logins()
              .serviceAccounts()
              .filter(accounts -> accounts.cluster().equals(cluster))
              .orElseThrow(() ->
                  VaultProblem.forbidden(
                      "no service account of " + cluster + " may log in under this role"));
      if (token.length() > LONGEST) {
        throw VaultProblem.forbidden("the token is longer than any of a service account");
      }
      ServiceAccount account = accounts.verify(token, allowed.audience());
      if (!allowed.include(account)) {
        throw VaultProblem.forbidden(
            "the service account "
                + account.namespace()
                + "/"
                + account.name()
                + " may not log in under role "
                + role.name());
      }
      gate.requireReady(role);
      return LoginReply.of(
          tokens.make(role, "role " + role.name() + ", " + account + " of " + cluster), role);
    }
  }

  private static String printable(String text) {
    String head = text.length() > 63 ? text.substring(0, 63) : text;
    return head.replaceAll("[^ -~]|[\"\\\\]", "?");
  }
}
