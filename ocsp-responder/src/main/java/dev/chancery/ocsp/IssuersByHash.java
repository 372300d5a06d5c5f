package dev.chancery.ocsp;

import dev.chancery.core.Der;
import java.io.IOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.oiw.OIWObjectIdentifiers;

/** The served issuers by the hashes of their name and key, as a CertID gives them. */
final class IssuersByHash {
  // SHA-1 names an issuer here and protects nothing; many clients know no other (RFC 5019).
  private static final Map<ASN1ObjectIdentifier, String> HASHES =
      Map.of(
          OIWObjectIdentifiers.idSHA1, "SHA-1",
          NISTObjectIdentifiers.id_sha256, "SHA-256",
          NISTObjectIdentifiers.id_sha384, "SHA-384",
          NISTObjectIdentifiers.id_sha512, "SHA-512");

  private record Hashes(ASN1ObjectIdentifier hash, Der name, Der key) {}

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
