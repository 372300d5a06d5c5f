package dev.chancery.server.ceremony;

import dev.chancery.core.TokenAway;
import dev.chancery.hsm.TokenCeremony;
import dev.chancery.hsm.TokenUnusable;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * What a ceremony leaves in the root's token before it uses the key: which plan is held, and in
 * which transcript. The ledger of a ceremony is its transcript, and a second one would know nothing
 * of what the first has signed; the token knows that there is a first.
 */
final class CeremonyMark {
  /** The label of the data object that holds it. */
  static final String LABEL = "Chancery ceremony";

  /** How a plan says that there is none. */
  static final String NONE = "none";

  /** What a plan without marks gives up, for those who are to agree to it. */
  static final String GIVEN_UP =
      "The token bears no mark of this ceremony: nothing in it keeps this plan from being held a"
          + " second time, in another directory or in a copy of the first, and from signing"
          + " everything again. Only the import refuses the second one, after its signatures are"
          + " made.";

  private static final int NAME_LENGTH = 16;

  private final Transcript transcript;
  private final String plan;
  private final SecureRandom random;

  /**
   * @param plan the digest of the plan
   */
  CeremonyMark(Transcript transcript, String plan, SecureRandom random) {
    this.transcript = transcript;
    this.plan = plan;
    this.random = random;
  }

  /**
   * Has the token bear the mark of this transcript: made once, and looked for in every run.
   *
   * @throws CeremonyRefused when it bears that of another transcript of the plan, or none where
   *     this transcript says that it was made
   * @throws TokenUnusable when the token keeps no such thing
   */
  void put(TokenCeremony token) throws CeremonyRefused, TokenUnusable, TokenAway {
    // 1. One that was made before is looked for. Whose transcript says that it was made was alone
    // with it then: what others have made since is theirs, and they are refused.
    Optional<String> own = transcript.state().marking().map(CeremonyMark::text);
    if (transcript.state().isMarked()) {
      if (!marks(token).contains(own.orElseThrow())) {
        throw new CeremonyRefused(
            "the transcript says that the token was marked (\"%s\"), and the token has no such mark"
                .formatted(own.orElseThrow()));
      }
      return;
    }

    // 2. Written down, made, written down: after any end between those it is known whose it is.
    if (own.isEmpty()) {
      requireNoOther(token, "");
      byte[] name = new byte[NAME_LENGTH];
      random.nextBytes(name);
      transcript.append(new TranscriptEntry.Marking(plan, HexFormat.of().formatHex(name)));
    }
    TranscriptEntry.Marking mark = transcript.state().marking().orElseThrow();
    String wanted = text(mark);
    requireNoOther(token, wanted);
    if (!marks(token).contains(wanted)) {
      token.keep(LABEL, wanted);
      // Another ceremony may have looked at the same time, and seen none either.
      requireNoOther(token, wanted);
    }
    transcript.append(new TranscriptEntry.Marked(mark.plan(), mark.transcript()));
  }

  /**
   * Refuses a token with another mark of the plan than this transcript's own. One that is there
   * before this transcript has written of its own is another's, be it that of a later state of this
   * very file. Its own mark is taken back then: nothing was done under it, and of two that stood
   * side by side neither could go on.
   */
  private void requireNoOther(TokenCeremony token, String own)
      throws CeremonyRefused, TokenUnusable, TokenAway {
    for (String mark : marks(token)) {
      if (!mark.equals(own)) {
        if (!own.isEmpty()) {
          token.forget(LABEL, own);
        }
        throw new CeremonyRefused(
            ("this plan was begun with this token before, in another transcript (the token's mark"
                    + " is \"%s\"), and nothing is signed again: go on in the directory of that"
                    + " one; when it is lost, another plan is needed")
                .formatted(mark));
      }
    }
  }

  /** The marks of the plan that the token has. */
  private List<String> marks(TokenCeremony token) throws TokenUnusable, TokenAway {
    return token.notes(LABEL).stream().filter(text -> text.startsWith(start(plan))).toList();
  }

  private static String text(TranscriptEntry.Marking mark) {
    return start(mark.plan()) + mark.transcript();
  }

  private static String start(String plan) {
    return "plan " + plan + " transcript ";
  }
}
