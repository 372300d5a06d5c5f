package dev.chancery.server;

import dev.chancery.core.IssuerId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.cert.X509CertificateHolder;

/** Whose key an operator means by its CKA_ID or its subject key identifier. */
final class IssuerKeys {
  private static final Pattern FORM = Pattern.compile("([0-9a-f]{2}:?){0,63}[0-9a-f]{2}");

  private record Named(String identifier, IssuerId issuer) {}

  private final List<Named> names = new ArrayList<>();

  IssuerKeys(List<KeyedIssuer> issuers) {
    for (KeyedIssuer issuer : issuers) {
      LoadedIssuer loaded = issuer.loaded();
      names.add(new Named(loaded.section().keyId().hex(), loaded.id()));
      names.add(new Named(subjectKeyIdentifier(loaded.certificate()), loaded.id()));
    }
  }

  private static String subjectKeyIdentifier(X509CertificateHolder certificate) {
    SubjectKeyIdentifier identifier =
        SubjectKeyIdentifier.fromExtensions(certificate.getExtensions());
    return identifier == null ? "" : HexFormat.of().formatHex(identifier.getKeyIdentifier());
  }

  /**
   * The issuer that has the key.
   *
   * @param text hexadecimal digits, with or without colons
   * @throws Refused when there is none, or more than one
   */
  IssuerId holder(String text) throws Refused {
    String digits = text.toLowerCase(Locale.ROOT);
    if (!FORM.matcher(digits).matches()) {
      throw new Refused(Reason.BAD_CSR, "key must be 1 to 64 octets in hexadecimal digits");
    }
    String wanted = digits.replace(":", "");
    List<IssuerId> holders =
        names.stream()
            .filter(named -> named.identifier().equals(wanted))
            .map(Named::issuer)
            .distinct()
            .toList();
    return switch (holders.size()) {
      case 1 -> holders.getFirst();
      case 0 ->
          throw new Refused(
              Reason.NOT_FOUND, "no issuer here has a key with this CKA_ID or key identifier");
      default ->
          throw new Refused(
              Reason.NOT_FOUND, "more than one issuer has a key of this name: name the issuer");
    };
  }
}
