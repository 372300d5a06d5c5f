package dev.chancery.acme;

import dev.chancery.core.Refused;
import java.util.Optional;

/** The first of several ways in which something was refused. */
final class Refusals {
  /** Something that may be refused. */
  interface Reading {
    void read() throws AcmeProblem, Refused;
  }

  private Optional<AcmeProblem> first = Optional.empty();

  void of(Reading reading) {
    try {
      reading.read();
    } catch (AcmeProblem e) {
      first = first.or(() -> Optional.of(e));
    } catch (Refused e) {
      first = first.or(() -> Optional.of(new AcmeProblem(Problem.of(e))));
    }
  }

  void throwFirst() throws AcmeProblem {
    if (first.isPresent()) {
      throw first.get();
    }
  }
}
