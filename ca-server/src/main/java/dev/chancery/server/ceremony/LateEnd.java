package dev.chancery.server.ceremony;

import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;

/**
 * The end of a ceremony whose plan expired on the way. No token is opened and nothing is made any
 * more; but what was signed until then can be taken home, and what was given up be revoked.
 */
final class LateEnd {
  private static final String TYPED = "end";

  private final CeremonyPlan plan;
  private final String digest;
  private final Console console;
  private final Clock clock;

  LateEnd(CeremonyPlan plan, String digest, Console console, Clock clock) {
    this.plan = plan;
    this.digest = digest;
    this.console = console;
    this.clock = clock;
  }

  /**
   * Whether an end is all that a ceremony of the plan can come to: it has done something with the
   * token, and the plan has expired, or was said to have.
   */
  boolean isDue(TranscriptState state) {
    return state.actedUnder().isPresent()
        && state.begun().filter(begun -> begun.plan().equals(digest)).isPresent()
        && (state.late().isPresent() || clock.instant().isAfter(plan.until()));
  }

  /**
   * Has the people agree to it. Nothing is written down before: when it is the clock that is wrong,
   * nothing is lost.
   *
   * @return when they did, which is after the plan has expired, if that was not said before
   * @throws CeremonyRefused when they do not, or have set the clock right meanwhile
   */
  Instant confirm(TranscriptState state) throws CeremonyRefused {
    Instant now = clock.instant();
    console.say(
        "The plan expired at %s, and by this machine's clock it is %s."
            .formatted(plan.until(), now));
    console.say("Nothing is signed any more. This ceremony can only be ended:");
    state.made().forEach(item -> console.say("  signed:   " + item));
    state.abandoned().forEach(item -> console.say("  given up: " + item));
    state.inDoubt().forEach(item -> console.say("  given up: " + item + ", from now on"));
    left(state).forEach(item -> console.say("  not made: " + item));
    if (!console.ask("type %s to end it: ".formatted(TYPED)).equals(TYPED)) {
      throw new CeremonyRefused(
          "the plan expired at %s, it is %s: the ceremony can only be ended, and was not"
              .formatted(plan.until(), now));
    }
    // As precise as a line of the transcript, which is held against the plan.
    Instant agreed = clock.instant().truncatedTo(ChronoUnit.MILLIS);
    if (state.late().isEmpty() && !agreed.isAfter(plan.until())) {
      throw new CeremonyRefused(
          "the plan expires at %s, it is %s since the clock was set: run it again, and it goes on"
              .formatted(plan.until(), agreed));
    }
    return agreed;
  }

  /**
   * Ends it: what is in doubt is given up, what was not begun is not made.
   *
   * @param agreed when the people did: no look at a clock that they set again comes after that
   */
  void make(Transcript transcript, Manifest inputs, Instant agreed) throws CeremonyRefused {
    List<String> signed =
        plan.witnesses().require(inputs, CeremonyPlan.FILE, Witnesses.Purpose.PLAN);
    inputs.requireSigned(plan.witnesses());
    transcript.append(new TranscriptEntry.Witnessed(digest, signed));
    TranscriptState state = transcript.state();
    if (state.late().isEmpty()) {
      transcript.append(agreed, new TranscriptEntry.Late(plan.until().toString()));
    }
    for (String item : state.inDoubt()) {
      TranscriptLedgers.abandon(transcript, item);
    }
    transcript.append(new TranscriptEntry.Ended(state.made(), state.abandoned(), left(state)));
  }

  private List<String> left(TranscriptState state) {
    return left(plan, state);
  }

  /** What of a plan was never begun to be signed. */
  static List<String> left(CeremonyPlan plan, TranscriptState state) {
    return plan.planned().stream().filter(item -> state.signing(item).isEmpty()).toList();
  }
}
