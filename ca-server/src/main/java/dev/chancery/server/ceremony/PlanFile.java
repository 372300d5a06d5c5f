package dev.chancery.server.ceremony;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SerialNumber;
import dev.chancery.hsm.KeyId;
import dev.chancery.server.ConfigurationInvalid;
import dev.chancery.server.YamlSection;
import dev.chancery.server.engine.Issuer;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralSubtree;
import org.bouncycastle.asn1.x509.NameConstraints;

/** Reads a plan: unknown keys, missing ones and odd values are refused with their line. */
final class PlanFile {
  /** What a rehearsal puts before the names of all that it makes. */
  static final String REHEARSAL = "REHEARSAL ";

  private static final int LONGEST_PLAN = 64 * 1024;

  private final boolean rehearsal;

  private PlanFile(boolean rehearsal) {
    this.rehearsal = rehearsal;
  }

  /**
   * The plan in these octets.
   *
   * @param file for refusals
   * @param rehearsal whether all names are to be marked as those of a rehearsal
   */
  static CeremonyPlan read(Path file, byte[] octets, boolean rehearsal)
      throws ConfigurationInvalid {
    if (octets.length > LONGEST_PLAN) {
      throw new ConfigurationInvalid(file + ": longer than " + LONGEST_PLAN + " octets");
    }
    String text = new String(octets, StandardCharsets.UTF_8);
    return new PlanFile(rehearsal).plan(YamlSection.ofText(file, text, Map.of()));
  }

  private CeremonyPlan plan(YamlSection plan) throws ConfigurationInvalid {
    String name = plan.required("name", PlanValues::word);
    Instant from = plan.required("from", PlanValues::instant);
    Instant until = plan.required("until", PlanValues::instant);
    boolean offline = plan.optional("offline", PlanValues::truth).orElse(true);
    Witnesses witnesses = witnesses(plan.requiredSection("witnesses"));
    CeremonyPlan.TokenPart token = token(plan.requiredSection("token"));
    CeremonyPlan.Root root = root(plan.requiredSection("root"));
    Issuer.Urls urls = urls(plan.section("urls"));
    List<CeremonyPlan.Intermediate> intermediates = new ArrayList<>();
    for (YamlSection section : plan.sections("intermediates")) {
      intermediates.add(intermediate(section));
    }
    List<CeremonyPlan.CrossCertificate> crosses = new ArrayList<>();
    for (YamlSection section : plan.sections("crossCertificates")) {
      crosses.add(cross(section));
    }
    Optional<YamlSection> signer = plan.section("ocspSigner");
    Optional<CeremonyPlan.OcspSigner> ocspSigner =
        signer.isPresent() ? Optional.of(ocspSigner(signer.get())) : Optional.empty();
    Optional<YamlSection> list = plan.section("crl");
    Optional<CeremonyPlan.RootCrl> crl =
        list.isPresent() ? Optional.of(crl(list.get())) : Optional.empty();
    plan.end();
    CeremonyPlan read =
        new CeremonyPlan(
            name,
            from,
            until,
            offline,
            witnesses,
            token,
            root,
            urls,
            intermediates,
            crosses,
            ocspSigner,
            crl);
    require(plan, from.isBefore(until), "from is not before until");
    if (root instanceof CeremonyPlan.NewRoot made) {
      requireLasting(plan, CeremonyPlan.ROOT, made.notAfter(), until);
    }
    Set<String> names = new HashSet<>(Set.of(CeremonyPlan.ROOT, CeremonyPlan.CRL));
    require(
        plan,
        read.inputs().size() == read.digests().size(),
        "one file stands there with two digests");
    for (CeremonyPlan.Item item : read.items()) {
      require(plan, names.add(item.name()), "two items are called " + item.name());
      requireLasting(plan, item.name(), item.notAfter(), until);
      if (root instanceof CeremonyPlan.NewRoot made) {
        require(
            plan,
            !item.notAfter().isAfter(made.notAfter()),
            item.name() + ".notAfter is after the root's");
      }
    }
    require(
        plan,
        root instanceof CeremonyPlan.NewRoot || !read.items().isEmpty() || crl.isPresent(),
        "nothing is to be made");
    Set<String> written = written(read);
    for (String input : read.digests().keySet()) {
      require(
          plan,
          !written.contains(input) && !input.endsWith(Witnesses.SIGNATURE),
          "what is brought cannot be called "
              + input
              + ": the ceremony writes a file of that name");
    }
    return read;
  }

  /** What would be refused in the last hour of the ceremony is refused before. */
  private static void requireLasting(YamlSection plan, String name, Instant notAfter, Instant until)
      throws ConfigurationInvalid {
    require(
        plan,
        !notAfter.isBefore(until.plus(CeremonyProfiles.SHORTEST)),
        name + ".notAfter is less than a day after until");
  }

  /** The files of a ceremony's directory beside copies of what it was given. */
  private static Set<String> written(CeremonyPlan plan) {
    Set<String> written =
        new HashSet<>(
            Set.of(
                Transcript.FILE,
                TranscriptPage.FILE,
                Ceremony.REHEARSAL_FILE,
                Manifest.FILE,
                TranscriptLedgers.crlFile()));
    plan.items().forEach(item -> written.add(TranscriptLedgers.certificateFile(item.name())));
    if (plan.root() instanceof CeremonyPlan.NewRoot) {
      written.add(TranscriptLedgers.certificateFile(CeremonyPlan.ROOT));
    }
    return written;
  }

  private static void require(YamlSection section, boolean condition, String complaint)
      throws ConfigurationInvalid {
    if (!condition) {
      throw section.refused(complaint);
    }
  }

  private static Witnesses witnesses(YamlSection section) throws ConfigurationInvalid {
    int threshold = section.required("threshold", PlanValues::count);
    String signers = section.required("allowedSigners", text -> text);
    section.end();
    try {
      return Witnesses.parse(threshold, signers);
    } catch (IllegalArgumentException e) {
      throw section.refused(e.getMessage());
    }
  }

  private static CeremonyPlan.TokenPart token(YamlSection section) throws ConfigurationInvalid {
    String label = section.required("label", text -> text);
    Optional<String> serial = section.optional("serial", text -> text);
    boolean initialize = section.required("initialize", PlanValues::truth);
    boolean unmarked = section.optional("marks", PlanValues::noMarks).isPresent();
    section.end();
    require(
        section,
        initialize || serial.isPresent(),
        "a token that is there already must be named by its serial number too");
    return new CeremonyPlan.TokenPart(label, serial, initialize, !unmarked);
  }

  private CeremonyPlan.Root root(YamlSection section) throws ConfigurationInvalid {
    KeyId keyId = section.required("keyId", KeyId::new);
    Optional<String> certificate = section.optional("certificate", PlanValues::fileName);
    if (certificate.isPresent()) {
      CeremonyPlan.Input input = input(section, certificate.get());
      section.end();
      return new CeremonyPlan.EarlierRoot(keyId, input);
    }
    KeyAlgorithm algorithm = section.required("key", PlanValues::algorithm);
    X500Name subject = subject(section.requiredSection("subject"));
    Instant notAfter = section.required("notAfter", PlanValues::instant);
    OptionalInt pathLength = pathLength(section);
    Optional<NameConstraints> constraints = constraints(section);
    section.end();
    return new CeremonyPlan.NewRoot(keyId, algorithm, subject, notAfter, pathLength, constraints);
  }

  private static Issuer.Urls urls(Optional<YamlSection> section) throws ConfigurationInvalid {
    if (section.isEmpty()) {
      return Issuer.Urls.NONE;
    }
    Issuer.Urls urls =
        new Issuer.Urls(
            section.get().optional("crl", PlanValues::url),
            section.get().optional("ocsp", PlanValues::url),
            section.get().optional("caIssuers", PlanValues::url));
    section.get().end();
    return urls;
  }

  private CeremonyPlan.Intermediate intermediate(YamlSection section) throws ConfigurationInvalid {
    String name = section.required("name", PlanValues::word);
    CeremonyPlan.Input request = input(section, section.required("csr", PlanValues::fileName));
    X500Name subject = subject(section.requiredSection("subject"));
    KeyAlgorithm algorithm = section.required("key", PlanValues::algorithm);
    Instant notAfter = section.required("notAfter", PlanValues::instant);
    OptionalInt pathLength = pathLength(section);
    Optional<NameConstraints> constraints = constraints(section);
    section.end();
    return new CeremonyPlan.Intermediate(
        name, request, subject, algorithm, notAfter, pathLength, constraints);
  }

  private static CeremonyPlan.CrossCertificate cross(YamlSection section)
      throws ConfigurationInvalid {
    String name = section.required("name", PlanValues::word);
    CeremonyPlan.Input certificate =
        input(section, section.required("certificate", PlanValues::fileName));
    Instant notAfter = section.required("notAfter", PlanValues::instant);
    OptionalInt pathLength = pathLength(section);
    section.end();
    return new CeremonyPlan.CrossCertificate(name, certificate, notAfter, pathLength);
  }

  private CeremonyPlan.OcspSigner ocspSigner(YamlSection section) throws ConfigurationInvalid {
    String name = section.required("name", PlanValues::word);
    CeremonyPlan.Input request = input(section, section.required("csr", PlanValues::fileName));
    X500Name subject = subject(section.requiredSection("subject"));
    KeyAlgorithm algorithm = section.required("key", PlanValues::algorithm);
    Instant notAfter = section.required("notAfter", PlanValues::instant);
    section.end();
    return new CeremonyPlan.OcspSigner(name, request, subject, algorithm, notAfter);
  }

  private static CeremonyPlan.Input input(YamlSection section, String file)
      throws ConfigurationInvalid {
    return new CeremonyPlan.Input(file, section.required("sha256", PlanValues::sha256));
  }

  private static CeremonyPlan.RootCrl crl(YamlSection section) throws ConfigurationInvalid {
    BigInteger number = section.required("number", PlanValues::crlNumber);
    Duration validity = section.required("validity", PlanValues::period);
    List<CeremonyPlan.Revoked> revoked = new ArrayList<>();
    Set<SerialNumber> serials = new HashSet<>();
    for (YamlSection entry : section.sections("revoked")) {
      SerialNumber serial = entry.required("serial", PlanValues::serial);
      revoked.add(
          new CeremonyPlan.Revoked(
              serial,
              entry.required("at", PlanValues::instant),
              entry.required("reason", PlanValues::reason)));
      entry.end();
      require(entry, serials.add(serial), "serial " + serial + " stands there twice");
    }
    section.end();
    require(section, validity.compareTo(Duration.ofHours(1)) >= 0, "validity is under an hour");
    return new CeremonyPlan.RootCrl(number, validity, revoked);
  }

  private X500Name subject(YamlSection section) throws ConfigurationInvalid {
    X500NameBuilder name = new X500NameBuilder(BCStyle.INSTANCE);
    add(name, section, "country", BCStyle.C);
    add(name, section, "organization", BCStyle.O);
    add(name, section, "organizationalUnit", BCStyle.OU);
    String commonName = section.required("commonName", PlanValues::nameValue);
    section.end();
    return name.addRDN(BCStyle.CN, (rehearsal ? REHEARSAL : "") + commonName).build();
  }

  private static void add(
      X500NameBuilder name, YamlSection section, String key, ASN1ObjectIdentifier attribute)
      throws ConfigurationInvalid {
    section.optional(key, PlanValues::nameValue).ifPresent(value -> name.addRDN(attribute, value));
  }

  private static OptionalInt pathLength(YamlSection section) throws ConfigurationInvalid {
    return section
        .optional("pathLength", PlanValues::count)
        .map(OptionalInt::of)
        .orElse(OptionalInt.empty());
  }

  private static Optional<NameConstraints> constraints(YamlSection section)
      throws ConfigurationInvalid {
    Optional<YamlSection> constraints = section.section("nameConstraints");
    if (constraints.isEmpty()) {
      return Optional.empty();
    }
    List<GeneralSubtree> permitted = subtrees(constraints.get(), "permitted");
    List<GeneralSubtree> excluded = subtrees(constraints.get(), "excluded");
    constraints.get().end();
    require(
        constraints.get(), !permitted.isEmpty() || !excluded.isEmpty(), "nothing is constrained");
    return Optional.of(
        new NameConstraints(
            permitted.isEmpty() ? null : permitted.toArray(GeneralSubtree[]::new),
            excluded.isEmpty() ? null : excluded.toArray(GeneralSubtree[]::new)));
  }

  private static List<GeneralSubtree> subtrees(YamlSection section, String key)
      throws ConfigurationInvalid {
    Optional<YamlSection> names = section.section(key);
    List<GeneralSubtree> subtrees = new ArrayList<>();
    if (names.isPresent()) {
      for (String domain : names.get().list("dns", PlanValues::domain)) {
        subtrees.add(new GeneralSubtree(new GeneralName(GeneralName.dNSName, domain)));
      }
      for (String block : names.get().list("ip", PlanValues::block)) {
        subtrees.add(new GeneralSubtree(new GeneralName(GeneralName.iPAddress, block)));
      }
      names.get().end();
    }
    return subtrees;
  }
}
