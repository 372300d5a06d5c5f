package dev.chancery.server.ceremony;

import static dev.chancery.server.ceremony.Verification.require;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** What is done with a root's token, and what it takes: the rules of each run of a ceremony. */
final class Acts {
  private Acts() {}

  /**
   * Refuses a ceremony, finished or not, in which something was done with the token that was not to
   * be done: by another program than the one of the rehearsal, on a machine with a network, without
   * the witnesses. What a run was refused for before it did anything is no matter.
   *
   * @param rehearsal the transcript of the rehearsal
   */
  static void requirePermitted(
      CeremonyPlan plan, String planDigest, TranscriptState state, byte[] rehearsal)
      throws CeremonyRefused {
    String distribution = rehearsed(plan, planDigest, rehearsal);
    Acting acting = new Acting("", List.of());
    for (TranscriptLine line : state.lines()) {
      switch (line.entry()) {
        case TranscriptEntry.Begun begun ->
            acting = new Acting(begun.distribution(), begun.networkInterfaces());
        case TranscriptEntry.Resumed resumed ->
            acting = new Acting(resumed.distribution(), resumed.networkInterfaces());
        case TranscriptEntry.Witnessed checked -> acting.witnessed = checked.witnesses().size();
        case TranscriptEntry.Approved approval -> acting.approved = Optional.of(approval);
        case TranscriptEntry entry when TranscriptState.isAct(entry) -> {
          String where = ", at line " + line.number();
          require(
              acting.approved.filter(given -> given.plan().equals(planDigest)).isPresent()
                  && acting.witnessed >= plan.witnesses().threshold(),
              "the token was used without the witnesses' approval" + where);
          require(
              acting.approved.orElseThrow().rehearsal().equals(Digests.sha256(rehearsal)),
              Ceremony.REHEARSAL_FILE
                  + ": not the transcript of the rehearsal that was shown"
                  + where);
          require(
              acting.distribution.equals(distribution),
              "another distribution was run than in the rehearsal" + where);
          require(
              !plan.offline() || acting.networkInterfaces.isEmpty(),
              "the machine had a network" + where);
          require(
              !(entry instanceof TranscriptEntry.Signing)
                  || (!line.time().isBefore(plan.from()) && !line.time().isAfter(plan.until())),
              "something was signed outside the time of the plan, at " + line.time() + where);
        }
        default -> {}
      }
    }
  }

  /** What one run of the program says of itself, and what was shown to it. */
  private static final class Acting {
    private final String distribution;
    private final List<String> networkInterfaces;
    private int witnessed;
    private Optional<TranscriptEntry.Approved> approved = Optional.empty();

    Acting(String distribution, List<String> networkInterfaces) {
      this.distribution = distribution;
      this.networkInterfaces = networkInterfaces;
    }
  }

  /**
   * The distribution that the plan was rehearsed with, to the end and whole: every item was made,
   * and a root, be it one that stands in for an earlier one.
   */
  static String rehearsed(CeremonyPlan plan, String planDigest, byte[] rehearsal)
      throws CeremonyRefused {
    TranscriptState state = TranscriptState.of(rehearsal);
    Optional<TranscriptEntry.Begun> begun = state.begun();
    require(
        state.isCompleted()
            && begun.filter(one -> one.mode().equals(TranscriptEntry.REHEARSAL)).isPresent(),
        "not a rehearsal that came to its end");
    require(
        begun.orElseThrow().plan().equals(planDigest),
        "another plan was rehearsed: it has SHA-256 " + begun.orElseThrow().plan());
    Set<String> missing = new LinkedHashSet<>(plan.all());
    missing.removeAll(state.made());
    require(
        missing.isEmpty(),
        "the rehearsal did not make %s: rehearse again, in another directory"
            .formatted(String.join(", ", missing)));
    return begun.orElseThrow().distribution();
  }
}
