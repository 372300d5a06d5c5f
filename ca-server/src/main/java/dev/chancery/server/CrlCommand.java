package dev.chancery.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Looks at the CRLs of a running server, and has them made anew (docs/revocation.md). */
@Command(
    name = "crl",
    description = "Look at CRLs as relying parties see them, and have them made anew.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class CrlCommand {
  private static final String PATH = "/admin/v1/crls";

  @Spec private CommandSpec spec = CommandSpec.create();

  @Command(
      name = "list",
      description = {
        "List the CRLs that this server publishes, and those of roots: the number in the plan of a",
        "root's next ceremony is its nextNumber or higher."
      },
      mixinStandardHelpOptions = true)
  int list(@Mixin HomeOption home, @Mixin OutputOption output)
      throws ConfigurationInvalid, CommandFailed {
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.table(
          spec.commandLine().getOut(),
          admin.get(PATH),
          List.of("name", "number", "nextNumber", "thisUpdate", "nextUpdate", "octets", "url"));
      return 0;
    }
  }

  @Command(
      name = "show",
      description = "Show what the server finds when it fetches a CRL from its public URL.",
      mixinStandardHelpOptions = true)
  int show(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Parameters(paramLabel = "NAME", description = "as list shows it") String name)
      throws ConfigurationInvalid, CommandFailed {
    try (AdminClient admin = AdminClient.open(home.open())) {
      // The first one is of the URL that new certificates name.
      output.object(spec.commandLine().getOut(), admin.get(seen(name)).path(0));
      return 0;
    }
  }

  @Command(
      name = "verify",
      description = {
        "Fetch CRLs from all URLs that certificates name and verify them; ends with 1 unless each"
            + " is",
        "the newest one that was published, and one that relying parties can use now."
      },
      mixinStandardHelpOptions = true)
  int verify(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Parameters(
              arity = "0..1",
              paramLabel = "NAME",
              description = "as list shows it (default: all)")
          @Nullable String name)
      throws ConfigurationInvalid, CommandFailed {
    try (AdminClient admin = AdminClient.open(home.open())) {
      JsonNode rows = admin.get(name == null ? PATH + "/seen" : seen(name));
      output.table(
          spec.commandLine().getOut(),
          rows,
          List.of("name", "url", "usable", "newest", "number", "nextUpdate", "entries", "problem"));
      for (JsonNode row : rows) {
        if (!row.path("usable").asBoolean() || !row.path("newest").asBoolean()) {
          return Main.FAILED;
        }
      }
      return 0;
    }
  }

  @Command(
      name = "rebuild",
      description = "Have CRLs made anew, now; returns before they are.",
      mixinStandardHelpOptions = true)
  int rebuild(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Parameters(
              arity = "0..1",
              paramLabel = "NAME",
              description = "as list shows it (default: all)")
          @Nullable String name)
      throws ConfigurationInvalid, CommandFailed {
    ObjectNode body = JsonNodeFactory.instance.objectNode();
    if (name != null) {
      body.put("name", name);
    }
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.table(
          spec.commandLine().getOut(), admin.post(PATH + "/rebuild", body), List.of("name"));
      return 0;
    }
  }

  private static String seen(String name) {
    return PATH + "/seen?name=" + URLEncoder.encode(name, StandardCharsets.UTF_8);
  }
}
