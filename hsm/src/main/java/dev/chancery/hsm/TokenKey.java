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

  /** Told when a signature from here was wrong: whatever gave it must not give another one. */
  default void distrust() {}
}
