package dev.chancery.server;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.SerialNumber;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import org.bouncycastle.cert.X509CertificateHolder;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Looks up and revokes certificates on a running server. */
@Command(
    name = "certificate",
    description = "Look up and revoke certificates.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = RevokeMatchingCommand.class)
final class CertificateCommand {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Command(
      name = "show",
      description = "Show what the ledger keeps of a certificate.",
      mixinStandardHelpOptions = true)
  int show(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Parameters(paramLabel = "SERIAL", description = "hexadecimal, with or without colons")
          String serial)
      throws ConfigurationInvalid, CommandFailed {
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.object(spec.commandLine().getOut(), admin.get(path(serial)));
      return 0;
    }
  }

  @Command(
      name = "revoke",
      description = "Revoke a certificate; OCSP and the CRL follow at once.",
      mixinStandardHelpOptions = true)
  int revoke(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Option(
              names = "--reason",
              paramLabel = "REASON",
              defaultValue = "unspecified",
              description =
                  "unspecified, keyCompromise, affiliationChanged, superseded,"
                      + " cessationOfOperation, privilegeWithdrawn (RFC 5280 section 5.3.1);"
                      + " certificateHold where revocation.hold is set")
          String reason,
      @Option(
              names = "--invalidity-date",
              paramLabel = "TIME",
              description = "since when the key is suspected, such as 2026-01-31T12:00:00Z")
          @Nullable String invalidityDate,
      @Parameters(
              paramLabel = "SERIAL|CERT",
              description = "hexadecimal, with or without colons; or the certificate in PEM")
          String which)
      throws ConfigurationInvalid, CommandFailed {
    ObjectNode body = JsonNodeFactory.instance.objectNode().put("reason", reason);
    if (invalidityDate != null) {
      body.put("invalidityDate", invalidityDate);
    }
    String serial = which;
    if (Files.exists(Path.of(which))) {
      X509CertificateHolder certificate = PemFile.certificates(Path.of(which)).getFirst();
      serial = SerialNumber.of(certificate.getSerialNumber()).toString();
      body.put("certificate", base64(certificate));
    }
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.object(spec.commandLine().getOut(), admin.post(path(serial) + "/revocation", body));
      return 0;
    }
  }

  private static String base64(X509CertificateHolder certificate) {
    try {
      return Base64.getEncoder().encodeToString(certificate.getEncoded());
    } catch (IOException e) {
      throw new IllegalStateException("a certificate cannot be encoded", e);
    }
  }

  @Command(
      name = "release",
      description = "End a certificate's hold; it is good again.",
      mixinStandardHelpOptions = true)
  int release(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Parameters(paramLabel = "SERIAL", description = "hexadecimal, with or without colons")
          String serial)
      throws ConfigurationInvalid, CommandFailed {
    try (AdminClient admin = AdminClient.open(home.open())) {
      output.object(spec.commandLine().getOut(), admin.delete(path(serial) + "/revocation"));
      return 0;
    }
  }

  static String path(String serial) throws CommandFailed {
    if (!serial.matches("[0-9A-Fa-f:]{1,59}")) {
      throw new CommandFailed("a serial number is hexadecimal digits: " + serial);
    }
    return "/admin/v1/certificates/" + serial;
  }
}
