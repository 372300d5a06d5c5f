package dev.chancery.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Revokes many certificates of a running server at once (docs/revocation.md). */
@Command(
    name = "revoke-matching",
    description =
        "Revoke all certificates that a filter means. First with --dry-run, which counts them; then"
            + " with that count, which confirms them.",
    mixinStandardHelpOptions = true)
final class RevokeMatchingCommand implements Callable<Integer> {
  private static final String PATH = "/admin/v1/bulk-revocations";
  private static final long LOOK_AGAIN = 500;

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private HomeOption home = new HomeOption();
  @Mixin private OutputOption output = new OutputOption();

  /** Which certificates; those to which all that is given applies. */
  static final class Filter {
    @Option(names = "--issuer", paramLabel = "NAME", description = "those of this issuer")
    private @Nullable String issuer;

    @Option(names = "--profile", paramLabel = "NAME", description = "those of this profile")
    private @Nullable String profile;

    @Option(names = "--account", paramLabel = "ID", description = "those of this ACME account")
    private @Nullable String account;

    @Option(
        names = "--key",
        paramLabel = "HEX",
        description = "those of the key with this SHA-256 digest of its SubjectPublicKeyInfo")
    private @Nullable String key;

    @Option(
        names = "--name",
        paramLabel = "NAME",
        description = "those with this DNS name, IP address, e-mail address or URI")
    private @Nullable String name;

    @Option(
        names = "--issued-from",
        paramLabel = "TIME",
        description = "those issued then or later, such as 2026-01-31T12:00:00Z")
    private @Nullable String issuedFrom;

    @Option(names = "--issued-until", paramLabel = "TIME", description = "those issued before")
    private @Nullable String issuedUntil;

    private void into(ObjectNode body) {
      put(body, "issuer", issuer);
      put(body, "profile", profile);
      put(body, "account", account);
      put(body, "key", key);
      put(body, "name", name);
      put(body, "issuedFrom", issuedFrom);
      put(body, "issuedUntil", issuedUntil);
    }
  }

  @ArgGroup(exclusive = false, multiplicity = "1", heading = "Which certificates:%n")
  private Filter filter = new Filter();

  /** To count, or to do it. */
  static final class Confirmation {
    @Option(names = "--dry-run", description = "only count the certificates; change nothing")
    private boolean dryRun;

    @Option(
        names = "--certificates",
        paramLabel = "NUMBER",
        description = "revoke them, if they are as many as this")
    private int certificates;
  }

  @ArgGroup(exclusive = true, multiplicity = "1")
  private Confirmation confirmation = new Confirmation();

  @Option(
      names = "--reason",
      paramLabel = "REASON",
      defaultValue = "unspecified",
      description = "as of certificate revoke")
  private String reason = "unspecified";

  @Option(
      names = "--invalidity-date",
      paramLabel = "TIME",
      description = "since when the keys are suspected, such as 2026-01-31T12:00:00Z")
  private @Nullable String invalidityDate;

  @Override
  public Integer call() throws Exception {
    ObjectNode body = JsonNodeFactory.instance.objectNode().put("reason", reason);
    filter.into(body);
    put(body, "invalidityDate", invalidityDate);
    if (confirmation.dryRun) {
      body.put("dryRun", true);
    } else {
      body.put("certificates", confirmation.certificates);
    }
    try (AdminClient admin = AdminClient.open(home.open())) {
      JsonNode answer = admin.post(PATH, body);
      // It goes on without us too; who waits is told of the end.
      while (answer.path("state").asText().equals("running")) {
        Thread.sleep(LOOK_AGAIN);
        answer = admin.get(PATH + "/" + answer.path("id").asText());
      }
      output.object(spec.commandLine().getOut(), answer);
      return 0;
    }
  }

  private static void put(ObjectNode body, String member, @Nullable String value) {
    if (value != null) {
      body.put(member, value);
    }
  }
}
