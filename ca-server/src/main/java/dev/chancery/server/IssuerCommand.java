package dev.chancery.server;

import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Lists the issuing CAs of a running server. */
@Command(
    name = "issuer",
    description = "List the issuing CAs.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class IssuerCommand {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Command(
      name = "list",
      description = "List the issuing CAs of the running server.",
      mixinStandardHelpOptions = true)
  int list(@Mixin HomeOption home, @Mixin OutputOption output)
      throws ConfigurationInvalid, CommandFailed {
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.table(
          spec.commandLine().getOut(),
          admin.get("/admin/v1/issuers"),
          List.of("name", "subject", "notAfter", "sha256"));
      return 0;
    }
  }
}
