package dev.chancery.server.engine;

import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.Name;
import dev.chancery.core.Profile;
import dev.chancery.core.Refused;
import dev.chancery.core.SerialNumber;
import java.io.IOException;
import java.net.URI;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;
import org.bouncycastle.asn1.ASN1BitString;
import org.bouncycastle.asn1.ASN1IA5String;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1String;
import org.bouncycastle.asn1.ocsp.OCSPObjectIdentifiers;
import org.bouncycastle.asn1.x500.AttributeTypeAndValue;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.AccessDescription;
import org.bouncycastle.asn1.x509.AuthorityInformationAccess;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.CRLDistPoint;
import org.bouncycastle.asn1.x509.CertificatePolicies;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.NameConstraints;
import org.bouncycastle.asn1.x509.PolicyInformation;

/** What the profile wants of a certificate, and that it is the one that was asked for. */
final class ProfileLint {
  private final ParsedTbs tbs;
  private final Profile profile;
  private final List<String> findings = new ArrayList<>();

  private ProfileLint(ParsedTbs tbs, Profile profile) {
    this.tbs = tbs;
    this.profile = profile;
  }

  static List<String> findings(
      ParsedTbs tbs, Issuer issuer, Profile profile, IssuanceRequest request) {
    ProfileLint lint = new ProfileLint(tbs, profile);
    lint.require(
        tbs.publicKey().equals(request.publicKey().encoded()),
        "the public key is not the one that was asked for");
    lint.require(
        profile.keyAlgorithms().contains(request.publicKey().algorithm()),
        "the profile does not certify such keys");
    lint.checkLifetime();
    lint.checkNames(request.names());
    lint.checkSubject(request.subject());
    lint.checkUsage();
    lint.checkPointers(issuer.urls());
    return lint.findings;
  }

  private void checkLifetime() {
    Optional<Period> period =
        Rfc5280Lint.time(tbs.notBefore())
            .flatMap(begin -> Rfc5280Lint.time(tbs.notAfter()).map(end -> new Period(begin, end)));
    require(
        period.isPresent()
            && period.get().length().compareTo(profile.validity().shortest()) >= 0
            && period.get().length().compareTo(profile.validity().longest()) <= 0,
        "the lifetime is outside the bounds of the profile");
  }

  private void checkNames(Set<Name> requested) {
    Set<Name> names = names();
    require(names.equals(requested), "the names are not those that were asked for");
    require(
        names.size() <= profile.names().most() && !(profile.names().required() && names.isEmpty()),
        "the number of names is outside the bounds of the profile");
    for (Name name : names) {
      try {
        profile.names().policy().require(name);
        require(
            profile.names().kinds().contains(name.kind()),
            "a name is of a kind that the profile does not certify");
      } catch (Refused e) {
        findings.add("a name is not allowed by the profile");
      }
    }
  }

  private Set<Name> names() {
    Set<Name> names = new LinkedHashSet<>();
    tbs.extension(Extension.subjectAlternativeName)
        .ifPresent(extension -> {
          for (GeneralName name : GeneralNames.getInstance(extension.getParsedValue()).getNames()) {
            try {
              names.add(Name.of(name));
            } catch (Refused e) {
              findings.add("a name is malformed");
            }
          }
        });
    return names;
  }

  private void checkSubject(X500Name requested) {
    X500Name subject = tbs.subject();
    boolean fits =
        switch (profile.subject()) {
          case EMPTY -> subject.getRDNs().length == 0;
          case REQUESTED -> same(subject, requested);
          case COMMON_NAME ->
              Stream.of(subject.getRDNs())
                  .flatMap(rdn -> Stream.of(rdn.getTypesAndValues()))
                  .allMatch(this::isNamedCommonName);
        };
    require(fits, "the subject is not what the profile wants");
  }

  private boolean isNamedCommonName(AttributeTypeAndValue attribute) {
    return attribute.getType().equals(BCStyle.CN)
        && attribute.getValue() instanceof ASN1String text
        && names().stream().anyMatch(name -> name.value().equals(text.getString()));
  }

  private void checkUsage() {
    int allowed = profile.keyUsage().stream().mapToInt(Profile.KeyUsageBit::mask).sum();
    int used =
        tbs.extension(Extension.keyUsage)
            .map(extension -> ASN1BitString.getInstance(extension.getParsedValue()).intValue())
            .orElse(0);
    require(
        (used & ~allowed) == 0 && (used == 0) == (allowed == 0),
        "the key usage is not the profile's");
    List<ASN1ObjectIdentifier> purposes =
        tbs.extension(Extension.extendedKeyUsage).stream()
            .map(extension -> ExtendedKeyUsage.getInstance(extension.getParsedValue()))
            .flatMap(usage -> Stream.of(usage.getUsages()))
            .map(purpose -> purpose.toOID())
            .toList();
    require(
        purposes.equals(profile.extendedKeyUsage()), "the extended key usage is not the profile's");
    List<ASN1ObjectIdentifier> policies =
        tbs.extension(Extension.certificatePolicies).stream()
            .map(extension -> CertificatePolicies.getInstance(extension.getParsedValue()))
            .flatMap(list -> Stream.of(list.getPolicyInformation()))
            .map(PolicyInformation::getPolicyIdentifier)
            .toList();
    require(policies.equals(profile.policies()), "the policies are not the profile's");
    Optional<BasicConstraints> basic =
        tbs.extension(Extension.basicConstraints)
            .map(extension -> BasicConstraints.getInstance(extension.getParsedValue()));
    OptionalInt pathLength =
        basic
            .map(BasicConstraints::getPathLenConstraintInteger)
            .map(length -> OptionalInt.of(length.intValueExact()))
            .orElse(OptionalInt.empty());
    boolean fits =
        switch (profile.constraint()) {
          case Profile.Constraint.EndEntity() -> basic.isPresent() && !basic.get().isCA();
          case Profile.Constraint.Authority(OptionalInt wanted, _) ->
              basic.isPresent() && basic.get().isCA() && pathLength.equals(wanted);
        };
    require(fits, "the basic constraint is not the profile's");
    Optional<NameConstraints> nameConstraints =
        tbs.extension(Extension.nameConstraints)
            .map(extension -> NameConstraints.getInstance(extension.getParsedValue()));
    Optional<NameConstraints> wanted =
        profile.constraint() instanceof Profile.Constraint.Authority authority
            ? authority.nameConstraints()
            : Optional.empty();
    require(nameConstraints.equals(wanted), "the name constraints are not the profile's");
  }

  private void checkPointers(Issuer.Urls urls) {
    Profile.StatusSources sources = profile.statusSources();
    require(
        crlUrls()
            .equals(
                expected(sources.crl(), urls.crl(urls.crlShard(SerialNumber.of(tbs.serial()))))),
        "the CRL distribution point is not the issuer's, or not wanted");
    Map<ASN1ObjectIdentifier, Set<String>> accesses = accessUrls();
    require(
        accesses
            .getOrDefault(AccessDescription.id_ad_ocsp, Set.of())
            .equals(expected(sources.ocsp(), urls.ocsp())),
        "the OCSP URL is not the issuer's, or not wanted");
    require(
        accesses
            .getOrDefault(AccessDescription.id_ad_caIssuers, Set.of())
            .equals(expected(sources.caIssuers(), urls.caIssuers())),
        "the caIssuers URL is not the issuer's, or not wanted");
    require(
        tbs.extension(TbsCertificateWriter.NO_REV_AVAIL).isPresent()
            == sources.noRevocationAvailable(),
        "noRevAvail is missing or not wanted (RFC 9608)");
    require(
        tbs.extension(OCSPObjectIdentifiers.id_pkix_ocsp_nocheck).isPresent()
            == TbsCertificateWriter.signsOcspAnswers(profile),
        "ocsp-nocheck is missing or not wanted (RFC 6960 section 4.2.2.2.1)");
  }

  private Set<String> crlUrls() {
    Set<String> found = new HashSet<>();
    tbs.extension(Extension.cRLDistributionPoints).stream()
        .map(extension -> CRLDistPoint.getInstance(extension.getParsedValue()))
        .flatMap(points -> Stream.of(points.getDistributionPoints()))
        .map(point -> GeneralNames.getInstance(point.getDistributionPoint().getName()))
        .flatMap(names -> Stream.of(names.getNames()))
        .map(ProfileLint::text)
        .forEach(found::add);
    return found;
  }

  private Map<ASN1ObjectIdentifier, Set<String>> accessUrls() {
    Map<ASN1ObjectIdentifier, Set<String>> found = new HashMap<>();
    tbs.extension(Extension.authorityInfoAccess).stream()
        .map(extension -> AuthorityInformationAccess.getInstance(extension.getParsedValue()))
        .flatMap(access -> Stream.of(access.getAccessDescriptions()))
        .forEach(access ->
            found
                .computeIfAbsent(access.getAccessMethod(), method -> new HashSet<>())
                .add(text(access.getAccessLocation())));
    return found;
  }

  private static String text(GeneralName name) {
    return ASN1IA5String.getInstance(name.getName()).getString();
  }

  private static Set<String> expected(boolean wanted, Optional<URI> url) {
    return wanted && url.isPresent() ? Set.of(url.get().toASCIIString()) : Set.of();
  }

  private void require(boolean condition, String finding) {
    if (!condition) {
      findings.add(finding);
    }
  }

  private static boolean same(X500Name one, X500Name other) {
    try {
      return Arrays.equals(one.getEncoded("DER"), other.getEncoded("DER"));
    } catch (IOException e) {
      return false;
    }
  }
}
