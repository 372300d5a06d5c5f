package dev.chancery.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Makes, lists and revokes keys for external account binding on a running server. */
@Command(
    name = "binding",
    description = "Make, list and revoke keys for external account binding (RFC 8555 7.3.4).",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class BindingCommand {
  private static final String PATH = "/admin/v1/bindings";
  private static final List<String> COLUMNS =
      List.of("kid", "label", "endpoint", "state", "used", "uses", "expires");

  @Spec private CommandSpec spec = CommandSpec.create();

  @Command(
      name = "create",
      description = {
        "Make a binding key. Its secret, macKey, is printed here and never again.",
        "A PATTERN is a name (www.example.com), all names below a domain at any depth"
            + " (*.example.com), all DNS names (*), an IP address or a block of them"
            + " (192.0.2.0/24)."
      },
      mixinStandardHelpOptions = true)
  int create(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Option(
              names = "--endpoint",
              paramLabel = "NAME",
              defaultValue = "default",
              description = "the ACME endpoint that it is for (default: ${DEFAULT-VALUE})")
          String endpoint,
      @Option(
              names = "--label",
              paramLabel = "TEXT",
              defaultValue = "",
              description = "who or what it is for, in your words")
          String label,
      @Option(
              names = "--preauthorized",
              paramLabel = "PATTERN",
              description = "names whose orders need no challenge; can be repeated")
          @Nullable List<String> preauthorized,
      @Option(
              names = "--name",
              paramLabel = "PATTERN",
              description =
                  "names that can be ordered too, with challenges; can be repeated (default: none"
                      + " beside preauthorized ones, all when there are none of those)")
          @Nullable List<String> names,
      @Option(
              names = "--profile",
              paramLabel = "PROFILE",
              description = "the profiles of certificates; can be repeated (default: all)")
          @Nullable List<String> profiles,
      @Option(
              names = "--uses",
              paramLabel = "NUMBER",
              defaultValue = "1",
              description = "how many accounts it binds, or unlimited (default: ${DEFAULT-VALUE})")
          String uses,
      @Option(
              names = "--expires",
              paramLabel = "TIME",
              description =
                  "when it ends, and with it the orders of its accounts, such as"
                      + " 2027-01-31T12:00:00Z (default: when it is revoked)")
          @Nullable String expires)
      throws ConfigurationInvalid, CommandFailed {
    ObjectNode body =
        JsonNodeFactory.instance.objectNode().put("endpoint", endpoint).put("label", label);
    put(body, "preauthorized", preauthorized);
    put(body, "names", names);
    put(body, "profiles", profiles);
    if (uses.matches("[0-9]{1,9}")) {
      body.put("uses", Integer.parseInt(uses));
    } else {
      body.put("uses", uses);
    }
    if (expires != null) {
      body.put("expires", expires);
    }
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.object(spec.commandLine().getOut(), admin.post(PATH, body));
      return 0;
    }
  }

  private static void put(ObjectNode body, String member, @Nullable List<String> values) {
    if (values != null) {
      ArrayNode array = body.putArray(member);
      values.forEach(array::add);
    }
  }

  @Command(
      name = "list",
      description = "List the binding keys, without their secrets.",
      mixinStandardHelpOptions = true)
  int list(@Mixin HomeOption home, @Mixin OutputOption output)
      throws ConfigurationInvalid, CommandFailed {
    try (AdminClient admin = AdminClient.open(home.open())) {
      ArrayNode all = JsonNodeFactory.instance.arrayNode();
      JsonNode page = admin.get(PATH);
      while (!page.isEmpty()) {
        List<JsonNode> keys = new ArrayList<>();
        page.forEach(keys::add);
        all.addAll(keys);
        page = admin.get(PATH + "?after=" + keys.getLast().path("kid").asText());
      }
      output.table(spec.commandLine().getOut(), all, COLUMNS);
      return 0;
    }
  }

  @Command(
      name = "show",
      description = "Show a binding key, without its secret.",
      mixinStandardHelpOptions = true)
  int show(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Parameters(paramLabel = "KID", description = "as create and list print it") String kid)
      throws ConfigurationInvalid, CommandFailed {
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.object(spec.commandLine().getOut(), admin.get(path(kid)));
      return 0;
    }
  }

  @Command(
      name = "revoke",
      description =
          "Revoke a binding key: it makes no more accounts, and those that it made get no more"
              + " certificates. Their certificates stay.",
      mixinStandardHelpOptions = true)
  int revoke(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Parameters(paramLabel = "KID", description = "as create and list print it") String kid)
      throws ConfigurationInvalid, CommandFailed {
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.object(
          spec.commandLine().getOut(),
          admin.post(path(kid) + "/revocation", JsonNodeFactory.instance.objectNode()));
      return 0;
    }
  }

  private static String path(String kid) throws CommandFailed {
    if (!kid.matches("[A-Za-z0-9_-]{22}")) {
      throw new CommandFailed("a kid is 22 letters, digits, hyphens and underscores: " + kid);
    }
    return PATH + "/" + kid;
  }
}
