package dev.chancery.server;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Refused;
import dev.chancery.core.TokenAway;
import dev.chancery.hsm.TokenUnusable;
import dev.chancery.server.ceremony.CeremonyRefused;
import dev.chancery.server.ceremony.CeremonyTool;
import dev.chancery.store.DatabaseUnusable;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * Lists the issuing CAs, puts one in the place of another, and gets their certificates from an
 * offline root.
 */
@Command(
    name = "issuer",
    description = {
      "List the issuing CAs, put one in the place of another, and get their certificates from an",
      "offline root."
    },
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class IssuerCommand {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Command(
      name = "list",
      description = {
        "List the CAs that the running server knows, with their live certificates.",
        "Those that the server has for itself are not counted."
      },
      mixinStandardHelpOptions = true)
  int list(@Mixin HomeOption home, @Mixin OutputOption output)
      throws ConfigurationInvalid, CommandFailed {
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.table(
          spec.commandLine().getOut(),
          admin.get("/admin/v1/issuers"),
          List.of(
              "name",
              "state",
              "successor",
              "live",
              "liveUntil",
              "answersUntil",
              "endpoints",
              "subject",
              "notAfter"));
      return 0;
    }
  }

  @Command(
      name = "activate",
      description = {
        "Have an issuer sign in the place of another from now on, without a restart.",
        "The other keeps its OCSP answers and CRLs. To take it back, activate the other again."
      },
      mixinStandardHelpOptions = true)
  int activate(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Parameters(paramLabel = "NAME", description = "who signs") IssuerId name,
      @Option(
              names = "--instead-of",
              paramLabel = "NAME",
              description = "whose place it takes (default: who signs at the default endpoint)")
          @Nullable IssuerId insteadOf)
      throws ConfigurationInvalid, CommandFailed {
    ObjectNode body = JsonNodeFactory.instance.objectNode();
    if (insteadOf != null) {
      body.put("insteadOf", insteadOf.value());
    }
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.object(
          spec.commandLine().getOut(),
          admin.post("/admin/v1/issuers/" + name + "/activation", body));
      return 0;
    }
  }

  @Command(
      name = "retire",
      description = {
        "Have an issuer that was replaced never sign again.",
        "Refused with their number while it has live certificates, held ones included. OCSP",
        "answers and CRLs go on until the last revoked one has ended: list says when that is."
      },
      mixinStandardHelpOptions = true)
  int retire(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Parameters(paramLabel = "NAME", description = "the issuer's name") IssuerId name)
      throws ConfigurationInvalid, CommandFailed {
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.object(
          spec.commandLine().getOut(),
          admin.post(
              "/admin/v1/issuers/" + name + "/retirement", JsonNodeFactory.instance.objectNode()));
      return 0;
    }
  }

  @Command(
      name = "request",
      description = {
        "Make the key of an issuer of the configuration, and ask for a certificate over it.",
        "The request goes to the home's ca/NAME.csr; it is for the plan of a ceremony.",
        "Until the certificate is there, the server does without that issuer."
      },
      mixinStandardHelpOptions = true)
  int request(
      @Mixin HomeOption home,
      @Parameters(paramLabel = "NAME", description = "the issuer's name") IssuerId name,
      @Option(
              names = "--algorithm",
              paramLabel = "ALGORITHM",
              description = "of a key that is made: ec-p256, ec-p384, rsa-2048, rsa-3072, rsa-4096")
          @Nullable KeyAlgorithm algorithm,
      @Mixin SubjectOption subject)
      throws ConfigurationInvalid, CommandFailed, CeremonyRefused, TokenUnusable, TokenAway {
    KeyAlgorithm wanted = algorithm == null ? KeyAlgorithm.EC_P256 : algorithm;
    Path request = offlineRoot(home.open()).request(name, wanted, subject.subject());
    PrintWriter out = spec.commandLine().getOut();
    out.println("written: " + request);
    out.println("the plan names it with sha256: " + CeremonyTool.digest(request));
    return 0;
  }

  @Command(
      name = "import",
      description = {
        "Take the certificate of an issuer out of the directory of a ceremony.",
        "The ceremony is verified first. With the embedded database, stop the server before.",
        "Without NAME only the root's CRL is taken. One that is not newer than the published one,"
            + " or",
        "lacks a certificate that is revoked, is refused."
      },
      mixinStandardHelpOptions = true)
  int take(
      @Mixin HomeOption home,
      @Parameters(paramLabel = "NAME", arity = "0..1", description = "the issuer's name")
          @Nullable IssuerId name,
      @Option(
              names = "--from",
              paramLabel = "DIR",
              required = true,
              description = "what was carried from the offline machine")
          Path directory,
      @Option(
              names = "--plan-sha256",
              paramLabel = "HEX",
              required = true,
              description = "the digest of the plan, from your paper")
          String planDigest)
      throws ConfigurationInvalid,
          CommandFailed,
          CeremonyRefused,
          TokenUnusable,
          TokenAway,
          DatabaseUnusable,
          Refused {
    PrintWriter out = spec.commandLine().getOut();
    OfflineRoot root = offlineRoot(home.open());
    if (name == null) {
      root.takeCrl(directory, planDigest).forEach(taken -> out.println("imported: " + taken));
      return 0;
    }
    root.take(name, directory, planDigest).forEach(taken -> out.println("imported: " + taken));
    out.println(
        "It is served from the next start on. Then chancery issuer activate has it sign or,");
    out.println("when its root is a new one, chancery rollover switch.");
    return 0;
  }

  private static OfflineRoot offlineRoot(Home home) throws ConfigurationInvalid {
    return new OfflineRoot(
        home,
        Configuration.read(home, Map.of()),
        Clock.systemUTC(),
        new SecureRandom(),
        System::getenv);
  }
}
