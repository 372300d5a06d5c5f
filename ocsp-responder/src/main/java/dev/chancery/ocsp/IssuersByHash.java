package dev.chancery.ocsp;

import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.SerialNumber;
import java.io.IOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERNull;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.ocsp.CertID;
import org.bouncycastle.asn1.oiw.OIWObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;

/** The served issuers by the hashes of their name and key, as a CertID gives them. */
final class IssuersByHash {
  // SHA-1 names an issuer here and protects nothing; many clients know no other (RFC 5019).
  private static final Map<ASN1ObjectIdentifier, String> HASHES =
      Map.of(
          OIWObjectIdentifiers.idSHA1, "SHA-1",
          NISTObjectIdentifiers.id_sha256, "SHA-256",
          NISTObjectIdentifiers.id_sha384, "SHA-384",
          NISTObjectIdentifiers.id_sha512, "SHA-512");

  /** What the parameters of a hash can be in a CertID. */
  private static final List<Optional<DERNull>> PARAMETERS =
      List.of(Optional.empty(), Optional.of(DERNull.INSTANCE));

  private record Hashes(ASN1ObjectIdentifier hash, Der name, Der key) {
    private Der question(Optional<DERNull> parameters, SerialNumber serial) {
      CertID id =
          new CertID(
              new AlgorithmIdentifier(hash, parameters.orElse(null)),
              new DEROctetString(name.bytes()),
              new DEROctetString(key.bytes()),
              new ASN1Integer(serial.value()));
      return OcspQuery.encoded(id);
    }
  }

  private final Map<Hashes, ServedIssuer> issuers = new HashMap<>();

  IssuersByHash(List<ServedIssuer> served) {
    for (ServedIssuer issuer : served) {
      byte[] name = encodedSubject(issuer);
      byte[] key = issuer.certificate().getSubjectPublicKeyInfo().getPublicKeyData().getOctets();
      HASHES.forEach((oid, algorithm) -> {
        Hashes hashes = new Hashes(oid, digest(algorithm, name), digest(algorithm, key));
        if (issuers.put(hashes, issuer) != null) {
          throw new IllegalArgumentException(
              "issuer " + issuer.id() + " has the name and key of another");
        }
      });
    }
  }

  /** Empty for an issuer that is not served, and for a hash that is not known. */
  Optional<ServedIssuer> find(OcspQuery.CertificateId id) {
    return Optional.ofNullable(issuers.get(new Hashes(id.hash(), id.issuerName(), id.issuerKey())));
  }

  Optional<ServedIssuer> find(IssuerId id) {
    return issuers.values().stream().filter(served -> served.id().equals(id)).findFirst();
  }

  /** Every encoding of a CertID that asks for this certificate. */
  List<Der> questions(IssuerId issuer, SerialNumber serial) {
    List<Der> questions = new ArrayList<>();
    issuers.forEach((hashes, served) -> {
      if (served.id().equals(issuer)) {
        for (Optional<DERNull> parameters : PARAMETERS) {
          questions.add(hashes.question(parameters, serial));
        }
      }
    });
    return questions;
  }

  private static byte[] encodedSubject(ServedIssuer issuer) {
    try {
      return issuer.certificate().getSubject().getEncoded(ASN1Encoding.DER);
    } catch (IOException e) {
      throw new IllegalArgumentException("the issuer's name cannot be encoded", e);
    }
  }

  private static Der digest(String algorithm, byte[] octets) {
    try {
      return Der.of(MessageDigest.getInstance(algorithm).digest(octets));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has " + algorithm, e);
    }
  }
}
