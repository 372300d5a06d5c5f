package dev.chancery.kubernetes;

import dev.chancery.core.IssuerId;

/**
 * Who logs in by a certificate for TLS clients: whoever holds one of this issuer, all names of
 * which are among these. What another issuer says of a name is another's word.
 *
 * @param issuer also stands for those that were in its place before, or are now
 */
public record CertificateHolders(IssuerId issuer, NameRules names) {
  /**
   * @throws IllegalArgumentException when the rules allow nothing, or are about subjects
   */
  public CertificateHolders {
    if (names.allow().isEmpty()
        || !names.subjects().allow().isEmpty()
        || !names.subjects().deny().isEmpty()) {
      throw new IllegalArgumentException("holders of certificates are known by names");
    }
  }
}
