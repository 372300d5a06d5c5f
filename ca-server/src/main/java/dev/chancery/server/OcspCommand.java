package dev.chancery.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.TokenAway;
import dev.chancery.hsm.TokenUnusable;
import dev.chancery.server.ceremony.CeremonyRefused;
import dev.chancery.server.ceremony.CeremonyTool;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bouncycastle.asn1.x509.AccessDescription;
import org.bouncycastle.asn1.x509.AuthorityInformationAccess;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.cert.X509CertificateHolder;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Shows what a relying party is told by OCSP, and asks for the certificates of signers. */
@Command(
    name = "ocsp",
    description = "See what relying parties see by OCSP, and ask for signers' certificates.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND")
final class OcspCommand {
  @Spec private CommandSpec spec = CommandSpec.create();

  private final Clock clock = Clock.systemUTC();
  private final SecureRandom random = new SecureRandom();

  @Command(
      name = "check",
      description =
          "Ask the public URL about a certificate, verify the answer as a relying party does, and"
              + " print it.",
      mixinStandardHelpOptions = true)
  int check(
      @Mixin HomeOption home,
      @Mixin OutputOption output,
      @Option(
              names = "--url",
              paramLabel = "URL",
              description = "ask there (default: the URL in the certificate)")
          @Nullable URI url,
      @Option(
              names = "--issuer",
              paramLabel = "FILE",
              description = "the issuer's certificate (default: one of the home's issuers)")
          @Nullable Path issuer,
      @Option(
              names = "--hash",
              paramLabel = "sha1|sha256",
              defaultValue = "sha1",
              description = "in the CertID (default: ${DEFAULT-VALUE})")
          OcspInquiry.Hash hash,
      @Option(names = "--nonce", description = "send a nonce, and want it back") boolean nonce,
      @Parameters(
              paramLabel = "CERT|SERIAL",
              description = "a certificate in PEM, or the serial number of one of this server's")
          String which)
      throws ConfigurationInvalid, CommandFailed {
    Home opened = home.open();
    X509CertificateHolder certificate = certificate(opened, which);
    X509CertificateHolder authority = issuer(opened, certificate, Optional.ofNullable(issuer));
    URI where = url == null ? named(certificate) : url;
    ObjectNode answer =
        new OcspInquiry(clock, random).ask(where, certificate, authority, hash, nonce);
    output.object(spec.commandLine().getOut(), answer);
    return answer.path("verified").asBoolean() ? 0 : Main.FAILED;
  }

  @Command(
      name = "request",
      description = {
        "Make the key of an OCSP signer for a CA of ocsp.foreign, such as an offline root, and ask",
        "for a certificate over it. The request goes to the home's ca/NAME.csr; it is for the plan",
        "of a ceremony, and chancery issuer import takes the certificate home."
      },
      mixinStandardHelpOptions = true)
  int request(
      @Mixin HomeOption home,
      @Parameters(paramLabel = "NAME", description = "the CA's name in ocsp.foreign") IssuerId name,
      @Mixin SubjectOption subject)
      throws ConfigurationInvalid, CommandFailed, CeremonyRefused, TokenUnusable, TokenAway {
    Home opened = home.open();
    Path request =
        new OfflineRoot(opened, Configuration.read(opened, Map.of()), clock, random, System::getenv)
            .requestSigner(name, KeyAlgorithm.EC_P256, subject.subject());
    PrintWriter out = spec.commandLine().getOut();
    out.println("written: " + request);
    out.println("the plan names it with sha256: " + CeremonyTool.digest(request));
    return 0;
  }

  private static X509CertificateHolder certificate(Home home, String which)
      throws ConfigurationInvalid, CommandFailed {
    if (Files.exists(Path.of(which))) {
      return PemFile.certificates(Path.of(which)).getFirst();
    }
    try (AdminClient admin = AdminClient.open(home)) {
      JsonNode found = admin.get(CertificateCommand.path(which));
      if (!found.has("certificate")) {
        throw new CommandFailed("this certificate was never issued");
      }
      return new X509CertificateHolder(
          Base64.getDecoder().decode(found.path("certificate").asText()));
    } catch (IOException e) {
      throw new CommandFailed("the server does not answer with a certificate");
    }
  }

  private static X509CertificateHolder issuer(
      Home home, X509CertificateHolder certificate, Optional<Path> file)
      throws ConfigurationInvalid, CommandFailed {
    List<Path> files = new ArrayList<>();
    if (file.isPresent()) {
      files.add(file.get());
    } else {
      Configuration configuration = Configuration.read(home, Map.of());
      configuration.issuers().forEach(each -> files.add(home.resolve(each.certificate())));
      configuration.ocsp().foreign().forEach(each -> files.add(home.resolve(each.certificate())));
    }
    for (Path each : files) {
      for (X509CertificateHolder candidate : PemFile.certificates(each)) {
        if (OcspInquiry.isIssuedBy(certificate, candidate)) {
          return candidate;
        }
      }
    }
    throw new CommandFailed(
        "none of the issuers' certificates is that of its issuer: name it with --issuer");
  }

  /** RFC 6960 section 3.1: where the certificate says that its status is to be asked for. */
  private static URI named(X509CertificateHolder certificate) throws CommandFailed {
    AuthorityInformationAccess access =
        AuthorityInformationAccess.fromExtensions(certificate.getExtensions());
    if (access != null) {
      for (AccessDescription each : access.getAccessDescriptions()) {
        if (each.getAccessMethod().equals(AccessDescription.id_ad_ocsp)
            && each.getAccessLocation().getTagNo() == GeneralName.uniformResourceIdentifier) {
          return URI.create(each.getAccessLocation().getName().toString());
        }
      }
    }
    throw new CommandFailed("the certificate names no OCSP responder: give its URL with --url");
  }
}
