package dev.chancery.kubernetes;

import dev.chancery.core.Csr;
import dev.chancery.core.Profile.KeyUsageBit;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.Restriction;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bouncycastle.asn1.ASN1BitString;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.Extensions;
import org.bouncycastle.asn1.x509.KeyPurposeId;

/** What a CSR asks for by its extensions besides names. */
record CsrWishes(
    Optional<Set<KeyUsageBit>> keyUsage,
    Optional<List<ASN1ObjectIdentifier>> extendedKeyUsage,
    boolean authority,
    OptionalInt pathLength) {

  /**
   * Reads them.
   *
   * @throws Refused when one is malformed, or asks for what no certificate here can have
   */
  static CsrWishes of(Csr csr) throws Refused {
    try {
      if (csr.requestedExtensions().isEmpty()) {
        return new CsrWishes(Optional.empty(), Optional.empty(), false, OptionalInt.empty());
      }
      Extensions extensions = csr.requestedExtensions().get();
      if (extensions.getExtension(Extension.nameConstraints) != null) {
        // To leave them out would make a CA that may do more than was asked for.
        throw new Refused(Reason.BAD_CSR, "the CSR asks for name constraints, which none has here");
      }
      BasicConstraints basic = BasicConstraints.fromExtensions(extensions);
      return new CsrWishes(
          Optional.ofNullable(extensions.getExtension(Extension.keyUsage)).map(CsrWishes::bits),
          Optional.ofNullable(ExtendedKeyUsage.fromExtensions(extensions))
              .map(usage -> Stream.of(usage.getUsages()).map(KeyPurposeId::toOID).toList()),
          basic != null && basic.isCA(),
          basic == null || basic.getPathLenConstraintInteger() == null
              ? OptionalInt.empty()
              : OptionalInt.of(basic.getPathLenConstraintInteger().intPositiveValueExact()));
    } catch (RuntimeException e) {
      // Bouncy Castle reports malformed input by unchecked exceptions as well.
      throw new Refused(Reason.BAD_CSR, "an extension that the CSR asks for is malformed");
    }
  }

  private static Set<KeyUsageBit> bits(Extension extension) {
    int asked = ASN1BitString.getInstance(extension.getParsedValue()).intValue();
    return Arrays.stream(KeyUsageBit.values())
        .filter(bit -> (asked & bit.mask()) != 0)
        .collect(Collectors.toUnmodifiableSet());
  }

  /**
   * What a certificate under a role is to have less of than its profile.
   *
   * @throws Refused when a CA is asked for, and the role is for others
   */
  Restriction under(Role role) throws Refused {
    if (authority && !role.policy().authority()) {
      throw new Refused(
          Reason.NOT_PERMITTED, "the CSR is for a CA, and role " + role.name() + " is not");
    }
    return new Restriction(keyUsage, extendedKeyUsage, shorter(role.policy().pathLength()));
  }

  private OptionalInt shorter(OptionalInt most) {
    if (pathLength.isEmpty() || most.isEmpty()) {
      return pathLength.isPresent() ? pathLength : most;
    }
    return OptionalInt.of(Math.min(pathLength.getAsInt(), most.getAsInt()));
  }
}
