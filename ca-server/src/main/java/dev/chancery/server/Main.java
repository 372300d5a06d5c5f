package dev.chancery.server;

import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.NativeCalls;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Function;
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
      OcspCommand.class,
      CrlCommand.class,
      IssuerCommand.class,
      RolloverCommand.class,
      BindingCommand.class,
      RoleCommand.class,
      RenewalCommand.class,
      TokenCommand.class,
      KeyCommand.class,
      CeremonyCommand.class,
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
    CommandLine command = commandLine();
    end(command, command.execute(arguments));
  }

  /** Ends the process after a command. */
  static void end(CommandLine command, int exitCode) {
    if (NativeCalls.anyInside()) {
      // A module hangs: an orderly exit can end by a signal, and with another exit code.
      command.getOut().flush();
      command.getErr().flush();
      Runtime.getRuntime().halt(exitCode);
    }
    System.exit(exitCode);
  }

  static CommandLine commandLine() {
    return new CommandLine(new Main())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .registerConverter(KeyId.class, Main::keyId)
        .registerConverter(IssuerId.class, text -> converted(text, IssuerId::new))
        .registerConverter(KeyAlgorithm.class, Main::keyAlgorithm)
        .setExecutionExceptionHandler(Main::report);
  }

  private static KeyId keyId(String text) {
    return converted(text.toLowerCase(Locale.ROOT), KeyId::new);
  }

  private static KeyAlgorithm keyAlgorithm(String text) {
    return KeyAlgorithm.named(text)
        .orElseThrow(
            () -> new CommandLine.TypeConversionException("there is no key algorithm " + text));
  }

  private static <T> T converted(String text, Function<String, T> parser) {
    try {
      return parser.apply(text);
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
