package dev.chancery.acme;

import java.time.Instant;
import java.util.Locale;
import java.util.Optional;

/**
 * What is known of a binding key (RFC 8555 section 7.3.4) but for its secret.
 *
 * @param uses how many accounts it has bound
 */
public record BindingKey(
    BindingKeyId id,
    String endpoint,
    String label,
    BindingPolicy policy,
    int uses,
    Instant created,
    Optional<Instant> revoked) {
  private static final int LONGEST_LABEL = 100;

  public BindingKey {
    requireLabel(label);
  }

  static void requireLabel(String label) {
    if (label.length() > LONGEST_LABEL || !label.matches("[\\P{Cntrl}&&\\P{Cs}]*")) {
      throw new IllegalArgumentException(
          "a label has at most " + LONGEST_LABEL + " characters, and no control codes");
    }
  }

  /** Where a key stands. */
  public enum State {
    /** It binds accounts. */
    LIVE,
    /** It binds no more accounts; those that it has bound go on. */
    SPENT,
    /** Its time is over, and so are the orders of its accounts. */
    EXPIRED,
    /** As expired, by an operator's word. */
    REVOKED;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public State state(Instant now) {
    if (revoked.isPresent()) {
      return State.REVOKED;
    }
    if (policy.expires().filter(end -> !now.isBefore(end)).isPresent()) {
      return State.EXPIRED;
    }
    return policy.mostUses().filter(most -> uses >= most).isPresent() ? State.SPENT : State.LIVE;
  }
}
