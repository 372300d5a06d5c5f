package dev.chancery.hsm;

import dev.chancery.core.TokenAway;

/** A private key in a token. Only the public key types of this package can reach one. */
interface TokenKey {
  /**
   * Signs, on a thread of the token's own and within its time limit.
   *
   * @throws TokenAway when the token does not answer in time or fails
   */
  byte[] sign(byte[] message) throws TokenAway;

  /**
   * Whoever will give the next signature: when that is wrong, nobody else is to blame for it.
   *
   * @throws TokenAway when nobody is there
   */
  default TokenKey now() throws TokenAway {
    return this;
  }

  /** Told when a signature from here was wrong: whatever gave it must not give another one. */
  default void distrust() {}
}
