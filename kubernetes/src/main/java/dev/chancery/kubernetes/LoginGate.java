package dev.chancery.kubernetes;

import java.util.concurrent.Semaphore;

/**
 * Turns requesters away while it costs them nothing. Controllers try a login again whatever became
 * of it, and give up for an hour or more when the request to sign fails that comes after: so what
 * cannot be done now is refused at the login, and whoever has logged in is served.
 *
 * <p>Each way to log in has a gate of its own: a cluster that does not answer holds up nobody but
 * those who log in by it.
 */
final class LoginGate {
  private final Semaphore places;
  private final SigningLoad load;
  private final Readiness readiness;

  /**
   * @param most how many logins are worked on at once
   */
  LoginGate(int most, SigningLoad load, Readiness readiness) {
    this.places = new Semaphore(most);
    this.load = load;
    this.readiness = readiness;
  }

  /** To be closed when the request is answered. */
  interface Pass extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Lets a login in whose body has been read.
   *
   * @throws VaultProblem 503, when there is too much to do
   */
  Pass enter() throws VaultProblem {
    if (load.isFull() || !places.tryAcquire()) {
      throw VaultProblem.unavailable("too many requests at the moment, log in again later");
    }
    return places::release;
  }

  /**
   * Refuses the login under a role under which nothing can be signed now.
   *
   * @throws VaultProblem 503
   */
  void requireReady(Role role) throws VaultProblem {
    if (!readiness.isReady(role.policy().issuer())) {
      throw VaultProblem.unavailable(
          "the signing key does not answer at the moment, log in again later");
    }
    if (!readiness.canRecord()) {
      throw VaultProblem.unavailable("nothing can be recorded at the moment, log in again later");
    }
  }
}
