package dev.chancery.hsm;

import java.util.Optional;

/**
 * How a token is just now.
 *
 * @param generation how often it was opened
 * @param waiting how many calls wait for a thread
 * @param stuck how many calls hang in lost generations
 * @param why why it is not up
 */
public record TokenHealth(
    State state, long generation, int waiting, int stuck, Optional<String> why) {
  /** What can be expected of a token. */
  public enum State {
    UP,
    /** Lost; it is tried again and again until it is back. */
    AWAY,
    /** Lost; it is not tried before somebody has acted. */
    NEEDS_OPERATOR,
    CLOSED
  }
}
