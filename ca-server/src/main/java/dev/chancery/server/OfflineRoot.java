package dev.chancery.server;

import dev.chancery.core.IssuerId;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Refused;
import dev.chancery.core.Revocation;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import dev.chancery.hsm.RequestKey;
import dev.chancery.hsm.Token;
import dev.chancery.hsm.TokenObserver;
import dev.chancery.hsm.TokenUnusable;
import dev.chancery.ocsp.ForeignSigner;
import dev.chancery.server.ceremony.CeremonyRefused;
import dev.chancery.server.ceremony.CeremonyTool;
import dev.chancery.server.ceremony.Outcome;
import dev.chancery.server.engine.Issuer;
import dev.chancery.store.Database;
import dev.chancery.store.DatabaseUnusable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.bouncycastle.asn1.DERBitString;
import org.bouncycastle.asn1.DERSet;
import org.bouncycastle.asn1.pkcs.CertificationRequest;
import org.bouncycastle.asn1.pkcs.CertificationRequestInfo;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.jspecify.annotations.Nullable;

/**
 * A home whose root is offline: its issuers ask for their certificates, and get them out of
 * verified ceremonies (docs/ceremony.md).
 */
final class OfflineRoot {
  private final Home home;
  private final Configuration configuration;
  private final Clock clock;
  private final SecureRandom random;
  private final UnaryOperator<@Nullable String> environment;
  private final Consumer<Step> done;

  /** What an import does that stays when the process ends after it, in this order. */
  enum Step {
    CEREMONY,
    CERTIFICATES,
    GIVEN_UP,
    LIST_GIVEN_UP,
    REVOCATIONS,
    LIST,
    ROOT_FILE,
    ISSUER_FILE,
    SIGNER_FILES
  }

  /**
   * @param environment reads an environment variable; null when it is not set
   */
  OfflineRoot(
      Home home,
      Configuration configuration,
      Clock clock,
      SecureRandom random,
      UnaryOperator<@Nullable String> environment) {
    this(home, configuration, clock, random, environment, step -> {});
  }

  /**
   * As the other one.
   *
   * @param done told of each step of an import when it is done
   */
  OfflineRoot(
      Home home,
      Configuration configuration,
      Clock clock,
      SecureRandom random,
      UnaryOperator<@Nullable String> environment,
      Consumer<Step> done) {
    this.home = home;
    this.configuration = configuration;
    this.clock = clock;
    this.random = random;
    this.environment = environment;
    this.done = done;
  }

  /**
   * Makes the key of an issuer of the configuration in its token, unless it is there, and asks for
   * a certificate over it.
   *
   * @return the file with the request
   * @throws CommandFailed when the issuer has its certificate already
   */
  Path request(IssuerId name, KeyAlgorithm algorithm, X500Name subject)
      throws CommandFailed, ConfigurationInvalid, TokenUnusable, TokenAway {
    Configuration.IssuerSection section = waiting(name);
    try (Token token = open(section)) {
      Optional<SubjectPublicKey> found = token.find(section.keyId());
      SubjectPublicKey publicKey =
          found.isPresent() ? found.get() : token.generate(section.keyId(), algorithm);
      SigningScheme scheme = scheme(section, publicKey);
      return write(
          name, token.requestKey(section.keyId(), publicKey, scheme), publicKey, scheme, subject);
    }
  }

  /**
   * Makes the key of an OCSP signer for a CA of ocsp.foreign in its token, unless it is there, and
   * asks for a certificate over it.
   *
   * @param name that of the CA
   * @return the file with the request
   */
  Path requestSigner(IssuerId name, KeyAlgorithm algorithm, X500Name subject)
      throws CommandFailed, ConfigurationInvalid, TokenUnusable, TokenAway {
    Configuration.ForeignSection section =
        configuration.ocsp().foreign().stream()
            .filter(each -> each.name().equals(name))
            .findFirst()
            .orElseThrow(() ->
                new CommandFailed(
                    home.configurationFile() + ": ocsp.foreign has no CA named " + name));
    try (Token token = open(section.token())) {
      Optional<SubjectPublicKey> found = token.find(section.signerKeyId());
      SubjectPublicKey publicKey =
          found.isPresent() ? found.get() : token.generate(section.signerKeyId(), algorithm);
      SigningScheme scheme = SigningScheme.of(publicKey.algorithm(), false);
      return write(
          name,
          token.requestKey(section.signerKeyId(), publicKey, scheme),
          publicKey,
          scheme,
          subject);
    } catch (IllegalArgumentException e) {
      throw section.place().refused("signerKeyId", String.valueOf(e.getMessage()));
    }
  }

  private Path write(
      IssuerId name,
      RequestKey key,
      SubjectPublicKey publicKey,
      SigningScheme scheme,
      X500Name subject)
      throws ConfigurationInvalid, TokenAway {
    CertificationRequestInfo info =
        new CertificationRequestInfo(
            subject, SubjectPublicKeyInfo.getInstance(publicKey.encoded().bytes()), new DERSet());
    SignatureValue signature = key.sign(info);
    home.privateDirectory("ca");
    Path file = home.request(name);
    Home.writePrivate(
        file,
        PemFile.text(
            List.of(
                new PKCS10CertificationRequest(
                    new CertificationRequest(
                        info, scheme.identifier(), new DERBitString(signature.octets()))))));
    return file;
  }

  /** Whether a signer's certificate was asked for, and is not there yet. */
  static boolean isRequested(Home home, Configuration.ForeignSection section) {
    return !Files.exists(home.resolve(section.signerCertificate()))
        && Files.exists(home.request(section.name()));
  }

  /** The certificate of an OCSP signer, out of a ceremony. */
  private record Signer(
      IssuerId name, Path file, X509CertificateHolder certificate, boolean isNewer) {}

  /**
   * The certificates of OCSP signers that asked for one.
   *
   * @throws CommandFailed when one is none that the root delegates to
   */
  private List<Signer> signers(Outcome outcome) throws CommandFailed, ConfigurationInvalid {
    List<Signer> signers = new ArrayList<>();
    for (Configuration.ForeignSection section : configuration.ocsp().foreign()) {
      Path request = home.request(section.name());
      Optional<X509CertificateHolder> certificate =
          Files.exists(request)
              ? outcome.certificate(PemFile.request(request).publicKey())
              : Optional.empty();
      if (certificate.isPresent()) {
        try {
          ForeignSigner.requireDelegated(certificate.get(), outcome.root());
        } catch (IllegalArgumentException e) {
          throw new CommandFailed("the OCSP signer of " + section.name() + ": " + e.getMessage());
        }
        Path file = home.resolve(section.signerCertificate());
        signers.add(
            new Signer(section.name(), file, certificate.get(), !isOlder(certificate.get(), file)));
      }
    }
    return signers;
  }

  /** Whether the one that is there is over the same key, and was made later. */
  private static boolean isOlder(X509CertificateHolder certificate, Path file)
      throws ConfigurationInvalid {
    if (!Files.exists(file)) {
      return false;
    }
    X509CertificateHolder known = PemFile.certificates(file).getFirst();
    return known.getSubjectPublicKeyInfo().equals(certificate.getSubjectPublicKeyInfo())
        && known.getNotBefore().toInstant().isAfter(certificate.getNotBefore().toInstant());
  }

  /** Has each in the place of the last, but for one that is older than that, or revoked. */
  private static List<String> take(List<Signer> signers, LedgerImport.Taken recorded)
      throws ConfigurationInvalid {
    List<String> taken = new ArrayList<>();
    for (Signer signer : signers) {
      Optional<Revocation> revocation = recorded.revocation(signer.certificate());
      if (revocation.isPresent()) {
        taken.add(
            "not the OCSP signer of %s: its certificate was revoked at %s, %s"
                .formatted(signer.name(), revocation.get().at(), revocation.get().reason()));
      } else if (signer.isNewer()) {
        Home.writePrivate(signer.file(), PemFile.text(List.of(signer.certificate())));
        taken.add(
            "the OCSP signer of %s, %s"
                .formatted(signer.name(), signer.certificate().getSubject()));
      } else {
        taken.add(
            "not the OCSP signer of %s: %s has a later certificate"
                .formatted(signer.name(), signer.file()));
      }
    }
    return taken;
  }

  /**
   * Takes the certificate of an issuer out of a ceremony's directory, after the ceremony was
   * verified. It may take the place of one of the same CA that ends before. The root's file is
   * written when the home has none yet, or none of the root that is to come. Done anew, after a run
   * that ended wherever it did, it does what is left.
   *
   * @param planDigest the SHA-256 digest of the plan as it stands on paper
   * @return what was taken, in words
   * @throws CommandFailed when anything about it is not this issuer's
   */
  List<String> take(IssuerId name, Path directory, String planDigest)
      throws CommandFailed,
          ConfigurationInvalid,
          CeremonyRefused,
          TokenUnusable,
          TokenAway,
          DatabaseUnusable,
          Refused {
    // 1. The ceremony, and that it is the one that was agreed.
    Configuration.IssuerSection section = section(name);
    if (!Files.exists(home.request(name))) {
      throw new CommandFailed("issuer " + name + " has not asked for a certificate");
    }
    SubjectPublicKey key = PemFile.request(home.request(name)).publicKey();
    Outcome outcome = agreed(directory, planDigest);

    // 2. The certificate: of this key, which is in the token, and below a root that is published.
    X509CertificateHolder certificate =
        outcome
            .certificate(key)
            .orElseThrow(() ->
                new CommandFailed(
                    directory
                        + ": nothing was made for the key of issuer "
                        + name
                        + (outcome.isLate()
                            ? " (%s); import it without a name".formatted(outcome.end())
                            : "")));
    requireLonger(section, certificate, outcome.root());
    requireKey(section, key);
    Path rootFile = rootFile(outcome.root());
    TrustBundle trust = new TrustBundle(List.of(outcome.root()));
    CertificationPath.require(
        directory + ": issuer " + name + ": ", List.of(certificate), trust, clock.instant());
    requireIssuer(name, certificate);

    List<Signer> signers = signers(outcome);

    // 3. The ledgers, then the files: what is served is known, and not revoked.
    LedgerImport.Taken recorded = record(outcome, false);
    Optional<Revocation> revocation = recorded.revocation(certificate);
    if (revocation.isPresent()) {
      throw new CommandFailed(
          "the certificate of issuer %s was revoked at %s, %s: the database knows what the ceremony"
                  .formatted(name, revocation.get().at(), revocation.get().reason())
              + " made, and nothing is installed");
    }
    home.privateDirectory("ca");
    if (!Files.exists(rootFile)) {
      Home.writePrivate(rootFile, trust.pem());
    }
    done.accept(Step.ROOT_FILE);
    Home.writePrivate(home.resolve(section.certificate()), PemFile.text(List.of(certificate)));
    done.accept(Step.ISSUER_FILE);
    List<String> taken = new ArrayList<>(List.of(certificate.getSubject().toString()));
    taken.addAll(recorded.said());
    taken.addAll(take(signers, recorded));
    done.accept(Step.SIGNER_FILES);
    return List.copyOf(taken);
  }

  /**
   * Publishes the root's CRL of a ceremony, and has the ledgers know all that it signed; for
   * ceremonies that are for no issuer.
   *
   * @return what was taken, in words
   * @throws CommandFailed when it is not the ceremony that was agreed, or not of a published root,
   *     or its CRL is not newer than the published one, or lacks a certificate that is revoked
   */
  List<String> takeCrl(Path directory, String planDigest)
      throws CommandFailed, ConfigurationInvalid, CeremonyRefused, DatabaseUnusable, Refused {
    Outcome outcome = agreed(directory, planDigest);
    Path _ = rootFile(outcome.root());
    List<Signer> signers = signers(outcome);
    LedgerImport.Taken recorded = record(outcome, true);
    List<String> taken = new ArrayList<>(recorded.said());
    taken.addAll(take(signers, recorded));
    return List.copyOf(taken);
  }

  private static Outcome agreed(Path directory, String planDigest)
      throws CommandFailed, ConfigurationInvalid, CeremonyRefused {
    Outcome outcome = CeremonyTool.verify(directory, true);
    if (!outcome.planDigest().equals(planDigest)) {
      throw new CommandFailed(
          directory + ": the plan has SHA-256 " + outcome.planDigest() + ", not " + planDigest);
    }
    if (!outcome.hasRoot()) {
      throw new CommandFailed(
          directory + ": the ceremony ended without a root: there is nothing to import");
    }
    return outcome;
  }

  private LedgerImport.Taken record(Outcome outcome, boolean crlWanted)
      throws CommandFailed, ConfigurationInvalid, DatabaseUnusable, Refused {
    try (Database database = Databases.open(home, configuration.database(), environment)) {
      return new LedgerImport(database, clock, random, done).take(outcome, crlWanted);
    }
  }

  private Configuration.IssuerSection section(IssuerId name) throws CommandFailed {
    return configuration
        .issuer(name)
        .orElseThrow(() ->
            new CommandFailed(home.configurationFile() + ": there is no issuer named " + name));
  }

  private Configuration.IssuerSection waiting(IssuerId name) throws CommandFailed {
    Configuration.IssuerSection section = section(name);
    if (Files.exists(home.resolve(section.certificate()))) {
      throw hasCertificate(section);
    }
    return section;
  }

  private CommandFailed hasCertificate(Configuration.IssuerSection section) {
    return new CommandFailed(
        "issuer %s has its certificate: %s"
            .formatted(section.name(), home.resolve(section.certificate())));
  }

  /**
   * One in the place of another is of the same CA, below the same root, and lasts longer. Below
   * another root it would take what the first has issued out of the numbers of a rollover, and
   * nothing could be issued before the switch.
   */
  private void requireLonger(
      Configuration.IssuerSection section,
      X509CertificateHolder certificate,
      X509CertificateHolder root)
      throws CommandFailed, ConfigurationInvalid {
    Path file = home.resolve(section.certificate());
    if (Files.exists(file)) {
      X509CertificateHolder known = PemFile.certificates(file).getFirst();
      if (known.equals(certificate)) {
        // The import of this very ceremony ended on the way.
        return;
      }
      if (!Issuer.isSameAuthority(known, certificate)
          || !certificate.getNotAfter().toInstant().isAfter(known.getNotAfter().toInstant())) {
        throw hasCertificate(section);
      }
      if (!CertificationPath.isSigned(known, root)) {
        throw new CommandFailed(
            ("the certificate of issuer %s is from %s, and the one of the ceremony from the root"
                    + " %s: below another root is another issuer, with a name and key of its own")
                .formatted(section.name(), known.getIssuer(), root.getSubject()));
      }
    }
  }

  private Token open(Configuration.IssuerSection section)
      throws ConfigurationInvalid, TokenUnusable, TokenAway {
    return open(section.tokens().getFirst());
  }

  private Token open(String token) throws ConfigurationInvalid, TokenUnusable, TokenAway {
    return Tokens.open(
        home,
        Objects.requireNonNull(configuration.tokens().get(token)),
        random,
        TokenObserver.NONE);
  }

  private static SigningScheme scheme(
      Configuration.IssuerSection section, SubjectPublicKey publicKey) throws ConfigurationInvalid {
    try {
      return SigningScheme.of(publicKey.algorithm(), section.rsaPss());
    } catch (IllegalArgumentException e) {
      throw section.place().refused("keyId", String.valueOf(e.getMessage()));
    }
  }

  private void requireKey(Configuration.IssuerSection section, SubjectPublicKey key)
      throws CommandFailed, ConfigurationInvalid, TokenUnusable, TokenAway {
    try (Token token = open(section)) {
      if (!token.find(section.keyId()).equals(Optional.of(key))) {
        throw new CommandFailed(
            "the key " + section.keyId() + " of the token is not the one of the request");
      }
    }
  }

  /**
   * The file of the root that has signed, which is written with what it signed when it is not there
   * yet: the first root of a home, or the one that is to come (rollover.root).
   */
  private Path rootFile(X509CertificateHolder root) throws CommandFailed, ConfigurationInvalid {
    List<Path> missing = new ArrayList<>();
    for (Path file : configuration.knownRoots(home)) {
      if (!Files.exists(file)) {
        missing.add(file);
      } else if (TrustBundle.readValid(List.of(file), clock.instant()).roots().contains(root)) {
        return file;
      }
    }
    if (missing.size() == 1) {
      return missing.getFirst();
    }
    throw new CommandFailed(
        "the root "
            + root.getSubject()
            + " is not known: it is one of roots in "
            + home.configurationFile()
            + ", or rollover.root when it is to take the place of one");
  }

  private void requireIssuer(IssuerId name, X509CertificateHolder certificate)
      throws CommandFailed {
    try {
      Issuer _ = Issuer.of(name, certificate, List.of(), Optional.empty(), Issuer.Urls.NONE);
    } catch (IllegalArgumentException e) {
      throw new CommandFailed(String.valueOf(e.getMessage()));
    }
  }
}
