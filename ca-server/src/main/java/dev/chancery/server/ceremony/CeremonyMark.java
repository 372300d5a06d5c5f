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
    // 1. One that was made before is looked for.
    Optional<String> own = transcript.state().marking().map(CeremonyMark::text);
    boolean there = isThere(token, own);
    if (transcript.state().isMarked()) {
      if (!there) {
        throw new CeremonyRefused(
            "the transcript says that the token was marked (\"%s\"), and the token has no such mark"
                .formatted(own.orElseThrow()));
      }
      return;
    }

    // 2. Written down, made, written down: after any end between those it is known whose it is.
    if (own.isEmpty()) {
      byte[] name = new byte[NAME_LENGTH];
      random.nextBytes(name);
      transcript.append(new TranscriptEntry.Marking(plan, HexFormat.of().formatHex(name)));
    }
    TranscriptEntry.Marking mark = transcript.state().marking().orElseThrow();
    Optional<String> wanted = Optional.of(text(mark));
    if (!isThere(token, wanted)) {
      token.keep(LABEL, wanted.get());
      // Another ceremony may have looked at the same time, and seen none either.
      boolean _ = isThere(token, wanted);
    }
    transcript.append(new TranscriptEntry.Marked(mark.plan(), mark.transcript()));
  }

  /**
   * Whether the token has a mark of the plan, which must be this transcript's own then. One that is
   * there before this transcript has written of its own is another's, be it that of a later state
   * of this very file.
   */
  private boolean isThere(TokenCeremony token, Optional<String> own)
      throws CeremonyRefused, TokenUnusable, TokenAway {
    List<String> marks =
        token.notes(LABEL).stream().filter(text -> text.startsWith(start(plan))).toList();
    for (String mark : marks) {
      if (own.filter(mark::equals).isEmpty()) {
        throw new CeremonyRefused(
            ("this plan was begun with this token before, in another transcript (the token's mark"
                    + " is \"%s\"), and nothing is signed again: go on in the directory of that"
                    + " one; when it is lost, another plan is needed")
                .formatted(mark));
      }
    }
    return !marks.isEmpty();
  }

  private static String text(TranscriptEntry.Marking mark) {
    return start(mark.plan()) + mark.transcript();
  }

  private static String start(String plan) {
    return "plan " + plan + " transcript ";
  }
}
