package dev.chancery.server.ceremony;

import dev.chancery.core.ToBeSigned;
import java.time.Clock;
import java.time.Instant;

/** Shows what is about to be signed, and wants the item's name typed. */
final class Confirmation {
  /** What was typed is not the item's name; nothing was written or signed. */
  static final class NotGiven extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NotGiven(String why) {
      super(why + ": it was not signed", null, false, false);
    }
  }

  private final Console console;
  private final Clock clock;
  private final Instant until;

  /**
   * Asks people.
   *
   * @param until when the plan expires: what they type after that is too late
   */
  Confirmation(Console console, Clock clock, Instant until) {
    this.console = console;
    this.clock = clock;
    this.until = until;
  }

  /**
   * Returns when the item was confirmed, which is the time that the transcript has for it: no
   * second passes between the look at the clock and the line.
   *
   * @throws NotGiven when it was not, or too late
   */
  Instant require(String item, String description, ToBeSigned toBeSigned) {
    console.say(description);
    console.say("  to be signed: SHA-256 " + Digests.sha256(toBeSigned.bytes().bytes()));
    console.say("  signed with:  " + toBeSigned.scheme());
    if (!console.ask("type " + item + " to sign it: ").equals(item)) {
      throw new NotGiven("what was typed is not " + item);
    }
    Instant at = clock.instant();
    if (at.isAfter(until)) {
      throw new NotGiven("the plan expired at " + until + ", before " + item + " was confirmed");
    }
    return at;
  }
}
