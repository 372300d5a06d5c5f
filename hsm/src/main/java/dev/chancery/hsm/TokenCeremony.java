package dev.chancery.hsm;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.TokenAway;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A person's login to a token: to make, look at and destroy keys, to leave notes, and to check the
 * token. There is no way to sign with it but the probe of an inspection.
 */
public final class TokenCeremony implements AutoCloseable {
  private static final String NOTES = "data objects";
  private static final String PROBE = "Chancery probe";

  private final String description;
  private final Cryptoki module;
  private final CryptokiToken token;
  private final Pkcs11Login login;
  private final LimitedCalls calls;
  private final TokenInfo beforeLogin;
  private final Finding pinStrength;

  TokenCeremony(
      String description,
      Cryptoki module,
      CryptokiToken token,
      Pkcs11Login login,
      LimitedCalls calls,
      TokenInfo beforeLogin,
      Finding pinStrength) {
    this.description = description;
    this.module = module;
    this.token = token;
    this.login = login;
    this.calls = calls;
    this.beforeLogin = beforeLogin;
    this.pinStrength = pinStrength;
  }

  private interface Work<T> {
    T in(CryptokiSession session) throws TokenUnusable, CryptokiError;
  }

  private <T> T call(boolean writing, Work<T> work) throws TokenUnusable, TokenAway {
    return calls.call(
        description,
        () -> {
          try (CryptokiSession session = module.open(token, writing)) {
            return work.in(session);
          }
        });
  }

  /**
   * Makes a key pair, and looks at what came of it.
   *
   * @param destroyable whether the private key may ever be destroyed other than with the whole
   *     token
   * @throws TokenUnusable when the id is taken, or the key cannot be a CA key
   */
  public InspectedKey generate(KeyId id, KeyAlgorithm algorithm, boolean destroyable)
      throws TokenUnusable, TokenAway {
    try {
      call(
          true,
          session -> new Pkcs11KeyPairs(description, session).generate(id, algorithm, destroyable));
    } catch (TokenAway e) {
      requireNothing(id, e);
      throw e;
    }
    InspectedKey made = key(id);
    if (destroyable || isIndestructible(id)) {
      return made;
    }
    List<Finding> findings = new ArrayList<>(made.findings());
    findings.add(Finding.warn("key " + id, "CKA_DESTROYABLE=false is not kept by this module"));
    return new InspectedKey(
        made.id(), made.label(), made.algorithm(), made.publicKey(), made.attributes(), findings);
  }

  /** What could not be taken back is said: a private key without a certificate is seen nowhere. */
  private void requireNothing(KeyId id, TokenAway failure) throws TokenUnusable, TokenAway {
    KeyObjects left = leftBy(failure, id);
    if (!left.isEmpty()) {
      throw new TokenUnusable(
          "%s: the key %s is made in part (%s): destroy it, and make it again"
              .formatted(failure.getMessage(), id, left),
          failure);
    }
  }

  private boolean isIndestructible(KeyId id) throws TokenUnusable, TokenAway {
    return call(
        false,
        session ->
            new Pkcs11Objects(description, session)
                .flag(thePrivateKey(session, id), CryptokiAttribute.CKA_DESTROYABLE)
                .value()
                .map(destroyable -> !destroyable)
                .orElse(false));
  }

  /** Every private key of the token. */
  public List<InspectedKey> keys() throws TokenUnusable, TokenAway {
    return call(false, session -> new KeyInspection(description, session).all());
  }

  /** Every private key with this id: there should be one. */
  public List<InspectedKey> keys(KeyId id) throws TokenUnusable, TokenAway {
    return call(false, session -> new KeyInspection(description, session).all(id));
  }

  /**
   * One private key.
   *
   * @throws TokenUnusable when there is not exactly one with this id
   */
  public InspectedKey key(KeyId id) throws TokenUnusable, TokenAway {
    return call(
        false, session -> new KeyInspection(description, session).of(thePrivateKey(session, id)));
  }

  private CryptokiObject thePrivateKey(CryptokiSession session, KeyId id)
      throws TokenUnusable, CryptokiError {
    return new Pkcs11Objects(description, session)
        .privateKey(id)
        .orElseThrow(() -> new TokenUnusable(description + " has no private key " + id));
  }

  /** How many objects have this id, the halves of a key that was destroyed in part among them. */
  public KeyObjects objects(KeyId id) throws TokenUnusable, TokenAway {
    return call(
        false,
        session -> {
          Pkcs11Objects objects = new Pkcs11Objects(description, session);
          return new KeyObjects(
              objects.objects(Pkcs11Objects.CKO_PRIVATE_KEY, id).size(),
              objects.objects(Pkcs11Objects.CKO_PUBLIC_KEY, id).size(),
              objects.objects(Pkcs11Objects.CKO_CERTIFICATE, id).size());
        });
  }

  /**
   * Destroys a private key for ever, with the public key and certificates that have its id; or what
   * an earlier attempt has left of them.
   *
   * @throws TokenUnusable when nothing or more than one private key has this id, when the key was
   *     made not to be destroyed, or when the token failed: the message says what is gone and what
   *     is left
   * @throws TokenAway when the token failed, and does not say what is left either
   */
  public void dangerDestroyForEver(KeyId id) throws TokenUnusable, TokenAway {
    KeyObjects before = objects(id);
    if (before.isEmpty()) {
      throw new TokenUnusable(description + " has no private key " + id + " and nothing of it");
    }
    try {
      call(true, session -> destroy(session, id));
    } catch (TokenAway e) {
      requireGone(id, before, e);
    }
  }

  private Optional<CryptokiObject> destroy(CryptokiSession session, KeyId id)
      throws TokenUnusable, CryptokiError {
    Pkcs11Objects objects = new Pkcs11Objects(description, session);
    Optional<CryptokiObject> key = objects.privateKey(id);
    List<CryptokiObject> rest = new ArrayList<>(objects.objects(Pkcs11Objects.CKO_PUBLIC_KEY, id));
    rest.addAll(objects.objects(Pkcs11Objects.CKO_CERTIFICATE, id));
    // The private key first: when it stays, so do the others, and it remains a whole key.
    if (key.isPresent()) {
      if (!objects.flag(key.get(), CryptokiAttribute.CKA_DESTROYABLE).value().orElse(true)) {
        throw indestructible(id);
      }
      try {
        session.destroy(key.get());
      } catch (CryptokiError e) {
        if (e.is(ReturnValue.CKR_ACTION_PROHIBITED)) {
          throw indestructible(id);
        }
        throw e;
      }
    }
    List<CryptokiError> failures = new ArrayList<>();
    for (CryptokiObject object : rest) {
      try {
        session.destroy(object);
      } catch (CryptokiError e) {
        failures.add(e);
      }
    }
    if (!failures.isEmpty()) {
      throw failures.getFirst();
    }
    return key;
  }

  private TokenUnusable indestructible(KeyId id) {
    return new TokenUnusable(
        "the key "
            + id
            + " of "
            + description
            + " was made not to be destroyed (CKA_DESTROYABLE is false): it goes only with the"
            + " whole token");
  }

  /** What a failure has left is asked of the token: a call can fail after it did what it is for. */
  private void requireGone(KeyId id, KeyObjects before, TokenAway failure)
      throws TokenUnusable, TokenAway {
    KeyObjects left = leftBy(failure, id);
    if (left.isEmpty()) {
      return;
    }
    if (left.equals(before)) {
      throw new TokenUnusable(
          failure.getMessage() + ": nothing of the key " + id + " was destroyed", failure);
    }
    throw new TokenUnusable(
        "%s: the key %s is destroyed in part. Gone for ever: %s; left: %s; destroy it again"
            .formatted(failure.getMessage(), id, before.without(left), left),
        failure);
  }

  private KeyObjects leftBy(TokenAway failure, KeyId id) throws TokenUnusable, TokenAway {
    try {
      if (!calls.hanging()) {
        return objects(id);
      }
    } catch (TokenAway e) {
      failure.addSuppressed(e);
    }
    throw new TokenAway(
        failure.getMessage()
            + ": what there is of the key "
            + id
            + " cannot be seen now; look when the token is back",
        failure);
  }

  /**
   * The texts that the token keeps under a label, as {@link #keep} left them.
   *
   * @throws TokenUnusable when it does not show one of them
   */
  public List<String> notes(String label) throws TokenUnusable, TokenAway {
    return call(false, session -> new Pkcs11Notes(description, session).texts(label));
  }

  /**
   * Has the token keep a text for ever, as a data object (CKO_DATA) that nobody modifies, and reads
   * it back.
   *
   * @param label printable ASCII, as the text is
   * @throws TokenUnusable when the token does not keep such objects, is write protected or full
   */
  public void keep(String label, String text) throws TokenUnusable, TokenAway {
    requireWritable();
    try {
      boolean _ =
          call(
              true,
              session -> {
                new Pkcs11Notes(description, session).keep(label, text);
                return true;
              });
    } catch (TokenAway e) {
      // As a module says it that tells it of its token no sooner than of a session.
      if (ReturnValue.in(e).equals(Optional.of(ReturnValue.CKR_TOKEN_WRITE_PROTECTED))) {
        throw new TokenUnusable(description + " is write protected: " + e.getMessage(), e);
      }
      throw e;
    }
  }

  /** Has the token forget a text that it keeps under a label; of others nothing is changed. */
  public void forget(String label, String text) throws TokenUnusable, TokenAway {
    int _ =
        call(true, session -> new Pkcs11Notes(description, session).forget(label, text::equals));
  }

  private void requireWritable() throws TokenUnusable {
    if (beforeLogin.has(TokenFlag.WRITE_PROTECTED)) {
      throw new TokenUnusable(description + " is write protected");
    }
  }

  /**
   * Whether the token keeps data objects, as the mark of a ceremony is one: one is made, read back
   * and destroyed.
   *
   * @return what was seen; a token that keeps none is warned of, since servers need none
   */
  public Finding checkNotes() throws TokenAway {
    try {
      keep(PROBE, PROBE);
    } catch (TokenUnusable e) {
      return Finding.warn(NOTES, e.getMessage() + ": it can bear no mark of a ceremony");
    }
    try {
      // What an earlier probe has left goes as well.
      int _ =
          call(true, session -> new Pkcs11Notes(description, session).forget(PROBE, each -> true));
      return Finding.pass(NOTES, "one was kept, read back and destroyed");
    } catch (TokenUnusable e) {
      return Finding.warn(NOTES, String.valueOf(e.getMessage()));
    }
  }

  /**
   * Looks at everything that a server or a ceremony would need of this token. A data object is made
   * and destroyed for it.
   *
   * @param threads how many signatures are to be made at once
   */
  public List<Finding> check(int threads) throws TokenUnusable, TokenAway {
    List<Finding> findings = new ArrayList<>();
    findings.add(Finding.pass("login", "the PIN was right, with one try"));
    findings.add(pinStrength);
    findings.addAll(
        new TokenCheck(description, module, token, calls, beforeLogin).findings(threads));
    findings.add(checkNotes());
    List<InspectedKey> keys = keys();
    if (keys.isEmpty()) {
      findings.add(Finding.pass("keys", "there is none yet"));
    }
    for (InspectedKey key : keys) {
      findings.addAll(key.findings());
      if (key.findings().isEmpty()) {
        findings.add(Finding.pass("key " + key.id().map(KeyId::hex).orElse(""), "strict"));
      }
    }
    return findings;
  }

  /** Ends the login, unless a call hangs: then the end of the process does. */
  @Override
  public void close() throws TokenUnusable, TokenAway {
    if (!calls.hanging()) {
      // With its last session the token ends the login by itself (PKCS #11 v2.40 section 5.6).
      calls.call(
          description,
          () -> {
            login.end();
            return Optional.empty();
          });
    }
  }
}
