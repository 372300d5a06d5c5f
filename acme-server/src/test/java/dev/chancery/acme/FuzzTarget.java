package dev.chancery.acme;

import dev.chancery.core.Refused;
import dev.chancery.testing.Mutation;

/** Code that reads what anyone can send, and what it is fed with. */
interface FuzzTarget {
  /** What is fed; almost right. */
  byte[] mutant(Mutation mutation);

  /**
   * Reads it, and checks what must hold of what is taken.
   *
   * @throws AcmeProblem or Refused, which are the only ways to say no
   */
  void read(byte[] mutant) throws AcmeProblem, Refused;
}
