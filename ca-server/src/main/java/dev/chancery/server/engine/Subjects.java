package dev.chancery.server.engine;

import dev.chancery.core.Name;
import dev.chancery.core.Profile;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.bouncycastle.asn1.ASN1String;
import org.bouncycastle.asn1.x500.RDN;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;

/** Makes the subjects of certificates. */
final class Subjects {
  private static final X500Name EMPTY = new X500Name(new RDN[0]);
  // ub-common-name (RFC 5280 appendix A.1).
  private static final int LONGEST_COMMON_NAME = 64;

  private Subjects() {}

  static X500Name of(Profile.SubjectRule rule, X500Name requested, Set<Name> names) {
    return switch (rule) {
      case EMPTY -> EMPTY;
      case REQUESTED -> requested;
      case COMMON_NAME -> commonName(requested, names).map(Subjects::named).orElse(EMPTY);
    };
  }

  private static Optional<String> commonName(X500Name requested, Set<Name> names) {
    Set<String> wishes =
        Stream.of(requested.getRDNs(BCStyle.CN))
            .flatMap(rdn -> Stream.of(rdn.getTypesAndValues()))
            .filter(attribute -> attribute.getType().equals(BCStyle.CN))
            .filter(attribute -> attribute.getValue() instanceof ASN1String)
            .map(attribute -> ((ASN1String) attribute.getValue()).getString())
            .map(text -> text.toLowerCase(Locale.ROOT))
            .collect(java.util.stream.Collectors.toUnmodifiableSet());
    return names.stream()
        .filter(Subjects::fits)
        .map(Name::value)
        .filter(wishes::contains)
        .findFirst()
        .or(() -> names.stream().filter(Subjects::fits).map(Name::value).findFirst());
  }

  // Nothing reads a URI or an otherName from a common name.
  private static boolean fits(Name name) {
    return name.kind() != Name.Kind.URI
        && name.kind() != Name.Kind.OTHER
        && name.value().length() <= LONGEST_COMMON_NAME;
  }

  private static X500Name named(String commonName) {
    return new X500NameBuilder(BCStyle.INSTANCE).addRDN(BCStyle.CN, commonName).build();
  }
}
