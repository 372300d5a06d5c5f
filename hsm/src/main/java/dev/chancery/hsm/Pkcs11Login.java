package dev.chancery.hsm;

import java.util.HashMap;
import java.util.Map;

/**
 * A share in the login of this process to a token. PKCS #11 logs in a process, not a session: so
 * the last one to leave logs out, and nobody before.
 */
final class Pkcs11Login {
  private record Place(Cryptoki module, long slot) {}

  private static final Map<Place, Integer> SHARES = new HashMap<>();

  private final Place place;
  // The token logs the user out when the last session ends, and SunPKCS11 closes its own ones when
  // the garbage collector finds an abandoned signature. This one stays.
  private final CryptokiSession guard;

  private Pkcs11Login(Place place, CryptokiSession guard) {
    this.place = place;
    this.guard = guard;
  }

  /**
   * Logs in with a single attempt, and with none when one more wrong PIN would lock the token: a
   * service that is started again and again must not do that.
   *
   * @throws TokenUnusable when the PIN is wrong, or locked, or missing. While the process is logged
   *     in already, no PIN is wrong: the module does not look at it.
   */
  static Pkcs11Login begin(
      Cryptoki module, CryptokiToken token, Pkcs11Settings settings, char[] pin)
      throws TokenUnusable, CryptokiError {
    String description = settings.description();
    synchronized (SHARES) {
      if (!token.hasUserPin()) {
        throw new TokenUnusable(description + " has no user PIN yet");
      }
      if (token.locked()) {
        throw new TokenUnusable("the PIN of " + description + " is locked");
      }
      if (token.finalTry()) {
        throw new TokenUnusable(
            description
                + " would be locked by one more wrong PIN: log in by hand once, then start again");
      }
      Place place = new Place(module, token.slot());
      CryptokiSession guard = module.open(token, false);
      try {
        login(guard, settings, pin);
      } catch (TokenUnusable | CryptokiError | RuntimeException e) {
        guard.close();
        throw e;
      }
      SHARES.merge(place, 1, Integer::sum);
      return new Pkcs11Login(place, guard);
    }
  }

  private static void login(CryptokiSession session, Pkcs11Settings settings, char[] pin)
      throws TokenUnusable, CryptokiError {
    String description = settings.description();
    try {
      session.login(pin);
    } catch (CryptokiError e) {
      if (e.code() == CryptokiError.PIN_LOCKED) {
        throw new TokenUnusable("the PIN of " + description + " is locked", e);
      }
      if (e.code() == CryptokiError.PIN_INCORRECT || e.code() == CryptokiError.PIN_LEN_RANGE) {
        throw new TokenUnusable(
            "the PIN is wrong for " + description + ", in file " + settings.pinFile(), e);
      }
      if (e.code() == CryptokiError.PIN_EXPIRED) {
        throw new TokenUnusable("the PIN of " + description + " has expired", e);
      }
      if (e.code() != CryptokiError.USER_ALREADY_LOGGED_IN) {
        throw e;
      }
    }
  }

  /** Ends this share; true when it was the last one, and the token must now be logged out. */
  boolean end() throws CryptokiError {
    synchronized (SHARES) {
      Integer left =
          SHARES.computeIfPresent(place, (same, shares) -> shares == 1 ? null : shares - 1);
      guard.close();
      return left == null;
    }
  }
}
