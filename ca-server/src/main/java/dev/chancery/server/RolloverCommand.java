package dev.chancery.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import org.bouncycastle.cert.X509CertificateHolder;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Changes from one root to another, step by step, on a running server. */
@Command(
    name = "rollover",
    description = {
      "Change from one root to another without an outage (docs/root-rotation.md).",
      "The steps: prepare, publish, cross-sign, switch, retire. Each is refused while it is too",
      "early; status says what the next one waits for."
    },
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class RolloverCommand {
  private static final String PATH = "/admin/v1/rollover";

  @Spec private CommandSpec spec = CommandSpec.create();

  /** How the roots are written. */
  static final class BundleOptions {
    @Option(
        names = "--format",
        paramLabel = "FORMAT",
        defaultValue = "pem",
        description =
            "pem; configmap: a ConfigMap of Kubernetes; trust-manager: a Bundle of"
                + " cert-manager's trust-manager (default: ${DEFAULT-VALUE})")
    private String format = "pem";

    @Option(
        names = "--name",
        paramLabel = "NAME",
        defaultValue = "chancery-roots",
        description = "what the manifest calls it (default: ${DEFAULT-VALUE})")
    private String name = "chancery-roots";

    @Option(
        names = "--namespace",
        paramLabel = "NAME",
        description = "the namespace of a ConfigMap (default: none is written)")
    private @Nullable String namespace;

    private BundleManifest manifest() throws WrongUsage {
      return new BundleManifest(name, Optional.ofNullable(namespace));
    }
  }

  @Command(
      name = "status",
      description = "Show how far the rollover is, and what its next step waits for.",
      mixinStandardHelpOptions = true)
  int status(@Mixin HomeOption home, @Mixin OutputOption output)
      throws ConfigurationInvalid, CommandFailed {
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.object(spec.commandLine().getOut(), admin.get(PATH));
      return 0;
    }
  }

  @Command(
      name = "prepare",
      description = "Begin a rollover to the root that rollover.root of chancery.yaml names.",
      mixinStandardHelpOptions = true)
  int prepare(@Mixin HomeOption home, @Mixin OutputOption output)
      throws ConfigurationInvalid, CommandFailed {
    return step(home, output, "prepare", JsonNodeFactory.instance.objectNode());
  }

  @Command(
      name = "publish",
      description = "Give clients both roots: /roots.pem has the new one from now on.",
      mixinStandardHelpOptions = true)
  int publish(@Mixin HomeOption home, @Mixin OutputOption output)
      throws ConfigurationInvalid, CommandFailed {
    return step(home, output, "publish", JsonNodeFactory.instance.objectNode());
  }

  @Command(
      name = "cross-sign",
      description = {
        "Take the cross-certificates: every chain leads to both roots from now on.",
        "Again, before the old root is retired: take others that last longer in their place."
      },
      mixinStandardHelpOptions = true)
  int crossSign(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Option(
              names = "--old-by-new",
              required = true,
              paramLabel = "FILE",
              description = "the old root's certificate that the new root signed")
          Path oldByNew,
      @Option(
              names = "--new-by-old",
              required = true,
              paramLabel = "FILE",
              description = "the new root's certificate that the old root signed")
          Path newByOld)
      throws ConfigurationInvalid, CommandFailed {
    ObjectNode body =
        JsonNodeFactory.instance
            .objectNode()
            .put("oldByNew", base64(oldByNew))
            .put("newByOld", base64(newByOld));
    return step(home, output, "cross-sign", body);
  }

  @Command(
      name = "switch",
      description = "Have issuers below the new root sign in the place of those below the old one.",
      mixinStandardHelpOptions = true)
  int switchOver(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Option(
              names = "--issuer",
              paramLabel = "OLD=NEW",
              description =
                  "who takes whose place; needed when there are several below the new root")
          @Nullable List<String> issuers)
      throws ConfigurationInvalid, CommandFailed {
    ObjectNode body = JsonNodeFactory.instance.objectNode();
    if (issuers != null) {
      ArrayNode pairs = body.putArray("issuers");
      issuers.forEach(pairs::add);
    }
    return step(home, output, "switch", body);
  }

  @Command(
      name = "retire",
      description = {
        "Give clients the new root alone.",
        "Refused with their number while certificates below the old root are alive."
      },
      mixinStandardHelpOptions = true)
  int retire(@Mixin HomeOption home, @Mixin OutputOption output)
      throws ConfigurationInvalid, CommandFailed {
    return step(home, output, "retire", JsonNodeFactory.instance.objectNode());
  }

  @Command(
      name = "abandon",
      description = "Give the rollover up; possible until it is switched.",
      mixinStandardHelpOptions = true)
  int abandon(@Mixin HomeOption home, @Mixin OutputOption output)
      throws ConfigurationInvalid, CommandFailed {
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.object(spec.commandLine().getOut(), admin.delete(PATH));
      return 0;
    }
  }

  @Command(
      name = "bundle",
      description = "Print the roots that clients are given, for where they are to be put.",
      mixinStandardHelpOptions = true)
  int bundle(@Mixin HomeOption home, @Mixin BundleOptions options)
      throws ConfigurationInvalid, CommandFailed, WrongUsage {
    BundleManifest manifest = options.manifest();
    try (AdminClient admin = AdminClient.open(home.open())) {
      StringBuilder roots = new StringBuilder();
      for (JsonNode root : admin.get("/admin/v1/roots")) {
        roots.append(root.path("pem").asText());
      }
      spec.commandLine().getOut().print(manifest.of(options.format, roots.toString()));
      spec.commandLine().getOut().flush();
      return 0;
    }
  }

  private int step(HomeOption home, OutputOption output, String step, ObjectNode body)
      throws ConfigurationInvalid, CommandFailed {
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.object(spec.commandLine().getOut(), admin.post(PATH + "/" + step, body));
      return 0;
    }
  }

  private static String base64(Path file) throws ConfigurationInvalid {
    List<X509CertificateHolder> certificates = PemFile.certificates(file);
    if (certificates.size() != 1) {
      throw new ConfigurationInvalid(file + ": is to hold one certificate");
    }
    try {
      return Base64.getEncoder().encodeToString(certificates.getFirst().getEncoded());
    } catch (IOException e) {
      throw new IllegalStateException("a certificate cannot be encoded", e);
    }
  }
}
