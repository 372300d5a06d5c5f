package dev.chancery.acme;

import dev.chancery.core.AccountId;
import dev.chancery.core.Name;
import java.time.Instant;
import java.util.Optional;

/** Looks once whether a challenge of one kind is met. */
interface Validator {
  /** Returns within the deadline of the attempt, or little later; throws for a defect only. */
  Outcome attempt(Attempt attempt);

  /**
   * What is to be proven, by whom.
   *
   * @param name may be a wildcard, for the kinds that prove it
   * @param keyAuthorization the token and the account key's thumbprint (RFC 8555 section 8.1)
   * @param urls of the endpoint at which the challenge was given out
   */
  record Attempt(
      Name name,
      String token,
      String keyAuthorization,
      AccountId account,
      AcmeUrls urls,
      Deadline deadline) {}

  /** How an attempt ended. */
  sealed interface Outcome {
    /**
     * The proof was there.
     *
     * @param until after which it says that it must not be relied on
     */
    record Met(Optional<Instant> until) implements Outcome {
      Met() {
        this(Optional.empty());
      }
    }

    /**
     * The proof was not there.
     *
     * @param lasting whether another attempt would end the same way
     * @param unknown whether the reason may lie here, so that it says nothing about the client
     */
    record NotMet(Problem problem, boolean lasting, boolean unknown) implements Outcome {
      NotMet(Problem problem, boolean lasting) {
        this(problem, lasting, false);
      }

      /** Nothing could be found out about the proof. */
      static NotMet unknown(AcmeError error, String detail) {
        return new NotMet(Problem.of(error, detail), false, true);
      }
    }
  }

  /** Ends an attempt as not met, from any depth. */
  final class Unmet extends Exception {
    private static final long serialVersionUID = 1L;

    // Never serialized.
    private final transient Outcome.NotMet outcome;

    Unmet(AcmeError error, String detail, boolean lasting) {
      this(new Outcome.NotMet(Problem.of(error, detail), lasting));
    }

    Unmet(Outcome.NotMet outcome) {
      super(outcome.problem().detail(), null, false, false);
      this.outcome = outcome;
    }

    Outcome.NotMet outcome() {
      return outcome;
    }
  }
}
