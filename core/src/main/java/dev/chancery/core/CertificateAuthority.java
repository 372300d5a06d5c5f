package dev.chancery.core;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The only way from the protocols to the keys. Everything that faces a network asks here; a later
 * split into processes would run along this interface.
 */
public interface CertificateAuthority {
  /**
   * The issuer that signs today when this one is asked to: itself, unless an operator has put
   * another in its place. {@link #issue} and {@link #requirePermitted} follow it by themselves, and
   * {@link IssuedCertificate#issuer} says who signed.
   */
  default IssuerId active(IssuerId issuer) {
    return issuer;
  }

  /**
   * Decides on a request and, when it is granted, issues: the certificate is recorded before it is
   * signed, verified after, and known to the ledger as issued when this returns.
   *
   * @throws Refused when the request will never be granted; nothing was recorded
   * @throws TokenAway when the issuer's key does not answer; nothing that was recorded can become a
   *     certificate any more, and the request can be made again
   */
  IssuedCertificate issue(IssuanceRequest request) throws Refused, TokenAway;

  /**
   * Says whether {@link #issue} would certify names for a time, before anyone takes the trouble to
   * prove them. It is decided again at the issuance, when bounds that move with the clock have
   * moved on.
   *
   * @param notBefore and notAfter as in {@link IssuanceRequest}
   * @throws Refused for the first name that policy or the issuer's name constraints forbid, too
   *     many names, a time outside the bounds of the profile or the issuer, or an unknown issuer or
   *     profile
   */
  void requirePermitted(
      IssuerId issuer,
      ProfileId profile,
      Set<Name> names,
      Optional<Instant> notBefore,
      Optional<Instant> notAfter)
      throws Refused;

  /**
   * Refuses a public key that nobody may use here, for a certificate or to sign requests with: one
   * that an operator has blocked or that was reported compromised. {@link #issue} asks the same.
   *
   * @throws Refused with {@link Reason#BAD_PUBLIC_KEY}
   */
  void requireUsable(SubjectPublicKey key) throws Refused;

  /**
   * The part of {@link #requireUsable} that costs nothing: refuses a key that an operator has
   * blocked. For callers whose own statement at the database asks whether the key was reported
   * compromised, and finds that at the same instant as it does its work.
   *
   * @throws Refused with {@link Reason#BAD_PUBLIC_KEY}
   */
  void requireNotBlocked(SubjectPublicKey key) throws Refused;

  /**
   * What came of an earlier request whose outcome its maker does not know, after a crash for
   * example. Whatever was recorded for it and not yet issued is revoked by this call, so that an
   * empty answer stays true.
   */
  Optional<IssuedCertificate> settle(RequestId request);

  /**
   * What was issued for a request until now. Unlike {@link #settle} it gives nothing up: another
   * may be at work on the same request, and an empty answer need not stay true.
   */
  Optional<IssuedCertificate> issued(RequestId request);

  /**
   * Revokes a certificate, or changes nothing: RFC 5280 section 5.3, RFC 8555 section 7.6.
   *
   * @throws Refused when there is no such certificate, it is revoked already, or it has expired
   */
  void revoke(Revocation revocation) throws Refused;

  /** The record of a certificate, if there is one. */
  Optional<CertificateRecord> find(IssuerId issuer, SerialNumber serial);

  /**
   * The chains by which an issuer's certificates can be presented, the default one first; each from
   * the issuer's own certificate upwards, without the root (RFC 8555 section 7.4.2).
   *
   * @throws Refused when there is no such issuer
   */
  List<List<Der>> chains(IssuerId issuer) throws Refused;
}
