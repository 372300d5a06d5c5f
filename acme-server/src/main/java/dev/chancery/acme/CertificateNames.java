package dev.chancery.acme;

import dev.chancery.core.Der;
import dev.chancery.core.Name;
import dev.chancery.core.Refused;
import java.util.LinkedHashSet;
import java.util.Set;
import org.bouncycastle.asn1.x509.Certificate;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.X509CertificateHolder;

/** Reads the names that a certificate was issued for. */
final class CertificateNames {
  private CertificateNames() {}

  static Set<Name> of(Der certificate) {
    return of(new X509CertificateHolder(Certificate.getInstance(certificate.bytes())));
  }

  /** The subjectAltName, or no name at all when it holds one that nothing here certifies. */
  static Set<Name> of(X509CertificateHolder certificate) {
    Set<Name> names = new LinkedHashSet<>();
    Extension extension = certificate.getExtension(Extension.subjectAlternativeName);
    if (extension == null) {
      return names;
    }
    try {
      for (GeneralName name : GeneralNames.getInstance(extension.getParsedValue()).getNames()) {
        names.add(Name.of(name));
      }
      return names;
    } catch (Refused e) {
      return Set.of();
    }
  }
}
