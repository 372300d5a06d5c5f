package dev.chancery.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.TokenAway;
import dev.chancery.hsm.Finding;
import dev.chancery.hsm.KeyCapability;
import dev.chancery.hsm.TokenCeremony;
import dev.chancery.hsm.TokenFlag;
import dev.chancery.hsm.TokenInfo;
import dev.chancery.hsm.TokenMechanism;
import dev.chancery.hsm.TokenModule;
import dev.chancery.hsm.TokenName;
import dev.chancery.hsm.TokenUnusable;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Looks at tokens and prepares them; needs no server (docs/token.md). */
@Command(
    name = "token",
    description = "Look at PKCS #11 tokens and prepare them.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class TokenCommand {
  /** For the check of a token that no configuration belongs to: token.threads' default. */
  private static final int THREADS = 4;

  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Command(
      name = "init",
      description = {
        "Initialize a token that nobody has initialized yet, and set its user PIN.",
        "A token that is initialized is never touched."
      },
      mixinStandardHelpOptions = true)
  int init(
      @Mixin LoginOption login,
      @Mixin OutputOption output,
      @Option(
              names = "--so-pin-file",
              paramLabel = "FILE",
              required = true,
              description = "holds the PIN of the security officer")
          Path securityOfficerPinFile)
      throws ConfigurationInvalid, WrongUsage, TokenUnusable, TokenAway {
    LibraryOption.Choice choice = login.choose();
    TokenName name = login.name(choice);
    if (name.label().isEmpty()) {
      throw new WrongUsage("--label is needed: a new token gets one");
    }
    Path pinFile = login.pinFile(choice);
    TokenInfo made = choice.load().initialize(name, securityOfficerPinFile, pinFile);
    output.object(spec.commandLine().getOut(), json(made));
    return 0;
  }

  @Command(
      name = "list",
      description = "List the tokens of a library; needs no PIN.",
      mixinStandardHelpOptions = true)
  int list(@Mixin LibraryOption library, @Mixin OutputOption output)
      throws ConfigurationInvalid, WrongUsage, TokenUnusable, TokenAway {
    ArrayNode rows = JSON.arrayNode();
    library.choose().load().tokens().forEach(token -> rows.add(json(token)));
    output.table(
        spec.commandLine().getOut(),
        rows,
        List.of("label", "serial", "manufacturer", "model", "sessions", "maxSessions", "flags"));
    return 0;
  }

  @Command(
      name = "info",
      description = "Show a token and what it can do; needs no PIN.",
      mixinStandardHelpOptions = true)
  int info(@Mixin TokenOption token, @Mixin OutputOption output)
      throws ConfigurationInvalid, WrongUsage, TokenUnusable, TokenAway {
    LibraryOption.Choice choice = token.choose();
    TokenName name = token.name(choice);
    TokenModule module = choice.load();
    ObjectNode shown = json(module.token(name));
    ArrayNode keys = shown.putArray("keys");
    module.capabilities(name).forEach(capability -> keys.add(json(capability)));
    ArrayNode mechanisms = shown.putArray("mechanisms");
    module.mechanisms(name).forEach(mechanism -> mechanisms.add(json(mechanism)));
    output.object(spec.commandLine().getOut(), shown);
    return 0;
  }

  @Command(
      name = "check",
      description = {
        "Log in once and check all that a server needs of the token.",
        "Ends with 1 when anything is FAIL."
      },
      mixinStandardHelpOptions = true)
  int check(@Mixin LoginOption login, @Mixin OutputOption output)
      throws ConfigurationInvalid, WrongUsage, TokenUnusable, TokenAway {
    LibraryOption.Choice choice = login.choose();
    int threads =
        choice.home().isPresent()
            ? choice.configuration().orElseThrow().token().threads()
            : THREADS;
    List<Finding> findings;
    try (TokenCeremony ceremony = login.open(choice)) {
      findings = ceremony.check(threads);
    }
    ArrayNode rows = JSON.arrayNode();
    for (Finding finding : findings) {
      rows.addObject()
          .put("result", finding.level().name())
          .put("subject", finding.subject())
          .put("detail", finding.detail());
    }
    output.table(spec.commandLine().getOut(), rows, List.of("result", "subject", "detail"));
    return findings.stream().anyMatch(finding -> finding.level() == Finding.Level.FAIL)
        ? Main.FAILED
        : 0;
  }

  private static ObjectNode json(TokenInfo token) {
    ObjectNode json =
        JSON.objectNode()
            .put("label", token.label())
            .put("serial", token.serial())
            .put("manufacturer", token.manufacturer())
            .put("model", token.model())
            .put("hardwareVersion", token.hardwareVersion())
            .put("firmwareVersion", token.firmwareVersion());
    ArrayNode flags = json.putArray("flags");
    for (TokenFlag flag : token.flags()) {
      flags.add(flag.toString());
    }
    count(json, "sessions", token.sessions());
    count(json, "maxSessions", token.mostSessions());
    count(json, "rwSessions", token.writingSessions());
    count(json, "maxRwSessions", token.mostWritingSessions());
    return json;
  }

  private static void count(ObjectNode json, String key, OptionalLong count) {
    if (count.isPresent()) {
      json.put(key, count.getAsLong());
    } else {
      json.putNull(key);
    }
  }

  private static ObjectNode json(KeyCapability capability) {
    return JSON.objectNode()
        .put("algorithm", capability.algorithm().toString())
        .put("scheme", capability.scheme().toString())
        .put("generates", capability.generates())
        .put("signs", capability.signs())
        .put("hash", capability.hashInToken() ? "token" : "process");
  }

  private static ObjectNode json(TokenMechanism mechanism) {
    return JSON.objectNode()
        .put("name", mechanism.name())
        .put("minKeySize", mechanism.smallestKey())
        .put("maxKeySize", mechanism.largestKey())
        .put("generates", mechanism.generates())
        .put("signs", mechanism.signs())
        .put("hardware", mechanism.hardware())
        .put("used", mechanism.used());
  }
}
