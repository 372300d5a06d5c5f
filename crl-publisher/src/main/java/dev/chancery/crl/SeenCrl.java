package dev.chancery.crl;

import dev.chancery.core.BouncyCastle;
import dev.chancery.core.Der;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SigningScheme;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.Signature;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.bouncycastle.asn1.ASN1BitString;
import org.bouncycastle.asn1.ASN1Enumerated;
import org.bouncycastle.asn1.ASN1InputStream;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AuthorityKeyIdentifier;
import org.bouncycastle.asn1.x509.CRLDistPoint;
import org.bouncycastle.asn1.x509.DistributionPointName;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.IssuingDistributionPoint;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.asn1.x509.Time;
import org.bouncycastle.cert.X509CertificateHolder;

/**
 * What a relying party sees of a CRL (RFC 5280 section 5), read from front to back, so that the
 * length of the list does not matter.
 *
 * @param base of a delta CRL
 * @param distributionPoint the URLs of the IssuingDistributionPoint, if there is one
 * @param freshest where the delta CRL is, if the list says so
 * @param entries how many certificates are listed
 * @param octets the length of all of it
 * @param sha256 of all of it, in hexadecimal digits
 * @param ofIssuer whether it names the issuer, and its key (RFC 5280 sections 5.1.2.3 and 5.2.1)
 * @param verified whether the signature is one of the issuer's key, by the issuer's scheme
 * @param listed those of the certificates that were asked about that it lists, and why
 */
public record SeenCrl(
    BigInteger number,
    Optional<BigInteger> base,
    Instant thisUpdate,
    Instant nextUpdate,
    List<String> distributionPoint,
    Optional<String> freshest,
    long entries,
    long octets,
    String sha256,
    boolean ofIssuer,
    boolean verified,
    Map<SerialNumber, RevocationReason> listed) {
  private static final int LONGEST_FIELD = 64 * 1024;
  private static final int LONGEST_SERIAL = 20;
  private static final int EXTENSIONS = 0xA0;
  private static final int BIT_STRING = 0x03;

  public SeenCrl {
    distributionPoint = List.copyOf(distributionPoint);
    listed = Map.copyOf(listed);
  }

  /**
   * Reads a CRL of an issuer.
   *
   * @param about certificates of which it is to be said whether they are listed
   * @throws IOException when it is not one that this server could have made, or is longer than the
   *     limit
   */
  static SeenCrl read(InputStream crl, CrlIssuer issuer, long longest, Set<SerialNumber> about)
      throws IOException {
    return new Reading(crl, issuer, longest, about).run();
  }

  private static final class Reading {
    private final X509CertificateHolder certificate;
    private final SigningScheme scheme;
    private final MessageDigest sha256;
    private final Signature signature;
    private final DerInput in;
    private final long longest;
    private final Set<SerialNumber> about;
    private final Map<SerialNumber, RevocationReason> listed = new HashMap<>();
    private boolean signed;

    private Reading(InputStream crl, CrlIssuer issuer, long longest, Set<SerialNumber> about) {
      this.certificate = issuer.certificate();
      this.scheme = issuer.key().scheme();
      this.longest = longest;
      this.about = about;
      try {
        sha256 = MessageDigest.getInstance("SHA-256");
        signature = Signature.getInstance(scheme.jcaName(), BouncyCastle.PROVIDER);
        signature.initVerify(issuer.key().publicKey().key());
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException("no way to verify " + scheme, e);
      }
      in = new DerInput(crl, this::read);
    }

    private void read(byte[] buffer, int offset, int length) throws IOException {
      sha256.update(buffer, offset, length);
      if (signed) {
        try {
          signature.update(buffer, offset, length);
        } catch (GeneralSecurityException e) {
          throw new IOException("the CRL cannot be hashed", e);
        }
      }
    }

    private SeenCrl run() throws IOException {
      long length = in.enter();
      if (length > longest) {
        throw new IOException("a CRL of " + length + " octets");
      }
      long end = in.count() + length;
      signed = true;
      long tbsLength = in.enter();
      long tbsEnd = in.count() + tbsLength;
      field(DerInput.INTEGER);
      field(DerInput.SEQUENCE);
      byte[] name = field(DerInput.SEQUENCE);
      Instant thisUpdate = time();
      Instant nextUpdate = time();
      int tag = in.octet();
      long entries = 0;
      if (tag == DerInput.SEQUENCE) {
        entries = countEntries(tbsEnd);
        tag = in.octet();
      }
      if (tag != EXTENSIONS) {
        throw new IOException("a CRL without extensions");
      }
      Extensions extensions = extensions(in.contents(LONGEST_FIELD));
      if (in.count() != tbsEnd) {
        throw new IOException("the list is not as long as it says");
      }
      signed = false;
      byte[] algorithm = field(DerInput.SEQUENCE);
      byte[] bits = field(BIT_STRING);
      if (in.count() != end || !in.isAtEnd()) {
        throw new IOException("something follows the signature");
      }
      return seen(
          extensions,
          new Times(thisUpdate, nextUpdate),
          entries,
          isOfIssuer(name, extensions),
          verified(algorithm, bits));
    }

    private boolean isOfIssuer(byte[] name, Extensions extensions) throws IOException {
      try {
        if (!X500Name.getInstance(name).equals(certificate.getSubject())) {
          return false;
        }
        SubjectKeyIdentifier own = SubjectKeyIdentifier.fromExtensions(certificate.getExtensions());
        AuthorityKeyIdentifier named = AuthorityKeyIdentifier.fromExtensions(extensions);
        return own == null
            || (named != null
                && Arrays.equals(named.getKeyIdentifierOctets(), own.getKeyIdentifier()));
      } catch (RuntimeException e) {
        throw new IOException("the issuer's name or key identifier is malformed", e);
      }
    }

    private record Times(Instant thisUpdate, Instant nextUpdate) {}

    private long countEntries(long tbsEnd) throws IOException {
      long length = in.length();
      long end = in.count() + length;
      if (end > tbsEnd) {
        throw new IOException("the entries are longer than the list");
      }
      long entries = 0;
      while (in.count() < end) {
        long entryEnd = in.enter() + in.count();
        if (!about.isEmpty()) {
          lookAtSerial(entryEnd);
        }
        if (in.count() > entryEnd) {
          throw new IOException("a serial number is longer than its entry");
        }
        in.skip(entryEnd - in.count());
        entries++;
      }
      return entries;
    }

    private void lookAtSerial(long entryEnd) throws IOException {
      if (in.octet() != DerInput.INTEGER) {
        throw new IOException("an entry does not begin with a serial number");
      }
      byte[] serial = in.contents(LONGEST_FIELD);
      // RFC 5280 section 4.1.2.2: none is longer, and those that are asked about are none of
      // others.
      if (serial.length > 0 && serial.length <= LONGEST_SERIAL && serial[0] >= 0) {
        SerialNumber number = SerialNumber.of(new BigInteger(serial));
        if (about.contains(number) && in.count() <= entryEnd) {
          listed.put(number, reason(in.octets(entryEnd - in.count(), LONGEST_FIELD)));
        }
      }
    }

    /** What follows the serial number: the time, and extensions if there are any. */
    private static RevocationReason reason(byte[] rest) throws IOException {
      try (ASN1InputStream fields = new ASN1InputStream(rest)) {
        fields.readObject();
        ASN1Primitive extensions = fields.readObject();
        Extension reason =
            extensions == null
                ? null
                : Extensions.getInstance(extensions).getExtension(Extension.reasonCode);
        return reason == null
            ? RevocationReason.UNSPECIFIED
            : RevocationReason.of(
                    ASN1Enumerated.getInstance(reason.getParsedValue()).intValueExact())
                .orElseThrow(() -> new IOException("an entry with a reason that there is not"));
      } catch (RuntimeException e) {
        throw new IOException("an entry is malformed", e);
      }
    }

    private boolean verified(byte[] algorithm, byte[] bits) throws IOException {
      try {
        return Arrays.equals(algorithm, scheme.identifier().getEncoded("DER"))
            && signature.verify(ASN1BitString.getInstance(bits).getOctets());
      } catch (GeneralSecurityException | IllegalArgumentException e) {
        // A malformed signature is as wrong as any other.
        return false;
      }
    }

    private SeenCrl seen(
        Extensions extensions, Times times, long entries, boolean ofIssuer, boolean verified)
        throws IOException {
      try {
        return new SeenCrl(
            integer(extensions, Extension.cRLNumber)
                .orElseThrow(() -> new IOException("a CRL without a number")),
            integer(extensions, Extension.deltaCRLIndicator),
            times.thisUpdate(),
            times.nextUpdate(),
            urls(extensions),
            freshest(extensions),
            entries,
            in.count(),
            HexFormat.of().formatHex(sha256.digest()),
            ofIssuer,
            verified,
            listed);
      } catch (RuntimeException e) {
        throw new IOException("an extension is malformed", e);
      }
    }

    private byte[] field(int tag) throws IOException {
      if (in.octet() != tag) {
        throw new IOException("not a CRL of version 2");
      }
      return tagged(tag, in.contents(LONGEST_FIELD));
    }

    private Instant time() throws IOException {
      int tag = in.octet();
      if (tag != DerInput.UTC_TIME && tag != DerInput.GENERALIZED_TIME) {
        throw new IOException("a CRL without thisUpdate and nextUpdate");
      }
      byte[] encoded = tagged(tag, in.contents(LONGEST_FIELD));
      try {
        return Time.getInstance(ASN1Primitive.fromByteArray(encoded)).getDate().toInstant();
      } catch (RuntimeException e) {
        throw new IOException("not a time", e);
      }
    }
  }

  private static byte[] tagged(int tag, byte[] contents) {
    byte[] header = Der.sequenceHeader(contents.length);
    byte[] field = Arrays.copyOf(header, header.length + contents.length);
    field[0] = (byte) tag;
    System.arraycopy(contents, 0, field, header.length, contents.length);
    return field;
  }

  private static Extensions extensions(byte[] encoded) throws IOException {
    try {
      return Extensions.getInstance(encoded);
    } catch (RuntimeException e) {
      throw new IOException("the extensions are malformed", e);
    }
  }

  private static Optional<BigInteger> integer(Extensions extensions, ASN1ObjectIdentifier id) {
    return Optional.ofNullable(extensions.getExtension(id))
        .map(extension -> ASN1Integer.getInstance(extension.getParsedValue()).getValue());
  }

  private static List<String> urls(Extensions extensions) {
    return Optional.ofNullable(extensions.getExtension(Extension.issuingDistributionPoint))
        .map(extension -> IssuingDistributionPoint.getInstance(extension.getParsedValue()))
        .map(IssuingDistributionPoint::getDistributionPoint)
        .map(SeenCrl::names)
        .orElse(List.of());
  }

  private static Optional<String> freshest(Extensions extensions) {
    return Optional.ofNullable(extensions.getExtension(Extension.freshestCRL))
        .map(extension -> CRLDistPoint.getInstance(extension.getParsedValue()))
        .flatMap(points ->
            Stream.of(points.getDistributionPoints())
                .flatMap(point -> names(point.getDistributionPoint()).stream())
                .findFirst());
  }

  private static List<String> names(DistributionPointName name) {
    return Stream.of(GeneralNames.getInstance(name.getName()).getNames())
        .map(general -> general.getName().toString())
        .toList();
  }
}
