package dev.chancery.acme;

import dev.chancery.core.AccountId;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.Refused;
import dev.chancery.core.SubjectPublicKey;
import java.net.URI;
import java.util.List;
import java.util.Optional;

/**
 * An account (RFC 8555 section 7.1.2) that is valid: a deactivated one is refused on the way in.
 *
 * @param terms those of service that it agreed to last
 * @param binding the external account binding that it was made with (section 7.3.4)
 */
record Account(
    AccountId id,
    AccountKey key,
    List<String> contacts,
    Optional<URI> terms,
    Optional<ExternalAccountBinding.Verified> binding) {
  Account {
    contacts = List.copyOf(contacts);
  }

  Account withContacts(List<String> changed) {
    return new Account(id, key, changed, terms, binding);
  }

  Account agreeingTo(URI changed) {
    return new Account(id, key, contacts, Optional.of(changed), binding);
  }

  /**
   * Refuses what needs an agreement to the terms of today (RFC 8555 section 7.3.3): the account may
   * be older than they are.
   *
   * @throws AcmeProblem userActionRequired
   */
  void requireAgreement(AcmeEndpoint endpoint) throws AcmeProblem {
    Optional<URI> today = endpoint.termsOfService();
    if (today.isPresent() && !terms.equals(today)) {
      throw new AcmeProblem(Problem.ofTerms(today.get()));
    }
  }

  /**
   * Refuses to act for an account whose key was blocked, or reported compromised, after the account
   * was made: whoever signs with it need not be its owner. That includes a change to another key.
   *
   * @throws AcmeProblem unauthorized
   */
  void requireUsableKey(CertificateAuthority authority) throws AcmeProblem {
    requireKey(authority::requireUsable);
  }

  /**
   * The same when it is known that the key was not reported compromised.
   *
   * @throws AcmeProblem unauthorized
   */
  void requireKeyNotBlocked(CertificateAuthority authority) throws AcmeProblem {
    requireKey(authority::requireNotBlocked);
  }

  private interface KeyRule {
    void require(SubjectPublicKey key) throws Refused;
  }

  private void requireKey(KeyRule rule) throws AcmeProblem {
    try {
      rule.require(key.subjectPublicKey());
    } catch (Refused e) {
      throw keyNotTaken(e);
    }
  }

  /** What was a good key when the account was made is none by the rules of today. */
  static AcmeProblem keyNotTaken(Refused why) {
    return new AcmeProblem(
        AcmeError.UNAUTHORIZED,
        "the account can do nothing more, since its key is no longer taken: " + why.getMessage());
  }
}
