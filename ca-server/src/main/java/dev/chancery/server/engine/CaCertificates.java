package dev.chancery.server.engine;

import dev.chancery.core.Approval;
import dev.chancery.core.Der;
import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.IssuanceRequest;
import dev.chancery.core.IssuedCertificate;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Profile;
import dev.chancery.core.Refused;
import dev.chancery.core.RequestId;
import dev.chancery.core.RevocationLedger;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.core.ToBeSigned;
import dev.chancery.core.TokenAway;
import dev.chancery.hsm.IssuerKey;
import dev.chancery.server.profiles.BuiltInProfiles;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.bouncycastle.asn1.x500.X500Name;

/**
 * Makes the certificates of CAs, by the same cycle as every other: recorded, then signed. The
 * ledger must know an issuer's name and key before.
 */
public final class CaCertificates {
  private static final RequestId NO_REQUEST = new RequestId(new UUID(0, 0));

  private final IssuanceLedger issuance;
  private final RevocationLedger revocations;
  private final Clock clock;
  private final SecureRandom random;

  public CaCertificates(
      IssuanceLedger issuance, RevocationLedger revocations, Clock clock, SecureRandom random) {
    this.issuance = issuance;
    this.revocations = revocations;
    this.clock = clock;
    this.random = random;
  }

  /**
   * Makes a self-signed root.
   *
   * @param profile one with the basic constraint of a CA
   * @param notAfter its last second
   */
  public IssuedCertificate root(
      IssuerId id, IssuerKey key, Profile profile, X500Name subject, Instant notAfter)
      throws Refused, TokenAway {
    Issuer founding = Issuer.founding(id, subject, key.publicKey(), Optional.of(key));
    return issue(founding, profile, key.publicKey(), subject, notAfter);
  }

  /**
   * Makes a certificate below a CA: another CA's, or that of its OCSP signer.
   *
   * @param parent the issuer that signs; its key must be at hand
   * @param notAfter its last second; it must lie before the parent's
   */
  public IssuedCertificate below(
      Issuer parent, Profile profile, SubjectPublicKey key, X500Name subject, Instant notAfter)
      throws Refused, TokenAway {
    return issue(parent, profile, key, subject, notAfter);
  }

  /**
   * A certificate that is wanted.
   *
   * @param notAfter its last second
   */
  public record Wanted(Profile profile, SubjectPublicKey key, X500Name subject, Instant notAfter) {}

  /**
   * Refuses what {@link #below} would refuse, whether or not the issuer's key is at hand; nothing
   * is made.
   */
  public static void requireBelow(Issuer parent, Wanted wanted, Clock clock, SecureRandom random)
      throws Refused {
    Grant _ =
        new Decision(catalogue(parent, wanted.profile()), clock, random)
            .on(
                request(
                    parent,
                    wanted.profile(),
                    wanted.key(),
                    wanted.subject(),
                    Optional.of(wanted.notAfter()),
                    NO_REQUEST));
  }

  /**
   * The rules that a root's to-be-signed certificate breaks; empty when {@link #root} could have
   * made it.
   */
  public static List<String> rootFindings(
      ToBeSigned toBeSigned, Profile profile, SubjectPublicKey key, X500Name subject) {
    IssuerId id = new IssuerId("root");
    return findings(
        toBeSigned, Issuer.founding(id, subject, key, Optional.empty()), profile, key, subject);
  }

  /**
   * The rules that a to-be-signed certificate breaks; empty when {@link #below} could have made it.
   */
  public static List<String> findings(
      ToBeSigned toBeSigned,
      Issuer parent,
      Profile profile,
      SubjectPublicKey key,
      X500Name subject) {
    return Lint.findings(
        toBeSigned,
        parent,
        profile,
        request(parent, profile, key, subject, Optional.empty(), NO_REQUEST));
  }

  /** The octets of the subject key identifier that a certificate of a key gets. */
  public static Der keyIdentifier(SubjectPublicKey key) {
    return KeyIdentifiers.of(key);
  }

  private IssuedCertificate issue(
      Issuer issuer, Profile profile, SubjectPublicKey key, X500Name subject, Instant notAfter)
      throws Refused, TokenAway {
    IssuingAuthority authority =
        new IssuingAuthority(
            catalogue(issuer, profile), issuance, revocations, clock, random, revoked -> {});
    RequestId request = new RequestId(new TimeOrderedIds(clock, random).next());
    return authority.issue(request(issuer, profile, key, subject, Optional.of(notAfter), request));
  }

  private static Catalogue catalogue(Issuer issuer, Profile profile) {
    return new Catalogue(
        List.of(issuer),
        BuiltInProfiles.ALL.containsKey(profile.id()) ? List.of() : List.of(profile));
  }

  private static IssuanceRequest request(
      Issuer issuer,
      Profile profile,
      SubjectPublicKey key,
      X500Name subject,
      Optional<Instant> notAfter,
      RequestId request) {
    return new IssuanceRequest(
        issuer.id(),
        profile.id(),
        key,
        subject,
        Set.of(),
        Optional.empty(),
        notAfter,
        new Approval.Infrastructure("CA certificate", request));
  }
}
