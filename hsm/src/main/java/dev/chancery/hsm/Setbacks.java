package dev.chancery.hsm;

import java.time.Duration;

/** What went wrong in a row with openings that left something behind, and how long to wait then. */
final class Setbacks {
  private final Patience patience;
  private int inVain;
  private int lostSoon;

  Setbacks(Patience patience) {
    this.patience = patience;
  }

  /** An attempt failed after SunPKCS11 had the module. */
  synchronized void failed() {
    inVain++;
  }

  /**
   * A generation was lost.
   *
   * @param hasSigned whether it ever signed for anybody
   * @param lived how long it was up
   */
  synchronized void lost(boolean hasSigned, Duration lived) {
    boolean soon = lived.compareTo(patience.healthy()) < 0;
    lostSoon = soon ? lostSoon + 1 : 0;
    inVain = soon && !hasSigned ? inVain + 1 : 0;
  }

  /** How often in a row the token was opened and nobody had anything of it. */
  synchronized int inVain() {
    return inVain;
  }

  /** How long to wait before the token is opened again. */
  synchronized Duration pause() {
    if (inVain > 0) {
      return Patience.growing(patience.first(), 4, inVain, patience.whenInVain());
    }
    return lostSoon > 0
        ? Patience.growing(patience.first(), 2, lostSoon, patience.whenLostSoon())
        : Duration.ZERO;
  }
}
