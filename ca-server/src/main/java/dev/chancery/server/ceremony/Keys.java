package dev.chancery.server.ceremony;

import dev.chancery.core.Csr;
import dev.chancery.core.Der;
import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.Refused;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.server.engine.CaCertificates;
import java.io.IOException;
import java.io.StringReader;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.NameConstraints;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.jspecify.annotations.Nullable;

/**
 * The keys that are to be certified, out of the files of a plan. A request that asks for anything
 * that the plan does not give is refused: whoever wrote it expects another certificate.
 */
final class Keys {
  /** Those of an int, but for the sign. */
  private static final int MOST_BITS = 31;

  private Keys() {}

  /**
   * A key, and the name that it is certified under.
   *
   * @param nameConstraints those of a root that is cross-certified: it is not to be trusted for
   *     more by the certificate from here
   */
  record Subject(X500Name name, SubjectPublicKey key, Optional<NameConstraints> nameConstraints) {}

  static Subject of(CeremonyPlan.Item item, Source files) throws CeremonyRefused {
    byte[] octets = item.input().read(files);
    try {
      return switch (item) {
        case CeremonyPlan.Intermediate ca -> {
          PKCS10CertificationRequest request = request(item, octets);
          requireOfAuthority(ca, request);
          yield requested(ca.file(), request, ca.subject(), ca.algorithm());
        }
        case CeremonyPlan.OcspSigner signer -> {
          PKCS10CertificationRequest request = request(item, octets);
          requireOfSigner(signer, request);
          yield requested(signer.file(), request, signer.subject(), signer.algorithm());
        }
        case CeremonyPlan.CrossCertificate cross -> {
          X509CertificateHolder other = certificate(cross.file(), octets);
          SubjectPublicKey key = SubjectPublicKey.of(other.getSubjectPublicKeyInfo());
          requireRoot(cross.file(), other, key);
          requirePath(cross, other);
          yield new Subject(other.getSubject(), key, nameConstraints(other));
        }
      };
    } catch (Refused e) {
      throw new CeremonyRefused(item.file() + ": " + e.getMessage());
    } catch (RuntimeException e) {
      // As Bouncy Castle says that an extension is malformed.
      throw new CeremonyRefused(item.file() + ": is malformed");
    }
  }

  /** Clients that follow key identifiers must find the same one in both certificates of a root. */
  private static void requireRoot(String file, X509CertificateHolder root, SubjectPublicKey key)
      throws CeremonyRefused {
    BasicConstraints basic = BasicConstraints.fromExtensions(root.getExtensions());
    SubjectKeyIdentifier identifier = SubjectKeyIdentifier.fromExtensions(root.getExtensions());
    if (basic == null || !basic.isCA() || !root.getSubject().equals(root.getIssuer())) {
      throw new CeremonyRefused(file + ": not the certificate of a root");
    }
    if (identifier == null
        || !Der.of(identifier.getKeyIdentifier()).equals(CaCertificates.keyIdentifier(key))) {
      throw new CeremonyRefused(
          file
              + ": its key identifier is not the one that a cross-certificate from here would have"
              + " (RFC 7093 section 2 method 1)");
    }
  }

  /** Whoever trusts this root is not to trust the other for longer paths than its own people do. */
  private static void requirePath(CeremonyPlan.CrossCertificate cross, X509CertificateHolder other)
      throws CeremonyRefused {
    OptionalInt own = pathLength(other);
    OptionalInt given = cross.pathLength();
    if (own.isPresent() && (given.isEmpty() || given.getAsInt() > own.getAsInt())) {
      throw new CeremonyRefused(
          "%s: the root has path length %d, and the plan gives %s"
              .formatted(
                  cross.file(),
                  own.getAsInt(),
                  given.isEmpty() ? "one without bound" : String.valueOf(given.getAsInt())));
    }
  }

  /** The path length of a CA's certificate; more than an int can hold is as good as none. */
  static OptionalInt pathLength(X509CertificateHolder authority) {
    BasicConstraints basic = BasicConstraints.fromExtensions(authority.getExtensions());
    ASN1Integer length = basic == null ? null : basic.getPathLenConstraintInteger();
    return length == null || length.getValue().bitLength() > MOST_BITS
        ? OptionalInt.empty()
        : OptionalInt.of(length.intValueExact());
  }

  static Optional<NameConstraints> nameConstraints(X509CertificateHolder authority) {
    return Optional.ofNullable(authority.getExtension(Extension.nameConstraints))
        .map(extension -> NameConstraints.getInstance(extension.getParsedValue()));
  }

  /** The one certificate of a file in PEM. */
  static X509CertificateHolder certificate(String file, byte[] octets) throws CeremonyRefused {
    return only(file, octets, X509CertificateHolder.class, "certificate");
  }

  private static PKCS10CertificationRequest request(CeremonyPlan.Item item, byte[] octets)
      throws CeremonyRefused {
    return only(
        item.file(), octets, PKCS10CertificationRequest.class, "certification request (PKCS #10)");
  }

  private static <T> T only(String file, byte[] octets, Class<T> kind, String called)
      throws CeremonyRefused {
    try (PEMParser parser =
        new PEMParser(new StringReader(new String(octets, StandardCharsets.US_ASCII)))) {
      Object part = parser.readObject();
      if (kind.isInstance(part) && parser.readObject() == null) {
        return kind.cast(part);
      }
    } catch (IOException | RuntimeException e) {
      // Bouncy Castle reports malformed input by unchecked exceptions as well.
      throw new CeremonyRefused(file + ": cannot be read as a " + called + " in PEM");
    }
    throw new CeremonyRefused(file + ": not one " + called + " in PEM");
  }

  private static Subject requested(
      String file, PKCS10CertificationRequest request, X500Name subject, KeyAlgorithm algorithm)
      throws CeremonyRefused, Refused {
    try {
      Csr csr = Csr.parse(request.getEncoded());
      if (!csr.names().isEmpty()) {
        throw new CeremonyRefused(file + ": asks for names, and the plan gives none");
      }
      if (csr.publicKey().algorithm() != algorithm) {
        throw new CeremonyRefused(
            file + ": has an " + csr.publicKey().algorithm() + " key, the plan says " + algorithm);
      }
      return new Subject(subject, csr.publicKey(), Optional.empty());
    } catch (IOException e) {
      throw new CeremonyRefused(file + ": cannot be read as a certification request");
    }
  }

  private static void requireOfAuthority(
      CeremonyPlan.Intermediate ca, PKCS10CertificationRequest request) throws CeremonyRefused {
    requireExtensions(
        ca.file(),
        request,
        Set.of(Extension.basicConstraints, Extension.keyUsage, Extension.subjectKeyIdentifier));
    BasicConstraints basic = BasicConstraints.fromExtensions(extensions(request));
    if (basic != null && basic.isCA()) {
      ASN1Integer wish = basic.getPathLenConstraintInteger();
      OptionalInt given = ca.pathLength();
      if (given.isPresent()
          && (wish == null
              || wish.getValue().compareTo(BigInteger.valueOf(given.getAsInt())) > 0)) {
        throw new CeremonyRefused(
            "%s: asks for path length %s, and the plan gives %d"
                .formatted(ca.file(), wish == null ? "without bound" : wish, given.getAsInt()));
      }
    }
    requireUsage(ca.file(), request, KeyUsage.keyCertSign | KeyUsage.cRLSign);
    requireSubject(ca.file(), request, ca.subject());
  }

  private static void requireOfSigner(
      CeremonyPlan.OcspSigner signer, PKCS10CertificationRequest request) throws CeremonyRefused {
    requireExtensions(
        signer.file(),
        request,
        Set.of(Extension.keyUsage, Extension.extendedKeyUsage, Extension.subjectKeyIdentifier));
    ExtendedKeyUsage usage = ExtendedKeyUsage.fromExtensions(extensions(request));
    if (usage != null
        && (usage.size() != 1 || !usage.hasKeyPurposeId(KeyPurposeId.id_kp_OCSPSigning))) {
      throw new CeremonyRefused(
          signer.file() + ": asks for a purpose, and the plan gives OCSP signing alone");
    }
    requireUsage(signer.file(), request, KeyUsage.digitalSignature);
    requireSubject(signer.file(), request, signer.subject());
  }

  private static @Nullable Extensions extensions(PKCS10CertificationRequest request) {
    return request.getRequestedExtensions();
  }

  private static void requireExtensions(
      String file, PKCS10CertificationRequest request, Set<ASN1ObjectIdentifier> known)
      throws CeremonyRefused {
    Extensions requested = extensions(request);
    if (requested == null) {
      return;
    }
    for (ASN1ObjectIdentifier extension : requested.getExtensionOIDs()) {
      if (!known.contains(extension)) {
        throw new CeremonyRefused(
            file + ": asks for extension " + extension + ", and the plan does not give it");
      }
    }
  }

  private static void requireUsage(String file, PKCS10CertificationRequest request, int given)
      throws CeremonyRefused {
    KeyUsage usage = KeyUsage.fromExtensions(extensions(request));
    for (int bit = 1; usage != null && bit <= KeyUsage.decipherOnly; bit <<= 1) {
      if (usage.hasUsages(bit) && (given & bit) == 0) {
        throw new CeremonyRefused(file + ": asks for a key usage that the plan does not give");
      }
    }
  }

  /** The marks of a rehearsal are the plan's, and no request has them. */
  private static void requireSubject(
      String file, PKCS10CertificationRequest request, X500Name subject) throws CeremonyRefused {
    String planned = subject.toString().replace(PlanFile.REHEARSAL, "");
    if (request.getSubject().getRDNs().length > 0
        && !request.getSubject().toString().equals(planned)) {
      throw new CeremonyRefused(
          file + ": is for " + request.getSubject() + ", the plan says " + planned);
    }
  }
}
