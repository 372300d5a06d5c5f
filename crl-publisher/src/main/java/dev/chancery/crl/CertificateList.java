package dev.chancery.crl;

import dev.chancery.core.Der;
import dev.chancery.core.Octets;
import dev.chancery.core.SigningScheme;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.math.BigInteger;
import java.net.URI;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERTaggedObject;
import org.bouncycastle.asn1.x509.AuthorityKeyIdentifier;
import org.bouncycastle.asn1.x509.CRLDistPoint;
import org.bouncycastle.asn1.x509.DistributionPoint;
import org.bouncycastle.asn1.x509.DistributionPointName;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.IssuingDistributionPoint;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.X509ExtensionUtils;
import org.bouncycastle.cert.bc.BcX509ExtensionUtils;

/**
 * The to-be-signed part of a CRL, version 2 (RFC 5280 section 5.1). It covers every reason.
 *
 * @param base the number of the CRL that a delta CRL starts from (section 5.2.4); empty for a
 *     complete one
 * @param distributionPoint the URLs by which certificates of the scope name it, byte for byte;
 *     empty when it covers all certificates of the issuer, so that it needs no
 *     IssuingDistributionPoint (section 5.2.5)
 * @param freshest where the delta CRL is that goes with a complete one (section 5.2.6)
 */
record CertificateList(
    X509CertificateHolder issuer,
    SigningScheme scheme,
    BigInteger number,
    Instant thisUpdate,
    Instant nextUpdate,
    Optional<BigInteger> base,
    List<URI> distributionPoint,
    Optional<URI> freshest) {
  private static final int VERSION_2 = 1;

  CertificateList {
    distributionPoint = List.copyOf(distributionPoint);
  }

  /** The octets to be signed, with these encoded entries. */
  Octets with(Octets entries) {
    byte[] before = fieldsBeforeEntries();
    // Section 5.1.2.6: when nothing is revoked the list must be absent, not empty.
    byte[] listHeader = entries.length() > 0 ? Der.sequenceHeader(entries.length()) : new byte[] {};
    byte[] after = encoded(new DERTaggedObject(true, 0, extensions()));
    long contents = before.length + listHeader.length + entries.length() + after.length;
    byte[] header = Der.sequenceHeader(contents);
    return new Octets() {
      @Override
      public long length() {
        return header.length + contents;
      }

      @Override
      public InputStream open() throws IOException {
        return new SequenceInputStream(
            Collections.enumeration(
                List.of(
                    new ByteArrayInputStream(header),
                    new ByteArrayInputStream(before),
                    new ByteArrayInputStream(listHeader),
                    entries.open(),
                    new ByteArrayInputStream(after))));
      }
    };
  }

  private byte[] fieldsBeforeEntries() {
    ByteArrayOutputStream fields = new ByteArrayOutputStream();
    fields.writeBytes(encoded(new ASN1Integer(VERSION_2)));
    fields.writeBytes(encoded(scheme.identifier()));
    fields.writeBytes(encoded(issuer.getSubject()));
    fields.writeBytes(encoded(CrlTime.of(thisUpdate)));
    fields.writeBytes(encoded(CrlTime.of(nextUpdate)));
    return fields.toByteArray();
  }

  private Extensions extensions() {
    List<Extension> all = new ArrayList<>();
    all.add(
        extension(
            Extension.authorityKeyIdentifier, false, new AuthorityKeyIdentifier(keyIdentifier())));
    all.add(extension(Extension.cRLNumber, false, new ASN1Integer(number)));
    base.ifPresent(
        start -> all.add(extension(Extension.deltaCRLIndicator, true, new ASN1Integer(start))));
    if (!distributionPoint.isEmpty()) {
      all.add(
          extension(
              Extension.issuingDistributionPoint,
              true,
              new IssuingDistributionPoint(named(distributionPoint), false, false)));
    }
    freshest.ifPresent(url ->
        all.add(
            extension(
                Extension.freshestCRL,
                false,
                new CRLDistPoint(
                    new DistributionPoint[] {
                      new DistributionPoint(named(List.of(url)), null, null)
                    }))));
    return new Extensions(all.toArray(Extension[]::new));
  }

  private static DistributionPointName named(List<URI> urls) {
    return new DistributionPointName(
        new GeneralNames(
            urls.stream()
                .map(url -> new GeneralName(GeneralName.uniformResourceIdentifier, url.toString()))
                .toArray(GeneralName[]::new)));
  }

  /** The subject key identifier of the issuer's certificate (section 5.2.1). */
  private byte[] keyIdentifier() {
    SubjectKeyIdentifier stated = SubjectKeyIdentifier.fromExtensions(issuer.getExtensions());
    if (stated != null) {
      return stated.getKeyIdentifier();
    }
    X509ExtensionUtils computed = new BcX509ExtensionUtils();
    return computed.createSubjectKeyIdentifier(issuer.getSubjectPublicKeyInfo()).getKeyIdentifier();
  }

  private static Extension extension(
      ASN1ObjectIdentifier identifier, boolean critical, ASN1Encodable value) {
    return new Extension(identifier, critical, encoded(value));
  }

  private static byte[] encoded(ASN1Encodable value) {
    try {
      return value.toASN1Primitive().getEncoded(ASN1Encoding.DER);
    } catch (IOException e) {
      throw new IllegalStateException("a CRL always has an encoding", e);
    }
  }
}
