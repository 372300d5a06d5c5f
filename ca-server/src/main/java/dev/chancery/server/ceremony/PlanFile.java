package dev.chancery.server.ceremony;

import dev.chancery.core.Cidr;
import dev.chancery.core.DnsName;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Refused;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.hsm.KeyId;
import dev.chancery.server.ConfigurationInvalid;
import dev.chancery.server.Durations;
import dev.chancery.server.YamlSection;
import dev.chancery.server.engine.Issuer;
import dev.chancery.server.profiles.BuiltInProfiles;
import java.math.BigInteger;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
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
  private static final int LONGEST_NAME = 64 - REHEARSAL.length();

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
    String name = plan.required("name", PlanFile::word);
    Instant from = plan.required("from", PlanFile::instant);
    Instant until = plan.required("until", PlanFile::instant);
    boolean offline = plan.optional("offline", PlanFile::truth).orElse(true);
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
    Set<String> names = new HashSet<>(Set.of(CeremonyPlan.ROOT, CeremonyPlan.CRL));
    require(
        plan,
        read.inputs().size() == read.digests().size(),
        "one file stands there with two digests");
    for (CeremonyPlan.Item item : read.items()) {
      require(plan, names.add(item.name()), "two items are called " + item.name());
      require(
          plan,
          item.notAfter().isAfter(until),
          item.name() + ".notAfter is not after the ceremony");
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
    int threshold = section.required("threshold", PlanFile::count);
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
    boolean initialize = section.required("initialize", PlanFile::truth);
    boolean unmarked = section.optional("marks", PlanFile::noMarks).isPresent();
    section.end();
    require(
        section,
        initialize || serial.isPresent(),
        "a token that is there already must be named by its serial number too");
    return new CeremonyPlan.TokenPart(label, serial, initialize, !unmarked);
  }

  private CeremonyPlan.Root root(YamlSection section) throws ConfigurationInvalid {
    KeyId keyId = section.required("keyId", KeyId::new);
    Optional<String> certificate = section.optional("certificate", PlanFile::fileName);
    if (certificate.isPresent()) {
      CeremonyPlan.Input input = input(section, certificate.get());
      section.end();
      return new CeremonyPlan.EarlierRoot(keyId, input);
    }
    KeyAlgorithm algorithm = section.required("key", PlanFile::algorithm);
    X500Name subject = subject(section.requiredSection("subject"));
    Instant notAfter = section.required("notAfter", PlanFile::instant);
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
            section.get().optional("crl", PlanFile::url),
            section.get().optional("ocsp", PlanFile::url),
            section.get().optional("caIssuers", PlanFile::url));
    section.get().end();
    return urls;
  }

  private CeremonyPlan.Intermediate intermediate(YamlSection section) throws ConfigurationInvalid {
    String name = section.required("name", PlanFile::word);
    CeremonyPlan.Input request = input(section, section.required("csr", PlanFile::fileName));
    X500Name subject = subject(section.requiredSection("subject"));
    KeyAlgorithm algorithm = section.required("key", PlanFile::algorithm);
    Instant notAfter = section.required("notAfter", PlanFile::instant);
    OptionalInt pathLength = pathLength(section);
    Optional<NameConstraints> constraints = constraints(section);
    section.end();
    return new CeremonyPlan.Intermediate(
        name, request, subject, algorithm, notAfter, pathLength, constraints);
  }

  private static CeremonyPlan.CrossCertificate cross(YamlSection section)
      throws ConfigurationInvalid {
    String name = section.required("name", PlanFile::word);
    CeremonyPlan.Input certificate =
        input(section, section.required("certificate", PlanFile::fileName));
    Instant notAfter = section.required("notAfter", PlanFile::instant);
    OptionalInt pathLength = pathLength(section);
    section.end();
    return new CeremonyPlan.CrossCertificate(name, certificate, notAfter, pathLength);
  }

  private CeremonyPlan.OcspSigner ocspSigner(YamlSection section) throws ConfigurationInvalid {
    String name = section.required("name", PlanFile::word);
    CeremonyPlan.Input request = input(section, section.required("csr", PlanFile::fileName));
    X500Name subject = subject(section.requiredSection("subject"));
    KeyAlgorithm algorithm = section.required("key", PlanFile::algorithm);
    Instant notAfter = section.required("notAfter", PlanFile::instant);
    section.end();
    return new CeremonyPlan.OcspSigner(name, request, subject, algorithm, notAfter);
  }

  private static CeremonyPlan.Input input(YamlSection section, String file)
      throws ConfigurationInvalid {
    return new CeremonyPlan.Input(file, section.required("sha256", PlanFile::sha256));
  }

  private static CeremonyPlan.RootCrl crl(YamlSection section) throws ConfigurationInvalid {
    BigInteger number = section.required("number", PlanFile::crlNumber);
    Duration validity = section.required("validity", Durations::parse);
    List<CeremonyPlan.Revoked> revoked = new ArrayList<>();
    Set<SerialNumber> serials = new HashSet<>();
    for (YamlSection entry : section.sections("revoked")) {
      SerialNumber serial = entry.required("serial", PlanFile::serial);
      revoked.add(
          new CeremonyPlan.Revoked(
              serial,
              entry.required("at", PlanFile::instant),
              entry.required("reason", PlanFile::reason)));
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
    String commonName = section.required("commonName", PlanFile::nameValue);
    section.end();
    return name.addRDN(BCStyle.CN, (rehearsal ? REHEARSAL : "") + commonName).build();
  }

  private static void add(
      X500NameBuilder name, YamlSection section, String key, ASN1ObjectIdentifier attribute)
      throws ConfigurationInvalid {
    section.optional(key, PlanFile::nameValue).ifPresent(value -> name.addRDN(attribute, value));
  }

  private static OptionalInt pathLength(YamlSection section) throws ConfigurationInvalid {
    return section
        .optional("pathLength", PlanFile::count)
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
      for (String domain : names.get().list("dns", PlanFile::domain)) {
        subtrees.add(new GeneralSubtree(new GeneralName(GeneralName.dNSName, domain)));
      }
      for (String block : names.get().list("ip", PlanFile::block)) {
        subtrees.add(new GeneralSubtree(new GeneralName(GeneralName.iPAddress, block)));
      }
      names.get().end();
    }
    return subtrees;
  }

  private static String domain(String text) {
    // Refuses what is no host name, wildcards among it.
    String name = new DnsName(text.toLowerCase(Locale.ROOT)).value();
    if (name.startsWith("*")) {
      throw new IllegalArgumentException("a domain has no wildcard: " + text);
    }
    return name;
  }

  private static String block(String text) {
    return Cidr.parse(text).toString();
  }

  private static KeyAlgorithm algorithm(String text) {
    return KeyAlgorithm.named(text)
        .filter(BuiltInProfiles.CA_KEYS::contains)
        .orElseThrow(() ->
            new IllegalArgumentException(
                "not one of ec-p256, ec-p384, rsa-2048, rsa-3072, rsa-4096: " + text));
  }

  private static SerialNumber serial(String text) {
    try {
      return SerialNumber.parse(text);
    } catch (Refused e) {
      throw new IllegalArgumentException("not a serial number in hexadecimal digits: " + text, e);
    }
  }

  private static RevocationReason reason(String text) {
    return RevocationReason.named(text)
        // RFC 5280 section 5.3.1: the one is for delta CRLs alone, and what an offline root has
        // revoked nobody releases from a hold.
        .filter(reason ->
            reason != RevocationReason.REMOVE_FROM_CRL
                && reason != RevocationReason.CERTIFICATE_HOLD)
        .orElseThrow(() ->
            new IllegalArgumentException(
                "not a reason of RFC 5280 for which a root revokes: " + text));
  }

  private static Instant instant(String text) {
    try {
      Instant instant = Instant.parse(text);
      if (instant.equals(instant.truncatedTo(ChronoUnit.SECONDS))) {
        return instant;
      }
    } catch (DateTimeParseException e) {
      // Refused below, in the words of the whole text.
    }
    throw new IllegalArgumentException("not a time such as 2026-11-30T09:00:00Z: " + text);
  }

  private static URI url(String text) {
    URI uri = URI.create(text);
    if (!"http".equals(uri.getScheme()) || uri.getHost() == null) {
      throw new IllegalArgumentException("not an http URL: " + text);
    }
    return uri;
  }

  private static boolean truth(String text) {
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default -> throw new IllegalArgumentException("neither true nor false: " + text);
    };
  }

  private static String noMarks(String text) {
    if (!text.equals(CeremonyMark.NONE)) {
      throw new IllegalArgumentException(
          "only none can stand here, for a token that keeps no data objects: " + text);
    }
    return text;
  }

  private static int count(String text) {
    if (!text.matches("[0-9]{1,6}")) {
      throw new IllegalArgumentException("not a number from 0 to 999999: " + text);
    }
    return Integer.parseInt(text);
  }

  /** RFC 5280 section 5.2.3: up to 20 octets; 38 digits are what the ledgers take. */
  private static BigInteger crlNumber(String text) {
    if (!text.matches("[0-9]{1,38}")) {
      throw new IllegalArgumentException("not a number of 1 to 38 digits: " + text);
    }
    return new BigInteger(text);
  }

  private static String word(String text) {
    if (!text.matches("[a-z0-9][a-z0-9-]{0,39}")) {
      throw new IllegalArgumentException(
          "a name is 1 to 40 lower-case letters, digits and hyphens: " + text);
    }
    return text;
  }

  private static String fileName(String text) {
    if (!Folder.isName(text) || text.equals(CeremonyPlan.FILE)) {
      throw new IllegalArgumentException("not the plain name of a file beside the plan: " + text);
    }
    return text;
  }

  private static String sha256(String text) {
    if (!text.matches("[0-9a-f]{64}")) {
      throw new IllegalArgumentException(
          "not a SHA-256 digest as sha256sum writes it, 64 hexadecimal digits: " + text);
    }
    return text;
  }

  private static String nameValue(String text) {
    if (text.isBlank() || text.length() > LONGEST_NAME) {
      throw new IllegalArgumentException(
          "a value has 1 to " + LONGEST_NAME + " characters, so that REHEARSAL fits before it");
    }
    return text;
  }
}
