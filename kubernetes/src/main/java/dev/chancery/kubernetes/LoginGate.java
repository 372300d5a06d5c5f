package dev.chancery.kubernetes;

import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Turns requesters away while it costs them nothing. Controllers try a login again whatever became
 * of it, and give up for an hour or more when the request to sign fails that comes after: so what
 * cannot be done now is refused at the login, and whoever has logged in is served.
 */
final class LoginGate {
  private final Semaphore logins;
  private final int mostSignings;
  private final AtomicInteger signings = new AtomicInteger();
  private final Readiness readiness;

  /**
   * @param mostLogins how many are worked on at once
   * @param mostSignings with how many requests to sign under way nobody logs in any more
   */
  LoginGate(int mostLogins, int mostSignings, Readiness readiness) {
    this.logins = new Semaphore(mostLogins);
    this.mostSignings = mostSignings;
    this.readiness = readiness;
  }

  /** To be closed when the request is answered. */
  interface Pass extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Lets a login in.
   *
   * @throws VaultProblem 503, when there is too much to do
   */
  Pass login() throws VaultProblem {
    if (signings.get() >= mostSignings || !logins.tryAcquire()) {
      throw VaultProblem.unavailable("too many requests at the moment, log in again later");
    }
    return logins::release;
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
  }

  /** Counts a request to sign; it is never refused. */
  Pass signing() {
    signings.incrementAndGet();
    return signings::decrementAndGet;
  }
}
