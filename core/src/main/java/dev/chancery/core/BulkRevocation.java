package dev.chancery.core;

import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/**
 * A revocation of many certificates at once, as it is asked for and how far it has come.
 *
 * @param order what is asked for
 * @param madeAt only certificates that were recorded before are meant
 * @param counted how many were meant then
 * @param revoked how many were revoked for it until now; others may have been revoked by others
 * @param endedAt when no more were left
 */
public record BulkRevocation(
    UUID id, Order order, Instant madeAt, long counted, long revoked, Optional<Instant> endedAt) {

  /**
   * What is asked for; the parts are as in {@link Revocation}.
   *
   * @param at in whole seconds
   */
  public record Order(
      Filter filter,
      RevocationReason reason,
      Instant at,
      Optional<Instant> invalidityDate,
      String by) {}

  /**
   * The certificates to which all that is given applies; expired ones are never meant.
   *
   * @param key the SHA-256 digest of the SubjectPublicKeyInfo
   * @param name the canonical text of a name that stands in the certificate, with others or alone
   * @param recordedUntil not included
   */
  public record Filter(
      Optional<IssuerId> issuer,
      Optional<ProfileId> profile,
      Optional<AccountId> account,
      Optional<Der> key,
      Optional<String> name,
      Optional<Instant> recordedFrom,
      Optional<Instant> recordedUntil) {

    /** Whether nothing is given, so that every certificate would be meant. */
    public boolean isEmpty() {
      return issuer.isEmpty()
          && profile.isEmpty()
          && account.isEmpty()
          && key.isEmpty()
          && name.isEmpty()
          && recordedFrom.isEmpty()
          && recordedUntil.isEmpty();
    }
  }
}
