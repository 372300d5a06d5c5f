package dev.chancery.server;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.Refused;
import dev.chancery.core.TokenAway;
import dev.chancery.hsm.TokenUnusable;
import dev.chancery.server.ceremony.CeremonyRefused;
import dev.chancery.server.ceremony.CeremonyTool;
import dev.chancery.server.ceremony.Console;
import dev.chancery.server.ceremony.Outcome;
import dev.chancery.server.ceremony.PinShares;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The offline root's ceremonies; needs no home and no network (docs/ceremony.md). */
@Command(
    name = "ceremony",
    description = "Plan, rehearse, hold and verify the ceremonies of an offline root.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class CeremonyCommand {
  @Spec private CommandSpec spec = CommandSpec.create();

  /** The token that a ceremony works with; there is no home that could name it. */
  static final class TokenOptions {
    @Option(
        names = "--library",
        paramLabel = "FILE",
        required = true,
        description = "the PKCS #11 library")
    private Path library = Path.of("");

    @Option(
        names = "--environment",
        paramLabel = "KEY=VALUE",
        description = "set before the library is loaded, such as SOFTHSM2_CONF")
    private Map<String, String> environment = new LinkedHashMap<>();

    @Option(
        names = "--initialize-arguments",
        paramLabel = "TEXT",
        description = "what the library is given by C_Initialize")
    private @Nullable String initializeArguments;

    @Option(
        names = "--pin-file",
        paramLabel = "FILE",
        required = true,
        description = "holds the user PIN; the token's, or the one that it is to get")
    private Path pinFile = Path.of("");

    @Option(
        names = "--so-pin-file",
        paramLabel = "FILE",
        description = "holds the security officer's PIN, when the token is to be initialized")
    private @Nullable Path officerPinFile;

    private CeremonyTool.TokenAccess access() {
      return new CeremonyTool.TokenAccess(
          library.toAbsolutePath().normalize(),
          environment,
          Optional.ofNullable(initializeArguments),
          pinFile,
          Optional.ofNullable(officerPinFile));
    }
  }

  @Command(
      name = "check",
      description = {
        "Read DIR/plan.yaml and the files beside it, and say in plain words what would be made.",
        "With --library and --pin-file look at the token as well, when it is there already:",
        "whether it can bear the mark of a ceremony. An object is made in it, and destroyed.",
      },
      mixinStandardHelpOptions = true)
  int check(
      @Option(names = "--library", paramLabel = "FILE", description = "the PKCS #11 library")
          @Nullable Path library,
      @Option(
              names = "--environment",
              paramLabel = "KEY=VALUE",
              description = "set before the library is loaded, such as SOFTHSM2_CONF")
          @Nullable Map<String, String> environment,
      @Option(
              names = "--initialize-arguments",
              paramLabel = "TEXT",
              description = "what the library is given by C_Initialize")
          @Nullable String initializeArguments,
      @Option(names = "--pin-file", paramLabel = "FILE", description = "holds the user PIN")
          @Nullable Path pinFile,
      @Parameters(paramLabel = "DIR") Path directory)
      throws CeremonyRefused, ConfigurationInvalid, TokenUnusable, TokenAway, WrongUsage {
    PrintWriter out = spec.commandLine().getOut();
    if ((library == null) != (pinFile == null)) {
      throw new WrongUsage("--library and --pin-file are given both or not at all");
    }
    tool().checkPlan(directory).forEach(out::println);
    if (library != null && pinFile != null) {
      CeremonyTool.TokenAccess access =
          new CeremonyTool.TokenAccess(
              library.toAbsolutePath().normalize(),
              environment == null ? Map.of() : environment,
              Optional.ofNullable(initializeArguments),
              pinFile,
              Optional.empty());
      out.println(tool().checkToken(directory, access));
    }
    return 0;
  }

  @Command(
      name = "manifest",
      description = "Write DIR/MANIFEST, for a directory that is carried to another machine.",
      mixinStandardHelpOptions = true)
  int manifest(@Parameters(paramLabel = "DIR") Path directory)
      throws CeremonyRefused, ConfigurationInvalid {
    tool().writeManifest(directory);
    return 0;
  }

  @Command(
      name = "rehearse",
      description = {
        "Go through a ceremony with a throw-away token, which must be free to be initialized.",
        "Everything that is made has REHEARSAL in its name."
      },
      mixinStandardHelpOptions = true)
  int rehearse(
      @Mixin TokenOptions token,
      @Option(
              names = "--in",
              paramLabel = "DIR",
              required = true,
              description = "plan, requests; takes the transcript, which the ceremony wants there")
          Path in,
      @Option(
              names = "--out",
              paramLabel = "DIR",
              required = true,
              description = "takes transcript and results; to go on with a rehearsal, the same")
          Path out)
      throws CeremonyRefused, ConfigurationInvalid, TokenUnusable, TokenAway, Refused {
    tool().run(in, out, true, token.access());
    return 0;
  }

  @Command(
      name = "run",
      description = {
        "Hold a ceremony. Whatever ended it, the same command goes on where it stood.",
        "Nothing is signed twice, nothing without its name being typed."
      },
      mixinStandardHelpOptions = true)
  int run(
      @Mixin TokenOptions token,
      @Option(
              names = "--in",
              paramLabel = "DIR",
              required = true,
              description =
                  "plan, requests, rehearsal, the witnesses' signatures, the signed manifest")
          Path in,
      @Option(
              names = "--out",
              paramLabel = "DIR",
              required = true,
              description = "takes transcript and results")
          Path out)
      throws CeremonyRefused, ConfigurationInvalid, TokenUnusable, TokenAway, Refused {
    tool().run(in, out, false, token.access());
    return 0;
  }

  @Command(
      name = "status",
      description = "Say where the ceremony in DIR stands.",
      mixinStandardHelpOptions = true)
  int status(@Parameters(paramLabel = "DIR") Path directory) throws CeremonyRefused {
    PrintWriter out = spec.commandLine().getOut();
    tool().status(directory).forEach(out::println);
    return 0;
  }

  @Command(
      name = "verify",
      description = {
        "Check a finished ceremony from its directory alone.",
        "Compare the digests with those on paper: the plan's is what makes the witnesses yours, the"
            + " rehearsal's the program."
      },
      mixinStandardHelpOptions = true)
  int verify(
      @Mixin OutputOption output,
      @Option(
              names = "--carried",
              description = "refuse a directory without a signed manifest, and what is not in it")
          boolean carried,
      @Parameters(paramLabel = "DIR") Path directory)
      throws CeremonyRefused, ConfigurationInvalid {
    Outcome outcome = CeremonyTool.verify(directory, carried);
    ObjectNode shown =
        JsonNodeFactory.instance
            .objectNode()
            .put("verified", outcome.ceremony())
            .put("planSha256", outcome.planDigest())
            .put("rehearsalSha256", outcome.rehearsalDigest());
    outcome.made().forEach(shown.putArray("signed")::add);
    outcome.abandoned().forEach(shown.putArray("givenUp")::add);
    outcome.notMade().forEach(shown.putArray("notMade")::add);
    shown.put("end", outcome.end());
    outcome.withoutMark().ifPresent(words -> shown.put("token", words));
    output.object(spec.commandLine().getOut(), shown);
    return 0;
  }

  @Command(
      name = "split-pin",
      description = {
        "Split the PIN of a file into shares, one for each envelope.",
        "They are printed, and kept nowhere."
      },
      mixinStandardHelpOptions = true)
  int splitPin(
      @Option(names = "--pin-file", paramLabel = "FILE", required = true, description = "the PIN")
          Path pinFile,
      @Option(
              names = "--needed",
              paramLabel = "COUNT",
              required = true,
              description = "how many shares give it back")
          int needed,
      @Option(
              names = "--shares",
              paramLabel = "COUNT",
              required = true,
              description = "how many shares to make")
          int shares)
      throws ConfigurationInvalid, WrongUsage {
    try {
      PrintWriter out = spec.commandLine().getOut();
      for (String share :
          PinShares.split(Home.secret(pinFile), needed, shares, new SecureRandom())) {
        out.println(share);
      }
      return 0;
    } catch (IllegalArgumentException e) {
      throw new WrongUsage(String.valueOf(e.getMessage()));
    }
  }

  @Command(
      name = "join-pin",
      description = {
        "Put a PIN together from shares that are typed, one a line, up to an empty line.",
        "It goes to a new file that only this user can read."
      },
      mixinStandardHelpOptions = true)
  int joinPin(
      @Option(
              names = "--pin-file",
              paramLabel = "FILE",
              required = true,
              description = "takes the PIN; must not be there")
          Path pinFile)
      throws CeremonyRefused, ConfigurationInvalid {
    if (Files.exists(pinFile)) {
      throw new CeremonyRefused(pinFile + ": is there already");
    }
    Console console = console();
    List<String> shares = new ArrayList<>();
    for (String share = console.ask("share: "); !share.isEmpty(); share = console.ask("share: ")) {
      shares.add(share);
    }
    Home.writePrivate(pinFile, PinShares.join(shares, new SecureRandom()) + "\n");
    return 0;
  }

  private CeremonyTool tool() {
    return new CeremonyTool(
        console(), Clock.systemUTC(), new SecureRandom(), new Main.Version().getVersion()[0]);
  }

  private Console console() {
    PrintWriter out = spec.commandLine().getOut();
    // Closing it would close the process's standard input.
    BufferedReader typed =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    return new Console() {
      @Override
      public void say(String text) {
        out.println(text);
      }

      @Override
      public String ask(String question) {
        out.print(question);
        out.flush();
        try {
          String line = typed.readLine();
          return line == null ? "" : line.strip();
        } catch (IOException e) {
          return "";
        }
      }
    };
  }
}
