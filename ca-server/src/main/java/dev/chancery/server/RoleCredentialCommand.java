package dev.chancery.server;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Makes, lists and revokes the secret ids and static tokens of a role on a running server. */
@Command(
    name = "credential",
    description = "Make, list and revoke a role's AppRole secret ids and static tokens.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class RoleCredentialCommand {
  private static final List<String> COLUMNS =
      List.of("id", "kind", "label", "usesLeft", "networks", "created", "expires");

  @Spec private CommandSpec spec = CommandSpec.create();

  @Command(
      name = "create",
      description = "Make a credential. Its secret is printed here and never again.",
      mixinStandardHelpOptions = true)
  int create(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Parameters(paramLabel = "ROLE", description = "the role") String role,
      @Option(
              names = "--kind",
              paramLabel = "secret-id|token",
              defaultValue = "secret-id",
              description =
                  "a secret-id logs in by AppRole together with the role id, a token needs no login"
                      + " (default: ${DEFAULT-VALUE})")
          String kind,
      @Option(
              names = "--label",
              paramLabel = "TEXT",
              description = "who or what it is for, in your words")
          @Nullable String label,
      @Option(
              names = "--network",
              paramLabel = "BLOCK",
              description =
                  "the addresses that it is used from, such as 10.0.0.0/8; can be repeated"
                      + " (default: all)")
          @Nullable List<String> networks,
      @Option(
              names = "--uses",
              paramLabel = "NUMBER",
              description = "how many logins a secret-id is good for (default: any number)")
          @Nullable Integer uses,
      @Option(
              names = "--expires",
              paramLabel = "TIME",
              description =
                  "when it ends, such as 2027-01-31T12:00:00Z (default: when it is revoked)")
          @Nullable String expires)
      throws ConfigurationInvalid, CommandFailed {
    ObjectNode body = JsonNodeFactory.instance.objectNode().put("kind", kind);
    RoleCommand.put(body, "label", label);
    RoleCommand.put(body, "networks", networks);
    if (uses != null) {
      body.put("uses", uses);
    }
    RoleCommand.put(body, "expires", expires);
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.object(spec.commandLine().getOut(), admin.post(path(role), body));
      return 0;
    }
  }

  @Command(
      name = "list",
      description = "List a role's credentials, without their secrets.",
      mixinStandardHelpOptions = true)
  int list(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Parameters(paramLabel = "ROLE", description = "the role") String role)
      throws ConfigurationInvalid, CommandFailed {
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.table(spec.commandLine().getOut(), admin.get(path(role)), COLUMNS);
      return 0;
    }
  }

  @Command(
      name = "revoke",
      description =
          "Revoke a credential. Tokens that a secret-id was exchanged for live on for some"
              + " minutes.",
      mixinStandardHelpOptions = true)
  int revoke(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Parameters(paramLabel = "ROLE", description = "the role") String role,
      @Parameters(paramLabel = "ID", description = "as create and list print it") String id)
      throws ConfigurationInvalid, CommandFailed {
    if (!id.matches("[0-9a-f-]{36}")) {
      throw new CommandFailed("an id is 36 hexadecimal digits and hyphens: " + id);
    }
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.object(spec.commandLine().getOut(), admin.delete(path(role) + "/" + id));
      return 0;
    }
  }

  private static String path(String role) throws CommandFailed {
    return RoleCommand.path(role) + "/credentials";
  }
}
