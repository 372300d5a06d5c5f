package dev.chancery.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
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

/** Makes, lists and deletes roles of the Vault-shaped API on a running server. */
@Command(
    name = "role",
    description =
        "Say who has certificates signed over the Vault-shaped API, such as cert-manager.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = RoleCredentialCommand.class)
final class RoleCommand {
  static final String PATH = "/admin/v1/roles";
  private static final List<String> COLUMNS =
      List.of("name", "roleId", "issuer", "profile", "ca", "names");

  @Spec private CommandSpec spec = CommandSpec.create();

  @Command(
      name = "create",
      description = {
        "Make a role.",
        "A RULE is dns:NAME (it and all names below it) or dns:*, ip:BLOCK, uri:PREFIX/ or uri:*,"
            + " email:DOMAIN or email:*, other:OID=TEXT or other:OID=*SUFFIX or other:OID,"
            + " subject:TYPE=TEXT or subject:TYPE=* (O, OU, CN, ...; where the profile copies"
            + " subjects)."
      },
      mixinStandardHelpOptions = true)
  int create(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Parameters(paramLabel = "NAME", description = "what requesters call it") String name,
      @Option(names = "--issuer", paramLabel = "ISSUER", required = true, description = "who signs")
          String issuer,
      @Option(
              names = "--profile",
              paramLabel = "PROFILE",
              required = true,
              description = "what the certificates look like")
          String profile,
      @Option(
              names = "--name",
              paramLabel = "RULE",
              description = "names that are certified; can be repeated")
          @Nullable List<String> names,
      @Option(
              names = "--deny",
              paramLabel = "RULE",
              description = "names that are not even so; can be repeated")
          @Nullable List<String> denied,
      @Option(names = "--wildcards", description = "certify wildcard DNS names too")
          boolean wildcards,
      @Option(
              names = "--ttl",
              paramLabel = "TIME",
              description = "how long certificates live when the request does not say")
          @Nullable String ttl,
      @Option(
              names = "--max-ttl",
              paramLabel = "TIME",
              description = "how long they live at most; a longer wish is cut")
          @Nullable String maxTtl,
      @Option(names = "--ca", description = "the certificates are those of CAs") boolean ca,
      @Option(
              names = "--path-length",
              paramLabel = "NUMBER",
              description = "how many CAs may stand below one of them")
          @Nullable Integer pathLength,
      @Option(
              names = "--service-account",
              paramLabel = "NAMESPACE/NAME",
              description = "who may log in from the cluster, * for any; can be repeated")
          @Nullable List<String> accounts,
      @Option(
              names = "--audience",
              paramLabel = "TEXT",
              description = "what their tokens must be meant for, such as vault://ISSUER")
          @Nullable String audience,
      @Option(
              names = "--cluster",
              paramLabel = "NAME",
              description = "the cluster, as vault.clusters names it (default: kubernetes)")
          @Nullable String cluster,
      @Option(
              names = "--certificate-name",
              paramLabel = "RULE",
              description =
                  "who may log in by a certificate of this CA, all names of which are such; can be"
                      + " repeated")
          @Nullable List<String> certificateNames,
      @Option(
              names = "--certificate-issuer",
              paramLabel = "ISSUER",
              description = "whose certificates these are (default: the role's issuer)")
          @Nullable String certificateIssuer)
      throws ConfigurationInvalid, CommandFailed {
    ObjectNode body =
        JsonNodeFactory.instance
            .objectNode()
            .put("name", name)
            .put("issuer", issuer)
            .put("profile", profile);
    put(body, "names", names);
    put(body, "deniedNames", denied);
    body.put("wildcards", wildcards).put("ca", ca);
    put(body, "ttl", ttl);
    put(body, "maxTtl", maxTtl);
    if (pathLength != null) {
      body.put("pathLength", pathLength);
    }
    put(body, "serviceAccounts", accounts);
    put(body, "audience", audience);
    put(body, "cluster", cluster);
    put(body, "certificateNames", certificateNames);
    put(body, "certificateIssuer", certificateIssuer);
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.object(spec.commandLine().getOut(), admin.post(PATH, body));
      return 0;
    }
  }

  @Command(name = "list", description = "List the roles.", mixinStandardHelpOptions = true)
  int list(@Mixin HomeOption home, @Mixin OutputOption output)
      throws ConfigurationInvalid, CommandFailed {
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.table(spec.commandLine().getOut(), admin.get(PATH), COLUMNS);
      return 0;
    }
  }

  @Command(name = "show", description = "Show a role.", mixinStandardHelpOptions = true)
  int show(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Parameters(paramLabel = "NAME", description = "the role") String name)
      throws ConfigurationInvalid, CommandFailed {
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.object(spec.commandLine().getOut(), admin.get(path(name)));
      return 0;
    }
  }

  @Command(
      name = "delete",
      description =
          "Delete a role with its credentials: nothing is signed under it any more. Its"
              + " certificates stay.",
      mixinStandardHelpOptions = true)
  int delete(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Parameters(paramLabel = "NAME", description = "the role") String name)
      throws ConfigurationInvalid, CommandFailed {
    try (AdminClient admin = AdminClient.open(home.open())) {
      JsonNode deleted = admin.delete(path(name));
      output.object(spec.commandLine().getOut(), deleted);
      return 0;
    }
  }

  static String path(String name) throws CommandFailed {
    if (!name.matches("[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?")) {
      throw new CommandFailed(
          "a role's name is 1 to 63 of a-z, 0-9 and inner hyphens, dots and underscores: " + name);
    }
    return PATH + "/" + name;
  }

  static void put(ObjectNode body, String member, @Nullable List<String> values) {
    if (values != null) {
      ArrayNode array = body.putArray(member);
      values.forEach(array::add);
    }
  }

  static void put(ObjectNode body, String member, @Nullable String value) {
    if (value != null) {
      body.put(member, value);
    }
  }
}
