package dev.chancery.core;

import dev.chancery.core.Profile.KeyUsageBit;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;

/**
 * What a certificate shall have less of than its profile allows; it can never have more.
 *
 * @param keyUsage when given, no other usage of the key (RFC 5280 section 4.2.1.3)
 * @param extendedKeyUsage when given, no other purpose of the key (section 4.2.1.12)
 * @param pathLength of a CA certificate, when given: no more CAs below it (section 4.2.1.9)
 */
public record Restriction(
    Optional<Set<KeyUsageBit>> keyUsage,
    Optional<List<ASN1ObjectIdentifier>> extendedKeyUsage,
    OptionalInt pathLength) {
  /** The profile's certificates as they are. */
  public static final Restriction NONE =
      new Restriction(Optional.empty(), Optional.empty(), OptionalInt.empty());

  public Restriction {
    keyUsage = keyUsage.map(Set::copyOf);
    extendedKeyUsage = extendedKeyUsage.map(List::copyOf);
  }
}
