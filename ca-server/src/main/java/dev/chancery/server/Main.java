package dev.chancery.server;

import dev.chancery.hsm.KeyId;
import java.util.Arrays;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command line: chancery COMMAND. Exit codes: 0 done, 1 refused or failed, 2 wrong usage. */
@Command(
    name = "chancery",
    description = "A private certificate authority whose keys never leave their PKCS #11 token.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      ServeCommand.class,
      InitCommand.class,
      ConfigCommand.class,
      CertificateCommand.class,
      CrlCommand.class,
      IssuerCommand.class,
      BindingCommand.class,
      RenewalCommand.class,
      TokenCommand.class,
      KeyCommand.class,
      CommandLine.HelpCommand.class,
    })
public final class Main {
  static final int FAILED = 1;

  /** The version that the jar's manifest carries. */
  static final class Version implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Main.class.getPackage().getImplementationVersion();
      return new String[] {"chancery " + (version == null ? "(not packaged)" : version)};
    }
  }

  private Main() {}

  public static void main(String[] arguments) {
    System.exit(commandLine().execute(arguments));
  }

  static CommandLine commandLine() {
    return new CommandLine(new Main())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .registerConverter(KeyId.class, Main::keyId)
        .setExecutionExceptionHandler(Main::report);
  }

  private static KeyId keyId(String text) {
    try {
      return new KeyId(text.toLowerCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new CommandLine.TypeConversionException(e.getMessage());
    }
  }

  /** One line for what an operator can mend; the trace only for what is a bug. */
  private static int report(Exception e, CommandLine command, CommandLine.ParseResult parsed)
      throws Exception {
    if (e instanceof WrongUsage) {
      return command
          .getParameterExceptionHandler()
          .handleParseException(
              new CommandLine.ParameterException(command, e.getMessage()),
              parsed.originalArgs().toArray(String[]::new));
    }
    boolean expected = Failures.isExpected(e);
    command
        .getErr()
        .println(expected ? "chancery: " + Failures.line(e) : "chancery: internal error: " + e);
    if (!expected) {
      Arrays.stream(e.getStackTrace()).forEach(step -> command.getErr().println("  at " + step));
    }
    return FAILED;
  }
}
