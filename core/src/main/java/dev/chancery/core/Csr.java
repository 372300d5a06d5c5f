package dev.chancery.core;

import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.Signature;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.asn1.ASN1Set;
import org.bouncycastle.asn1.ASN1String;
import org.bouncycastle.asn1.pkcs.Attribute;
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
 * @param requestedExtensions what its extensionRequest attribute holds (RFC 2985 section 5.4.2)
 */
public record Csr(
    Der encoded,
    X500Name subject,
    List<String> commonNames,
    Set<Name> names,
    SubjectPublicKey publicKey,
    Optional<Extensions> requestedExtensions) {
  /** The longest request that is read, in octets. */
  public static final int LONGEST = 64 * 1024;

  public Csr {
    commonNames = List.copyOf(commonNames);
    names = Collections.unmodifiableSet(new LinkedHashSet<>(names));
  }

  /**
   * Reads a DER-encoded request and checks its signature.
   *
   * @throws Refused when it is too long, malformed, badly signed, asks for an extension twice,
   *     holds a key that cannot be certified or names of a kind that cannot
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
      Optional<Extensions> extensions = requestedExtensions(request);
      return new Csr(
          Der.of(der),
          request.getSubject(),
          commonNames(request),
          names(extensions),
          key,
          extensions);
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

  /**
   * Read here, since Bouncy Castle's own reading puts the values of a repeated extension together,
   * in time and memory that grow with the square of their number.
   */
  private static Optional<Extensions> requestedExtensions(PKCS10CertificationRequest request)
      throws Refused {
    Attribute[] attributes =
        request.getAttributes(PKCSObjectIdentifiers.pkcs_9_at_extensionRequest);
    if (attributes.length == 0) {
      return Optional.empty();
    }
    ASN1Set values = attributes[0].getAttrValues();
    if (attributes.length > 1 || values.size() != 1) {
      throw bad("the CSR has more than one extensionRequest attribute");
    }
    ASN1Sequence extensions = ASN1Sequence.getInstance(values.getObjectAt(0));
    Set<ASN1ObjectIdentifier> kinds = new HashSet<>();
    for (ASN1Encodable extension : extensions) {
      ASN1ObjectIdentifier kind = Extension.getInstance(extension).getExtnId();
      if (!kinds.add(kind)) {
        throw bad("the CSR asks for extension " + kind + " twice");
      }
    }
    return Optional.of(Extensions.getInstance(extensions));
  }

  private static Set<Name> names(Optional<Extensions> requested) throws Refused {
    Set<Name> names = new LinkedHashSet<>();
    Optional<Extension> extension =
        requested.map(extensions -> extensions.getExtension(Extension.subjectAlternativeName));
    if (extension.isPresent()) {
      for (GeneralName name :
          GeneralNames.getInstance(extension.get().getParsedValue()).getNames()) {
        names.add(Name.of(name));
      }
    }
    return names;
  }

  private static Refused bad(String message) {
    return new Refused(Reason.BAD_CSR, message);
  }
}
