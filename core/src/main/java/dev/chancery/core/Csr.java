package dev.chancery.core;

import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.Signature;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.ASN1String;
import org.bouncycastle.asn1.pkcs.CertificationRequest;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.operator.DefaultSignatureNameFinder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;

/**
 * A certification request (RFC 2986) that was well-formed and correctly signed by the key that it
 * holds.
 *
 * @param encoded the request as it came
 * @param subject the subject, byte for byte
 * @param commonNames the values of the subject's CN attributes
 * @param names the names of the requested subjectAltName, in order, without repetition
 */
public record Csr(
    Der encoded,
    X500Name subject,
    List<String> commonNames,
    Set<Name> names,
    SubjectPublicKey publicKey) {
  /** The longest request that is read, in octets. */
  public static final int LONGEST = 64 * 1024;

  public Csr {
    commonNames = List.copyOf(commonNames);
    names = Collections.unmodifiableSet(new LinkedHashSet<>(names));
  }

  /**
   * Reads a DER-encoded request and checks its signature.
   *
   * @throws Refused when it is too long, malformed, badly signed, holds a key that cannot be
   *     certified or names of a kind that cannot
   */
  public static Csr parse(byte[] der) throws Refused {
    if (der.length > LONGEST) {
      throw bad("the CSR is longer than " + LONGEST + " octets");
    }
    try {
      // fromByteArray refuses trailing octets; getInstance on a stream would not.
      PKCS10CertificationRequest request =
          new PKCS10CertificationRequest(
              CertificationRequest.getInstance(ASN1Primitive.fromByteArray(der)));
      SubjectPublicKey key = SubjectPublicKey.of(request.getSubjectPublicKeyInfo());
      requireSignature(request, key);
      return new Csr(Der.of(der), request.getSubject(), commonNames(request), names(request), key);
    } catch (IOException | RuntimeException e) {
      // Bouncy Castle reports malformed input by unchecked exceptions as well.
      throw bad("the CSR is malformed");
    }
  }

  private static void requireSignature(PKCS10CertificationRequest request, SubjectPublicKey key)
      throws Refused, IOException {
    try {
      String algorithm =
          new DefaultSignatureNameFinder().getAlgorithmName(request.getSignatureAlgorithm());
      if (algorithm.matches("(?i).*(MD2|MD5|SHA1|SHA-1).*")) {
        throw bad("the CSR is signed with a broken hash: " + algorithm);
      }
      Signature signature = Signature.getInstance(algorithm, BouncyCastle.PROVIDER);
      signature.initVerify(key.key());
      signature.update(request.toASN1Structure().getCertificationRequestInfo().getEncoded("DER"));
      if (!signature.verify(request.getSignature())) {
        throw bad("the CSR's signature is wrong");
      }
    } catch (GeneralSecurityException e) {
      throw bad("the CSR's signature cannot be checked");
    }
  }

  private static List<String> commonNames(PKCS10CertificationRequest request) {
    return Stream.of(request.getSubject().getRDNs(BCStyle.CN))
        .flatMap(rdn -> Stream.of(rdn.getTypesAndValues()))
        .filter(attribute -> attribute.getType().equals(BCStyle.CN))
        .map(attribute -> ((ASN1String) attribute.getValue()).getString())
        .toList();
  }

  private static Set<Name> names(PKCS10CertificationRequest request) throws Refused {
    Set<Name> names = new LinkedHashSet<>();
    ASN1ObjectIdentifier kind = PKCSObjectIdentifiers.pkcs_9_at_extensionRequest;
    if (request.getAttributes(kind).length > 1) {
      throw bad("the CSR has more than one extensionRequest attribute");
    }
    Extensions requested = request.getRequestedExtensions();
    Extension extension =
        requested == null ? null : requested.getExtension(Extension.subjectAlternativeName);
    if (extension != null) {
      for (GeneralName name : GeneralNames.getInstance(extension.getParsedValue()).getNames()) {
        names.add(Name.of(name));
      }
    }
    return names;
  }

  private static Refused bad(String message) {
    return new Refused(Reason.BAD_CSR, message);
  }
}
