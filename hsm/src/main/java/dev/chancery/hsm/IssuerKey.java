package dev.chancery.hsm;

import dev.chancery.core.IssuanceLedger;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;

/** Signs certificates, and nothing else: only what the ledger has recorded. */
public final class IssuerKey {
  private final VerifiedSigning signing;

  IssuerKey(VerifiedSigning signing) {
    this.signing = signing;
  }

  public SubjectPublicKey publicKey() {
    return signing.publicKey();
  }

  public SigningScheme scheme() {
    return signing.scheme();
  }

  /**
   * The signature over a recorded certificate, verified.
   *
   * @throws TokenAway when the token does not answer in time, or answers with a signature that does
   *     not verify
   */
  public SignatureValue sign(IssuanceLedger.Recorded recorded) throws TokenAway {
    return signing.sign(recorded.spend().bytes().bytes());
  }

  /**
   * Signs a fixed text that is no certificate, CRL or OCSP answer, and verifies it.
   *
   * @throws TokenAway when that does not succeed
   */
  public void probe() throws TokenAway {
    signing.probe();
  }
}
