package dev.chancery.hsm;

import dev.chancery.core.TokenAway;
import java.io.IOException;

/** A private key in a token. Only the public key types of this package can reach one. */
interface TokenKey {
  /**
   * Signs, on a thread of the token's own and within its time limit.
   *
   * @throws TokenAway when the token does not answer in time or fails
   */
  byte[] sign(byte[] message) throws TokenAway;

  /**
   * Signs a message that was hashed already; otherwise as {@link #sign(byte[])}. A key in software
   * may as well hash it again.
   *
   * @throws IOException when the message is read, and cannot be
   */
  default byte[] sign(HashedMessage message) throws TokenAway, IOException {
    return sign(message.whole());
  }

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
