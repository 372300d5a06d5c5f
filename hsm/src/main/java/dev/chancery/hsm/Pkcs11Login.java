package dev.chancery.hsm;

import java.nio.file.Path;

/** The login of this process to a token, by one instance of a module, held by a session. */
final class Pkcs11Login {
  // The token logs the user out when the last session ends, and SunPKCS11 closes its own ones when
  // the garbage collector finds an abandoned signature. This one stays.
  private final CryptokiSession guard;

  private Pkcs11Login(CryptokiSession guard) {
    this.guard = guard;
  }

  /**
   * Logs in with a single attempt, and with none when one more wrong PIN would lock the token: a
   * service that is started again and again must not do that.
   *
   * @param pinFile where the PIN comes from, for error messages
   * @throws PinRefused when the PIN is wrong, or locked, or missing
   */
  static Pkcs11Login begin(
      Cryptoki module, CryptokiToken token, String description, Path pinFile, char[] pin)
      throws PinRefused, CryptokiError {
    if (!token.hasUserPin()) {
      throw new PinRefused(description + " has no user PIN yet");
    }
    if (token.locked()) {
      throw new PinRefused("the PIN of " + description + " is locked");
    }
    if (token.finalTry()) {
      throw new PinRefused(
          description
              + " would be locked by one more wrong PIN: log in by hand once, then start again");
    }
    CryptokiSession guard = module.open(token, false);
    try {
      guard.login(pin);
      return new Pkcs11Login(guard);
    } catch (CryptokiError e) {
      if (e.is(ReturnValue.CKR_USER_ALREADY_LOGGED_IN)) {
        return new Pkcs11Login(guard);
      }
      closeAfter(e, guard);
      throw refusal(e, description, pinFile);
    }
  }

  /** That a session cannot be closed must not hide what the token said to the PIN. */
  private static void closeAfter(CryptokiError failure, CryptokiSession guard) {
    try {
      guard.close();
    } catch (CryptokiError e) {
      failure.addSuppressed(e);
    }
  }

  private static PinRefused refusal(CryptokiError failure, String description, Path pinFile)
      throws CryptokiError {
    if (ReturnValue.meaningOf(failure) != ReturnValue.Meaning.OPERATOR) {
      throw failure;
    }
    if (failure.is(ReturnValue.CKR_PIN_LOCKED)) {
      return new PinRefused("the PIN of " + description + " is locked", failure);
    }
    if (failure.is(ReturnValue.CKR_PIN_EXPIRED)) {
      return new PinRefused("the PIN of " + description + " has expired", failure);
    }
    return new PinRefused("the PIN is wrong for " + description + ", in file " + pinFile, failure);
  }

  /** The session that holds the login; only one thread may use it at a time. */
  CryptokiSession session() {
    return guard;
  }

  /** Ends the session; the login ends with the last one. */
  void end() throws CryptokiError {
    guard.close();
  }
}
