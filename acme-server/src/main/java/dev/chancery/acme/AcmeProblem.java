package dev.chancery.acme;

import java.util.Optional;

/** A request that is answered with a problem document; nothing was changed unless it says so. */
final class AcmeProblem extends Exception {
  private static final long serialVersionUID = 1L;

  private final transient Problem problem;
  private final transient Optional<String> location;
  private final transient Optional<Integer> retryAfter;

  AcmeProblem(AcmeError error, String detail) {
    this(Problem.of(error, detail));
  }

  AcmeProblem(Problem problem) {
    this(problem, Optional.empty(), Optional.empty());
  }

  private AcmeProblem(Problem problem, Optional<String> location, Optional<Integer> retryAfter) {
    super(problem.detail(), null, false, false);
    this.problem = problem;
    this.location = location;
    this.retryAfter = retryAfter;
  }

  /** The same, with a Location header. */
  AcmeProblem at(String url) {
    return new AcmeProblem(problem, Optional.of(url), retryAfter);
  }

  /** The same, with a Retry-After header: the request can succeed after so many seconds. */
  AcmeProblem retryAfter(int seconds) {
    return new AcmeProblem(problem, location, Optional.of(seconds));
  }

  static AcmeProblem malformed(String detail) {
    return new AcmeProblem(AcmeError.MALFORMED, detail);
  }

  static AcmeProblem notFound() {
    return new AcmeProblem(AcmeError.NOT_FOUND, "there is no such resource");
  }

  Problem problem() {
    return problem;
  }

  Optional<String> location() {
    return location;
  }

  /** After how many seconds the same request can succeed; nothing when it is refused for good. */
  Optional<Integer> retryAfter() {
    return retryAfter;
  }
}
