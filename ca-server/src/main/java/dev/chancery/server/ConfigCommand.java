package dev.chancery.server;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Checks a configuration without starting anything. */
@Command(
    name = "config",
    description = "Check the configuration.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class ConfigCommand {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Command(
      name = "check",
      description = "Check chancery.yaml and the profiles; touch neither database nor token.",
      mixinStandardHelpOptions = true)
  int check(@Mixin HomeOption home, @Mixin HomeOption.Overrides overrides)
      throws ConfigurationInvalid {
    Home opened = home.open();
    Configuration configuration = Configuration.read(opened, overrides.values());
    configuration.profiles(opened);
    configuration.trustAnchors(opened);
    KeyBlockList _ = configuration.blockedKeys(opened);
    spec.commandLine().getOut().println(opened.configurationFile() + ": ok");
    return 0;
  }
}
