package dev.chancery.core;

import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.asn1.x500.X500Name;

/**
 * What is asked of {@link CertificateAuthority#issue}.
 *
 * @param subject the subject asked for; the profile decides what becomes of it
 * @param names the names, in the order in which the certificate will hold them
 * @param notBefore when given, the certificate begins exactly then
 * @param notAfter when given, the certificate ends exactly then
 * @param restriction what the certificate shall have less of than the profile allows
 */
public record IssuanceRequest(
    IssuerId issuer,
    ProfileId profile,
    SubjectPublicKey publicKey,
    X500Name subject,
    Set<Name> names,
    Optional<Instant> notBefore,
    Optional<Instant> notAfter,
    Restriction restriction,
    Approval approval) {
  public IssuanceRequest {
    names = Collections.unmodifiableSet(new LinkedHashSet<>(names));
  }

  /** The same request to another issuer. */
  public IssuanceRequest to(IssuerId other) {
    return new IssuanceRequest(
        other, profile, publicKey, subject, names, notBefore, notAfter, restriction, approval);
  }

  /** A request for all that the profile gives. */
  public IssuanceRequest(
      IssuerId issuer,
      ProfileId profile,
      SubjectPublicKey publicKey,
      X500Name subject,
      Set<Name> names,
      Optional<Instant> notBefore,
      Optional<Instant> notAfter,
      Approval approval) {
    this(
        issuer,
        profile,
        publicKey,
        subject,
        names,
        notBefore,
        notAfter,
        Restriction.NONE,
        approval);
  }
}
