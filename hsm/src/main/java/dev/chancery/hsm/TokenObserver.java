package dev.chancery.hsm;

import java.time.Duration;

/**
 * Told of what happens to tokens, for metrics, logs and the audit trail. Called by whichever thread
 * met it; must be quick and throw nothing.
 */
public interface TokenObserver {
  /** Who is not interested. */
  TokenObserver NONE = new TokenObserver() {};

  /**
   * A key was asked for a signature and gave one.
   *
   * @param took from the question to the answer, the wait for a thread included
   */
  default void signed(String token, KeyId key, Operation operation, Duration took) {}

  /** A key was asked for a signature and gave none: the token is away, busy or refuses. */
  default void notSigned(String token, KeyId key, Operation operation) {}

  /** A signature did not verify. It has not left, and the token is opened anew. */
  default void wrongSignature(String token, KeyId key, Operation operation) {}

  /** The token was lost: from now on whoever needs it is told that it is away. */
  default void lost(String token, long generation, String why) {}

  /**
   * The token is back.
   *
   * @param outage how long it was away
   */
  default void back(String token, long generation, Duration outage) {}

  /** The token could be opened if somebody acted; it is not tried again before that. */
  default void needsOperator(String token, String why) {}

  /**
   * So many calls hang in the token's module that it must not be opened once more: only a new
   * process can help.
   */
  default void exhausted(String token, String why) {}
}
