package dev.chancery.server.engine;

import dev.chancery.core.Der;
import dev.chancery.core.Name;
import dev.chancery.core.Profile;
import dev.chancery.core.Profile.KeyUsageBit;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.ToBeSigned;
import java.io.IOException;
import java.net.URI;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.OptionalInt;
import java.util.Set;
import org.bouncycastle.asn1.ASN1EncodableVector;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.DERGeneralizedTime;
import org.bouncycastle.asn1.DERIA5String;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.DERUTCTime;
import org.bouncycastle.asn1.ocsp.OCSPObjectIdentifiers;
import org.bouncycastle.asn1.x509.AccessDescription;
import org.bouncycastle.asn1.x509.AuthorityInformationAccess;
import org.bouncycastle.asn1.x509.AuthorityKeyIdentifier;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.CRLDistPoint;
import org.bouncycastle.asn1.x509.CertificatePolicies;
import org.bouncycastle.asn1.x509.DistributionPoint;
import org.bouncycastle.asn1.x509.DistributionPointName;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.ExtensionsGenerator;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.PolicyInformation;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.asn1.x509.Time;
import org.bouncycastle.asn1.x509.V3TBSCertificateGenerator;

/** Writes a grant down as the TBSCertificate that a key will sign (RFC 5280 section 4.1). */
final class TbsCertificateWriter {
  /** id-ce-noRevAvail (RFC 9608 section 2). */
  static final ASN1ObjectIdentifier NO_REV_AVAIL = new ASN1ObjectIdentifier("2.5.29.56");

  private static final DateTimeFormatter UTC_TIME =
      DateTimeFormatter.ofPattern("yyMMddHHmmss'Z'").withZone(ZoneOffset.UTC);
  private static final DateTimeFormatter GENERALIZED_TIME =
      DateTimeFormatter.ofPattern("uuuuMMddHHmmss'Z'").withZone(ZoneOffset.UTC);

  private TbsCertificateWriter() {}

  static ToBeSigned write(Grant grant, SigningScheme scheme) {
    try {
      V3TBSCertificateGenerator tbs = new V3TBSCertificateGenerator();
      tbs.setSerialNumber(new ASN1Integer(grant.serial().value()));
      tbs.setSignature(scheme.identifier());
      tbs.setIssuer(grant.issuer().name());
      tbs.setStartDate(time(grant.period().notBefore()));
      tbs.setEndDate(time(grant.period().notAfter()));
      tbs.setSubject(grant.subject());
      tbs.setSubjectPublicKeyInfo(
          SubjectPublicKeyInfo.getInstance(grant.publicKey().encoded().bytes()));
      ExtensionsGenerator extensions = new ExtensionsGenerator();
      addUsage(extensions, grant);
      addIdentity(extensions, grant);
      addPointers(extensions, grant);
      tbs.setExtensions(extensions.generate());
      return new ToBeSigned(Der.of(tbs.generateTBSCertificate().getEncoded("DER")), scheme);
    } catch (IOException e) {
      throw new IllegalStateException("a grant cannot be encoded", e);
    }
  }

  /** RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050. */
  private static Time time(Instant instant) {
    boolean utc = instant.atZone(ZoneOffset.UTC).getYear() < 2050;
    ASN1Primitive encoded =
        utc
            ? new DERUTCTime(UTC_TIME.format(instant))
            : new DERGeneralizedTime(GENERALIZED_TIME.format(instant));
    return Time.getInstance(encoded);
  }

  private static void addUsage(ExtensionsGenerator extensions, Grant grant) throws IOException {
    Profile profile = grant.profile();
    Set<KeyUsageBit> bits = KeyUsages.fitting(profile.keyUsage(), grant.publicKey().algorithm());
    if (!bits.isEmpty()) {
      int mask = bits.stream().mapToInt(KeyUsageBit::mask).sum();
      extensions.addExtension(Extension.keyUsage, true, new KeyUsage(mask));
    }
    if (!profile.extendedKeyUsage().isEmpty()) {
      KeyPurposeId[] purposes =
          profile.extendedKeyUsage().stream()
              .map(KeyPurposeId::getInstance)
              .toArray(KeyPurposeId[]::new);
      extensions.addExtension(Extension.extendedKeyUsage, false, new ExtendedKeyUsage(purposes));
    }
    // End entities carry it too, empty: RFC 5280 section 4.2.1.9 allows that, and a plain "not a
    // CA" leaves nothing to relying parties that guess when it is missing.
    BasicConstraints basic =
        switch (profile.constraint()) {
          case Profile.Constraint.EndEntity() -> new BasicConstraints(false);
          case Profile.Constraint.Authority(OptionalInt pathLength, _) ->
              pathLength.isPresent()
                  ? new BasicConstraints(pathLength.getAsInt())
                  : new BasicConstraints(true);
        };
    extensions.addExtension(Extension.basicConstraints, true, basic);
    if (profile.constraint() instanceof Profile.Constraint.Authority(_, var nameConstraints)
        && nameConstraints.isPresent()) {
      // RFC 5280 section 4.2.1.10: always critical.
      extensions.addExtension(Extension.nameConstraints, true, nameConstraints.get());
    }
  }

  private static void addIdentity(ExtensionsGenerator extensions, Grant grant) throws IOException {
    extensions.addExtension(
        Extension.subjectKeyIdentifier,
        false,
        new SubjectKeyIdentifier(KeyIdentifiers.of(grant.publicKey()).bytes()));
    extensions.addExtension(
        Extension.authorityKeyIdentifier,
        false,
        new AuthorityKeyIdentifier(grant.issuer().keyIdentifier().bytes()));
    if (!grant.names().isEmpty()) {
      GeneralName[] names =
          grant.names().stream().map(Name::toGeneralName).toArray(GeneralName[]::new);
      // RFC 5280 section 4.2.1.6: critical if and only if the subject is empty.
      boolean critical = grant.subject().getRDNs().length == 0;
      extensions.addExtension(Extension.subjectAlternativeName, critical, new GeneralNames(names));
    }
    if (!grant.profile().policies().isEmpty()) {
      PolicyInformation[] policies =
          grant.profile().policies().stream()
              .map(PolicyInformation::new)
              .toArray(PolicyInformation[]::new);
      extensions.addExtension(
          Extension.certificatePolicies, false, new CertificatePolicies(policies));
    }
  }

  private static void addPointers(ExtensionsGenerator extensions, Grant grant) throws IOException {
    Profile.StatusSources sources = grant.profile().statusSources();
    Issuer.Urls urls = grant.issuer().urls();
    if (sources.crl()) {
      DistributionPointName name =
          new DistributionPointName(
              new GeneralNames(uri(urls.crl(grant.crlShard()).orElseThrow())));
      extensions.addExtension(
          Extension.cRLDistributionPoints,
          false,
          new CRLDistPoint(new DistributionPoint[] {new DistributionPoint(name, null, null)}));
    }
    ASN1EncodableVector accesses = new ASN1EncodableVector();
    if (sources.ocsp()) {
      accesses.add(
          new AccessDescription(AccessDescription.id_ad_ocsp, uri(urls.ocsp().orElseThrow())));
    }
    if (sources.caIssuers()) {
      accesses.add(
          new AccessDescription(
              AccessDescription.id_ad_caIssuers, uri(urls.caIssuers().orElseThrow())));
    }
    if (accesses.size() > 0) {
      extensions.addExtension(
          Extension.authorityInfoAccess,
          false,
          AuthorityInformationAccess.getInstance(new DERSequence(accesses)));
    }
    if (sources.noRevocationAvailable()) {
      extensions.addExtension(NO_REV_AVAIL, false, DERNull.INSTANCE);
    }
    if (signsOcspAnswers(grant.profile())) {
      // RFC 6960 section 4.2.2.2.1: short-lived instead of revocable.
      extensions.addExtension(OCSPObjectIdentifiers.id_pkix_ocsp_nocheck, false, DERNull.INSTANCE);
    }
  }

  /** Whether certificates of this profile are those of delegated OCSP signers. */
  static boolean signsOcspAnswers(Profile profile) {
    return profile.extendedKeyUsage().contains(KeyPurposeId.id_kp_OCSPSigning.toOID());
  }

  private static GeneralName uri(URI uri) {
    return new GeneralName(
        GeneralName.uniformResourceIdentifier, new DERIA5String(uri.toASCIIString()));
  }
}
