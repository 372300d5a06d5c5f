package dev.chancery.hsm;

import dev.chancery.core.TokenAway;
import java.util.ArrayList;
import java.util.List;

/** What a server needs of a token beside its keys: its flags, room for sessions, mechanisms. */
final class TokenCheck {
  // Beside one session for each thread that signs: the one that keeps the login, and the two that
  // SunPKCS11 holds for its key store.
  private static final int FIXED_SESSIONS = 3;

  private final String description;
  private final Cryptoki module;
  private final CryptokiToken token;
  private final LimitedCalls calls;
  private final TokenInfo beforeLogin;

  TokenCheck(
      String description,
      Cryptoki module,
      CryptokiToken token,
      LimitedCalls calls,
      TokenInfo beforeLogin) {
    this.description = description;
    this.module = module;
    this.token = token;
    this.calls = calls;
    this.beforeLogin = beforeLogin;
  }

  /**
   * Looks at all of it.
   *
   * @param threads how many signatures are to be made at once
   */
  List<Finding> findings(int threads) throws TokenUnusable, TokenAway {
    List<Finding> findings = new ArrayList<>();
    flags(findings);
    findings.add(
        calls.call(
            description,
            () -> {
              List<CryptokiSession> sessions = new ArrayList<>();
              try {
                return sessions(sessions, threads);
              } finally {
                for (CryptokiSession session : sessions) {
                  session.close();
                }
              }
            }));
    mechanisms(calls.call(description, () -> module.mechanisms(token)), findings);
    return findings;
  }

  private void flags(List<Finding> findings) {
    int before = findings.size();
    for (TokenFlag flag : beforeLogin.flags()) {
      switch (flag) {
        case PIN_TO_BE_CHANGED ->
            findings.add(Finding.fail("flags", "the PIN is the factory's, to be changed"));
        case SO_PIN_TO_BE_CHANGED ->
            findings.add(
                Finding.fail(
                    "flags", "the security officer's PIN is the factory's, to be changed"));
        case ERROR_STATE -> findings.add(Finding.fail("flags", "the token failed a self-test"));
        case PIN_COUNT_LOW ->
            findings.add(Finding.warn("flags", "wrong PINs were tried since the last login"));
        case SO_PIN_COUNT_LOW, SO_PIN_FINAL_TRY, SO_PIN_LOCKED ->
            findings.add(Finding.warn("flags", "of the security officer: " + flag));
        case WRITE_PROTECTED ->
            findings.add(Finding.warn("flags", "write protected: no key can be made"));
        // The last two would have ended the login.
        case INITIALIZED, USER_PIN_SET, LOGIN_REQUIRED, PIN_PAD, PIN_FINAL_TRY, PIN_LOCKED -> {}
      }
    }
    if (!beforeLogin.has(TokenFlag.LOGIN_REQUIRED)) {
      findings.add(Finding.fail("flags", "the token's keys need no login"));
    }
    if (findings.size() == before) {
      findings.add(Finding.pass("flags", "no wrong PIN was tried, none is to be changed"));
    }
  }

  private Finding sessions(List<CryptokiSession> opened, int threads) throws CryptokiError {
    int needed = threads + FIXED_SESSIONS;
    boolean writing = !beforeLogin.has(TokenFlag.WRITE_PROTECTED);
    try {
      // The login has one already.
      while (opened.size() < needed - 1) {
        opened.add(module.open(token, writing));
      }
      return Finding.pass("sessions", "%d at once, for %d threads".formatted(needed, threads));
    } catch (CryptokiError e) {
      if (!e.is(ReturnValue.CKR_SESSION_COUNT)) {
        throw e;
      }
      return Finding.fail(
          "sessions",
          "only %d at once: %d threads need %d".formatted(opened.size() + 1, threads, needed));
    }
  }

  private static void mechanisms(List<TokenMechanism> mechanisms, List<Finding> findings) {
    List<KeyCapability> capabilities = KeyCapability.of(mechanisms);
    if (capabilities.stream().noneMatch(KeyCapability::signs)) {
      findings.add(Finding.fail("mechanisms", "no kind of CA key can sign"));
    }
    for (KeyCapability capability : capabilities) {
      String subject = capability.algorithm() + " " + capability.scheme();
      if (capability.generates() && capability.signs()) {
        String where = capability.hashInToken() ? "in the token" : "in this process";
        findings.add(Finding.pass(subject, "can be made and sign, the hash is made " + where));
      } else {
        findings.add(
            Finding.warn(
                subject,
                (capability.generates() ? "" : "cannot be made")
                    + (capability.generates() || capability.signs() ? "" : ", ")
                    + (capability.signs() ? "" : "cannot sign")));
      }
    }
  }
}
