package dev.chancery.acme;

import dev.chancery.acme.SignedRequests.SignedRequest;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.Der;
import dev.chancery.core.DnsName;
import dev.chancery.core.IpName;
import dev.chancery.core.Name;
import dev.chancery.core.Refused;
import dev.chancery.core.Revocation;
import dev.chancery.core.RevocationReason;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.SubjectPublicKey;
import java.io.IOException;
import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.asn1.ASN1Primitive;
import org.bouncycastle.asn1.x509.Certificate;
import org.bouncycastle.cert.X509CertificateHolder;

/** Revokes certificates (RFC 8555 section 7.6). */
final class RevokeResource {
  /** The reasons that a subscriber can give; the others are a CA's own. */
  private static final Set<RevocationReason> ACCEPTED =
      EnumSet.of(
          RevocationReason.UNSPECIFIED,
          RevocationReason.KEY_COMPROMISE,
          RevocationReason.AFFILIATION_CHANGED,
          RevocationReason.SUPERSEDED,
          RevocationReason.CESSATION_OF_OPERATION,
          RevocationReason.PRIVILEGE_WITHDRAWN);

  private static final int LONGEST = 64 * 1024;

  private final Accounts accounts;
  private final Orders orders;
  private final Authorizations authorizations;
  private final BindingKeys bindingKeys;
  private final CertificateAuthority authority;
  private final LedgerCertificates certificates;
  private final Clock clock;

  RevokeResource(
      Accounts accounts,
      Orders orders,
      Authorizations authorizations,
      BindingKeys bindingKeys,
      CertificateAuthority authority,
      LedgerCertificates certificates,
      Clock clock) {
    this.accounts = accounts;
    this.orders = orders;
    this.authorizations = authorizations;
    this.bindingKeys = bindingKeys;
    this.authority = authority;
    this.certificates = certificates;
    this.clock = clock;
  }

  Reply reply(SignedRequest request) throws AcmeProblem, Refused {
    Payload payload = request.requiredPayload();
    X509CertificateHolder certificate =
        parse(Base64Url.decode(payload.requiredText("certificate"), "certificate"));
    RevocationReason reason = reason(payload.integer("reason"));
    CertificateRecord known = known(request.urls().endpoint(), certificate);
    String by =
        switch (request) {
          case SignedRequest.ByAccount(var urls, Account account, var body, var path) -> {
            if (!orders.ordered(account.id(), known.issuer(), known.serial())) {
              requireNamesProven(urls.endpoint(), account, known, certificate);
              requireNoCompromise(reason);
            }
            yield "acme account " + account.id();
          }
          case SignedRequest.ByKey(var urls, AccountKey key, var body, var network) -> {
            requireKey(key, certificate);
            yield "the certificate's key";
          }
        };
    authority.revoke(
        new Revocation(
            known.issuer(),
            known.serial(),
            reason,
            clock.instant().truncatedTo(ChronoUnit.SECONDS),
            Optional.empty(),
            by));
    return Reply.empty(200);
  }

  private static X509CertificateHolder parse(byte[] der) throws AcmeProblem {
    if (der.length > LONGEST) {
      throw AcmeProblem.malformed("the certificate is longer than " + LONGEST + " octets");
    }
    try {
      return new X509CertificateHolder(Certificate.getInstance(ASN1Primitive.fromByteArray(der)));
    } catch (IOException | RuntimeException e) {
      // Bouncy Castle reports malformed input by unchecked exceptions as well.
      throw AcmeProblem.malformed("the certificate is malformed");
    }
  }

  private static RevocationReason reason(Optional<Integer> code) throws AcmeProblem {
    Optional<RevocationReason> reason =
        RevocationReason.of(code.orElse(RevocationReason.UNSPECIFIED.code()));
    return reason
        .filter(ACCEPTED::contains)
        .orElseThrow(() ->
            new AcmeProblem(
                AcmeError.BAD_REVOCATION_REASON, "the reason must be one of 0, 1, 3, 4, 5 and 9"));
  }

  /** The ledger's record of exactly this certificate. */
  private CertificateRecord known(AcmeEndpoint endpoint, X509CertificateHolder certificate)
      throws AcmeProblem {
    Optional<CertificateRecord> found;
    try {
      found =
          certificates.find(
              endpoint,
              SerialNumber.of(certificate.getSerialNumber()),
              Der.of(certificate.getEncoded()));
    } catch (IOException | IllegalArgumentException e) {
      // Such a certificate was never issued here.
      found = Optional.empty();
    }
    return found.orElseThrow(
        () -> new AcmeProblem(AcmeError.NOT_FOUND, "the certificate was not issued here"));
  }

  /**
   * Section 7.6: an account that holds authorizations for all names. As far as a proof at one
   * endpoint reaches: to what accounts of the same endpoint ordered, of whichever issuer it had
   * then; not to the server's own certificates, nor to those of an endpoint that asks for more.
   */
  private void requireNamesProven(
      AcmeEndpoint endpoint,
      Account account,
      CertificateRecord known,
      X509CertificateHolder certificate)
      throws AcmeProblem {
    bindingKeys.requireInForce(account);
    if (known.account().filter(ordering -> accounts.isOf(endpoint, ordering)).isEmpty()
        || !hasProvenAllNames(account, certificate)) {
      throw new AcmeProblem(
          AcmeError.UNAUTHORIZED,
          "the account neither ordered the certificate nor has proven all of its names here");
    }
  }

  private boolean hasProvenAllNames(Account account, X509CertificateHolder certificate) {
    Set<Name> names = CertificateNames.of(certificate);
    return names.stream().allMatch(name -> name instanceof DnsName || name instanceof IpName)
        && authorizations.hasProven(account.id(), names);
  }

  /**
   * A key that is reported compromised is certified never again, so the report must come from
   * someone whose key it is. Section 7.6 leaves it to the server which reasons it takes.
   */
  private static void requireNoCompromise(RevocationReason reason) throws AcmeProblem {
    if (reason == RevocationReason.KEY_COMPROMISE) {
      throw new AcmeProblem(
          AcmeError.BAD_REVOCATION_REASON,
          "reason 1, keyCompromise, is taken from the account that ordered the certificate and"
              + " from its key only");
    }
  }

  private static void requireKey(AccountKey key, X509CertificateHolder certificate)
      throws AcmeProblem {
    try {
      if (key.isSameAs(SubjectPublicKey.of(certificate.getSubjectPublicKeyInfo()).key())) {
        return;
      }
    } catch (Refused e) {
      // A key that is not certified here is not the signer's either.
    }
    throw new AcmeProblem(AcmeError.UNAUTHORIZED, "the jwk is not the certificate's key");
  }
}
