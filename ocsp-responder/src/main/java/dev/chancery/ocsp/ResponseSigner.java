package dev.chancery.ocsp;

import java.util.Optional;

/** Has the key and certificate by which the answers for one issuer are signed. */
public abstract sealed class ResponseSigner permits DelegatedSigner, ForeignSigner {
  ResponseSigner() {}

  /** The signer, if there is one whose certificate is valid now. */
  abstract Optional<OcspSigner> signer();
}
