package dev.chancery.hsm;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.SignatureValue;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import java.io.IOException;

/** Signs CRLs, and nothing else: only what the ledger has recorded. */
public final class CrlKey {
  private final VerifiedSigning signing;

  CrlKey(VerifiedSigning signing) {
    this.signing = signing;
  }

  public SubjectPublicKey publicKey() {
    return signing.publicKey();
  }

  public SigningScheme scheme() {
    return signing.scheme();
  }

  /**
   * The signature over a recorded CRL, verified. The CRL itself is hashed here; with a key for
   * ECDSA only its digest goes to the token.
   *
   * @throws IOException when the octets cannot be read
   * @throws IllegalStateException when they are not those that were recorded
   * @throws TokenAway when the token does not answer in time, or answers with a signature that does
   *     not verify
   */
  public SignatureValue sign(CrlLedger.Recorded recorded) throws TokenAway, IOException {
    return signing.sign(recorded.prepared().toBeSigned(), recorded.spend());
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
