package dev.chancery.server.engine;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Name;
import dev.chancery.core.Profile.KeyUsageBit;
import dev.chancery.core.Refused;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import java.io.IOException;
import java.net.URI;
import java.text.ParseException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.asn1.ASN1BitString;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1GeneralizedTime;
import org.bouncycastle.asn1.ASN1IA5String;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.ASN1UTCTime;
import org.bouncycastle.asn1.ocsp.OCSPObjectIdentifiers;
import org.bouncycastle.asn1.x509.AccessDescription;
import org.bouncycastle.asn1.x509.AuthorityInformationAccess;
import org.bouncycastle.asn1.x509.AuthorityKeyIdentifier;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.CRLDistPoint;
import org.bouncycastle.asn1.x509.DistributionPoint;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;

/** What RFC 5280 wants of every certificate, and of those of this issuer. */
final class Rfc5280Lint {
  private static final Set<ASN1ObjectIdentifier> KNOWN =
      Set.of(
          Extension.authorityKeyIdentifier,
          Extension.subjectKeyIdentifier,
          Extension.keyUsage,
          Extension.extendedKeyUsage,
          Extension.basicConstraints,
          Extension.nameConstraints,
          Extension.subjectAlternativeName,
          Extension.cRLDistributionPoints,
          Extension.authorityInfoAccess,
          Extension.certificatePolicies,
          TbsCertificateWriter.NO_REV_AVAIL,
          OCSPObjectIdentifiers.id_pkix_ocsp_nocheck);
  private static final Set<ASN1ObjectIdentifier> ALWAYS_CRITICAL =
      Set.of(Extension.keyUsage, Extension.basicConstraints, Extension.nameConstraints);

  private final ParsedTbs tbs;
  private final Issuer issuer;
  private final List<String> findings = new ArrayList<>();

  private Rfc5280Lint(ParsedTbs tbs, Issuer issuer) {
    this.tbs = tbs;
    this.issuer = issuer;
  }

  static List<String> findings(ParsedTbs tbs, Issuer issuer, SigningScheme scheme) {
    Rfc5280Lint lint = new Rfc5280Lint(tbs, issuer);
    lint.checkFields(scheme);
    lint.checkValidity();
    lint.checkExtensionList();
    lint.checkKeyIdentifiers();
    lint.checkUsage();
    lint.checkAlternativeNames();
    lint.checkUrls();
    lint.findings.addAll(SubjectLint.findings(tbs.subject()));
    return lint.findings;
  }

  private void checkFields(SigningScheme scheme) {
    require(tbs.version() == 2, "the version is not 3 (section 4.1.2.1)");
    require(
        tbs.serial().signum() > 0 && tbs.serial().toByteArray().length <= 20,
        "the serial number is not positive or has more than 20 octets (section 4.1.2.2)");
    require(
        same(tbs.algorithm(), scheme.identifier()),
        "the signature algorithm is not the issuer's (section 4.1.2.3)");
    require(
        same(tbs.issuer(), issuer.name()),
        "the issuer is not the issuer's subject, byte for byte (section 4.1.2.4)");
    require(!tbs.uniqueIds(), "there are unique identifiers (section 4.1.2.8)");
  }

  private void checkValidity() {
    Optional<Instant> notBefore = time(tbs.notBefore());
    Optional<Instant> notAfter = time(tbs.notAfter());
    if (notBefore.isEmpty() || notAfter.isEmpty()) {
      findings.add(
          "a time is not UTCTime through 2049 and GeneralizedTime after, in seconds and Zulu"
              + " (section 4.1.2.5)");
      return;
    }
    Period period = new Period(notBefore.get(), notAfter.get());
    require(
        !period.notAfter().isBefore(period.notBefore()),
        "the validity ends before it begins (section 4.1.2.5)");
    require(
        issuer.period().encloses(period), "the validity is not inside the issuer's own validity");
  }

  /** The time, when it is encoded as section 4.1.2.5 wants it. */
  static Optional<Instant> time(ASN1Primitive encoded) {
    try {
      // Bouncy Castle adds missing seconds to what it shows of a UTCTime, so its length counts too.
      if (encoded instanceof ASN1UTCTime utc
          && utc.getTime().matches("[0-9]{12}GMT\\+00:00")
          && utc.getEncoded("DER").length == 2 + "YYMMDDHHMMSSZ".length()) {
        return Optional.of(utc.getAdjustedDate().toInstant());
      }
      if (encoded instanceof ASN1GeneralizedTime generalized
          && generalized.getTimeString().matches("[0-9]{14}Z")) {
        Instant instant = generalized.getDate().toInstant();
        return Optional.of(instant).filter(t -> t.atZone(ZoneOffset.UTC).getYear() >= 2050);
      }
    } catch (ParseException | IOException e) {
      return Optional.empty();
    }
    return Optional.empty();
  }

  private void checkExtensionList() {
    Set<ASN1ObjectIdentifier> seen = new HashSet<>();
    for (Extension extension : tbs.extensions()) {
      ASN1ObjectIdentifier id = extension.getExtnId();
      require(seen.add(id), "extension " + id + " stands there twice (section 4.2)");
      require(KNOWN.contains(id), "extension " + id + " is unknown");
      if (!id.equals(Extension.subjectAlternativeName) && KNOWN.contains(id)) {
        require(
            extension.isCritical() == ALWAYS_CRITICAL.contains(id),
            "extension " + id + " has the wrong criticality (section 4.2.1)");
      }
    }
  }

  private void checkKeyIdentifiers() {
    Optional<Extension> authority = tbs.extension(Extension.authorityKeyIdentifier);
    byte[] expected = issuer.keyIdentifier().bytes();
    require(
        authority.isPresent()
            && Arrays.equals(
                expected,
                AuthorityKeyIdentifier.getInstance(authority.get().getParsedValue())
                    .getKeyIdentifierOctets()),
        "the authority key identifier is missing or another key's (section 4.2.1.1)");
    Optional<Extension> subject = tbs.extension(Extension.subjectKeyIdentifier);
    require(
        subject.isPresent()
            && SubjectKeyIdentifier.getInstance(subject.get().getParsedValue())
                    .getKeyIdentifier()
                    .length
                > 0,
        "the subject key identifier is missing (section 4.2.1.2)");
  }

  private void checkUsage() {
    KeyUsage usage =
        tbs.extension(Extension.keyUsage)
            .map(extension -> KeyUsage.getInstance(extension.getParsedValue()))
            .orElse(new KeyUsage(0));
    BasicConstraints basic =
        tbs.extension(Extension.basicConstraints)
            .map(extension -> BasicConstraints.getInstance(extension.getParsedValue()))
            .orElse(new BasicConstraints(false));
    if (tbs.extension(Extension.keyUsage).isPresent()) {
      require(
          ASN1BitString.getInstance(usage.toASN1Primitive()).intValue() != 0,
          "no key usage is set (section 4.2.1.3)");
    }
    require(
        usage.hasUsages(KeyUsage.keyCertSign) == basic.isCA(),
        "keyCertSign and the basic constraint of a CA do not go together (section 4.2.1.9)");
    ASN1Integer pathLength = basic.getPathLenConstraintInteger();
    require(
        pathLength == null || (basic.isCA() && pathLength.getValue().signum() >= 0),
        "there is a path length that is negative or not a CA's (section 4.2.1.9)");
    require(
        basic.isCA() || tbs.extension(Extension.nameConstraints).isEmpty(),
        "there are name constraints that are not a CA's (section 4.2.1.10)");
    if (basic.isCA()) {
      require(tbs.subject().getRDNs().length > 0, "a CA has no subject (section 4.1.2.6)");
      if (issuer.pathLength().isPresent()) {
        require(
            pathLength != null && pathLength.intValueExact() < issuer.pathLength().getAsInt(),
            "the path length is not below the issuer's (section 6.1.4)");
      }
    }
    try {
      KeyAlgorithm algorithm =
          SubjectPublicKey.of(SubjectPublicKeyInfo.getInstance(tbs.publicKey().bytes()))
              .algorithm();
      Set<KeyUsageBit> bits = EnumSet.noneOf(KeyUsageBit.class);
      EnumSet.allOf(KeyUsageBit.class).stream()
          .filter(bit -> usage.hasUsages(bit.mask()))
          .forEach(bits::add);
      require(
          KeyUsages.fitting(bits, algorithm).equals(bits),
          "a key usage is not one that the key has (section 4.2.1.3)");
    } catch (Refused e) {
      findings.add("the public key is not one that can be certified: " + e.getMessage());
    }
  }

  private void checkAlternativeNames() {
    Optional<Extension> extension = tbs.extension(Extension.subjectAlternativeName);
    boolean noSubject = tbs.subject().getRDNs().length == 0;
    if (extension.isEmpty()) {
      require(!noSubject, "there is neither subject nor subjectAltName (section 4.1.2.6)");
      return;
    }
    require(
        extension.get().isCritical() == noSubject,
        "subjectAltName must be critical if and only if the subject is empty (section 4.2.1.6)");
    GeneralName[] names = GeneralNames.getInstance(extension.get().getParsedValue()).getNames();
    require(names.length > 0, "subjectAltName is empty (section 4.2.1.6)");
    Set<Name> seen = new HashSet<>();
    for (GeneralName name : names) {
      try {
        require(seen.add(Name.of(name)), "a name stands there twice");
      } catch (Refused | RuntimeException e) {
        findings.add("a name is malformed or of a kind that is not certified (section 4.2.1.6)");
      }
    }
  }

  private void checkUrls() {
    tbs.extension(Extension.cRLDistributionPoints)
        .ifPresent(extension -> {
          DistributionPoint[] points =
              CRLDistPoint.getInstance(extension.getParsedValue()).getDistributionPoints();
          require(points.length > 0, "there is no distribution point (section 4.2.1.13)");
          for (DistributionPoint point : points) {
            GeneralNames names = GeneralNames.getInstance(point.getDistributionPoint().getName());
            Arrays.stream(names.getNames()).forEach(this::requireUrl);
          }
        });
    tbs.extension(Extension.authorityInfoAccess)
        .ifPresent(extension -> {
          for (AccessDescription access :
              AuthorityInformationAccess.getInstance(extension.getParsedValue())
                  .getAccessDescriptions()) {
            requireUrl(access.getAccessLocation());
          }
        });
  }

  private void requireUrl(GeneralName name) {
    boolean good = false;
    if (name.getTagNo() == GeneralName.uniformResourceIdentifier) {
      try {
        URI uri = URI.create(ASN1IA5String.getInstance(name.getName()).getString());
        good =
            ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))
                && uri.getHost() != null
                && uri.getUserInfo() == null
                && uri.getFragment() == null;
      } catch (IllegalArgumentException e) {
        good = false;
      }
    }
    require(good, "a pointer is not an absolute http URL (sections 4.2.1.13 and 4.2.2.1)");
  }

  private void require(boolean condition, String finding) {
    if (!condition) {
      findings.add(finding);
    }
  }

  private static boolean same(ASN1Encodable one, ASN1Encodable other) {
    try {
      return Arrays.equals(
          one.toASN1Primitive().getEncoded("DER"), other.toASN1Primitive().getEncoded("DER"));
    } catch (IOException e) {
      return false;
    }
  }
}
