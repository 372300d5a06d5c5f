package dev.chancery.server;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Marks certificates of a running server for early renewal (docs/renewal.md). */
@Command(
    name = "renewal",
    description = "Have clients renew certificates early, at a pace (RFC 9773).",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class RenewalCommand {
  private static final String PATH = "/admin/v1/renewal-marks";

  @Spec private CommandSpec spec = CommandSpec.create();

  /** Which certificates; those to which all that is given applies. */
  static final class Scope {
    @Option(names = "--issuer", paramLabel = "NAME", description = "those of this issuer")
    private @Nullable String issuer;

    @Option(
        names = "--key",
        paramLabel = "HEX",
        description = "those of the issuer whose key has this CKA_ID or subject key identifier")
    private @Nullable String key;

    @Option(names = "--profile", paramLabel = "NAME", description = "those of this profile")
    private @Nullable String profile;

    @Option(
        names = "--issued-from",
        paramLabel = "TIME",
        description = "those issued then or later, such as 2026-01-31T12:00:00Z")
    private @Nullable String issuedFrom;

    @Option(
        names = "--issued-until",
        paramLabel = "TIME",
        description = "those issued before; never any that is issued after the mark is made")
    private @Nullable String issuedUntil;

    private void into(ObjectNode body) {
      put(body, "issuer", issuer);
      put(body, "key", key);
      put(body, "profile", profile);
      put(body, "issuedFrom", issuedFrom);
      put(body, "issuedUntil", issuedUntil);
    }
  }

  @Command(
      name = "mark",
      description =
          "Move the suggested renewal windows of certificates forward, spread evenly at a pace.",
      mixinStandardHelpOptions = true)
  int mark(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @ArgGroup(exclusive = false, multiplicity = "1", heading = "Which certificates:%n")
          Scope scope,
      @Option(
              names = "--per-hour",
              required = true,
              paramLabel = "NUMBER",
              description = "how many certificates should be renewed in an hour")
          int perHour,
      @Option(
              names = "--starts-at",
              paramLabel = "TIME",
              description = "when the first have their turn (default: now)")
          @Nullable String startsAt,
      @Option(
              names = "--reason",
              required = true,
              paramLabel = "TEXT",
              description = "why, for the audit")
          String reason,
      @Option(
              names = "--explanation-url",
              paramLabel = "URL",
              description = "a page that clients show to their operators")
          @Nullable String explanationUrl,
      @Option(names = "--dry-run", description = "only count the certificates; change nothing")
          boolean dryRun)
      throws ConfigurationInvalid, CommandFailed {
    ObjectNode body =
        JsonNodeFactory.instance
            .objectNode()
            .put("certificatesPerHour", perHour)
            .put("reason", reason)
            .put("dryRun", dryRun);
    scope.into(body);
    put(body, "startsAt", startsAt);
    put(body, "explanationUrl", explanationUrl);
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.object(spec.commandLine().getOut(), admin.post(PATH, body));
      return 0;
    }
  }

  @Command(name = "list", description = "List the marks in force.", mixinStandardHelpOptions = true)
  int list(@Mixin HomeOption home, @Mixin OutputOption output)
      throws ConfigurationInvalid, CommandFailed {
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.table(
          spec.commandLine().getOut(),
          admin.get(PATH),
          List.of(
              "id",
              "issuer",
              "profile",
              "certificates",
              "certificatesPerHour",
              "startsAt",
              "endsAt",
              "reason"));
      return 0;
    }
  }

  @Command(
      name = "clear",
      description = "End a mark; the windows are again what they were.",
      mixinStandardHelpOptions = true)
  int clear(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Parameters(paramLabel = "ID", description = "as list shows it") String id)
      throws ConfigurationInvalid, CommandFailed {
    if (!id.matches("[0-9a-f-]{36}")) {
      throw new CommandFailed("the id of a mark is a UUID, not " + id);
    }
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.object(spec.commandLine().getOut(), admin.delete(PATH + "/" + id));
      return 0;
    }
  }

  private static void put(ObjectNode body, String member, @Nullable String value) {
    if (value != null) {
      body.put(member, value);
    }
  }
}
