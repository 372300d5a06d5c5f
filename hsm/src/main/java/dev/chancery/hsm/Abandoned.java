package dev.chancery.hsm;

import java.util.ArrayList;
import java.util.List;

/** What lost generations and failed attempts keep for as long as the process lives. */
final class Abandoned {
  private final List<Generation> notOver = new ArrayList<>();
  private int leftBehind;

  /** A generation that ended. */
  synchronized void add(Generation generation) {
    notOver.add(generation);
  }

  /** An attempt that failed after SunPKCS11 had the module. */
  synchronized void addFailed() {
    leftBehind++;
  }

  /** How many generations have calls that did not come back. */
  synchronized int stuck() {
    settle();
    return notOver.size();
  }

  /** How many calls did not come back. */
  synchronized int stuckCalls() {
    return notOver.stream().mapToInt(Generation::busy).sum();
  }

  /** How many modules stay mapped, and connections open, for good. */
  synchronized int leftBehind() {
    settle();
    return leftBehind + notOver.stream().mapToInt(Generation::leftBehind).sum();
  }

  private void settle() {
    for (Generation over : notOver.stream().filter(Generation::isOver).toList()) {
      leftBehind += over.leftBehind();
      notOver.remove(over);
    }
  }
}
