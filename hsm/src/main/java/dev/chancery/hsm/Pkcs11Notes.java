package dev.chancery.hsm;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * Short texts among a token's objects (CKO_DATA, PKCS #11 v2.40 section 4.5), in one session: seen
 * and destroyed only after a login, and never modified.
 */
final class Pkcs11Notes {
  private static final long CKO_DATA = 0;
  private static final byte[] APPLICATION = "Chancery".getBytes(StandardCharsets.US_ASCII);

  private final String description;
  private final CryptokiSession session;

  Pkcs11Notes(String description, CryptokiSession session) {
    this.description = description;
    this.session = session;
  }

  /**
   * The texts that the token keeps under a label.
   *
   * @throws TokenUnusable when it does not show one of them
   */
  List<String> texts(String label) throws TokenUnusable, CryptokiError {
    List<String> texts = new ArrayList<>();
    for (CryptokiObject note : session.find(labelled(label))) {
      texts.add(text(label, note));
    }
    return texts;
  }

  private String text(String label, CryptokiObject note) throws TokenUnusable, CryptokiError {
    return session
        .attribute(note, CryptokiAttribute.CKA_VALUE)
        .value()
        .map(octets -> new String(octets, StandardCharsets.US_ASCII))
        .orElseThrow(
            () -> new TokenUnusable(description + " does not show its data object " + label));
  }

  /**
   * Has the token keep a text, and reads it back.
   *
   * @throws TokenUnusable when it does not keep it, and says that it never would as it is
   * @throws CryptokiError when the token or the connection to it fails
   */
  void keep(String label, String text) throws TokenUnusable, CryptokiError {
    try {
      CryptokiObject _ =
          session.create(
              labelled(label)
                  .with(CryptokiAttribute.CKA_PRIVATE, true)
                  .with(CryptokiAttribute.CKA_MODIFIABLE, false)
                  .with(CryptokiAttribute.CKA_APPLICATION, APPLICATION)
                  .with(CryptokiAttribute.CKA_VALUE, text.getBytes(StandardCharsets.US_ASCII)));
    } catch (CryptokiError e) {
      throw refused(e);
    }
    if (!texts(label).contains(text)) {
      throw new TokenUnusable(
          description + " took a data object (CKO_DATA), and does not have it: " + label);
    }
  }

  /** Why one was not taken, where the token says so; a token that fails is another matter. */
  private TokenUnusable refused(CryptokiError e) throws CryptokiError {
    if (e.is(ReturnValue.CKR_DEVICE_MEMORY)) {
      return new TokenUnusable(
          description + " has no room for a data object (CKO_DATA): " + e.getMessage(), e);
    }
    if (e.is(ReturnValue.CKR_TOKEN_WRITE_PROTECTED) || e.is(ReturnValue.CKR_SESSION_READ_ONLY)) {
      return new TokenUnusable(description + " is write protected: " + e.getMessage(), e);
    }
    // Modules have many ways to say that they know no such objects.
    if (ReturnValue.meaningOf(e) == ReturnValue.Meaning.CALLER_ERROR) {
      return new TokenUnusable(
          description + " does not keep data objects (CKO_DATA): " + e.getMessage(), e);
    }
    throw e;
  }

  /**
   * Destroys the texts under a label that are one of these, and no other.
   *
   * @return how many there were
   */
  int forget(String label, Predicate<String> which) throws TokenUnusable, CryptokiError {
    int forgotten = 0;
    for (CryptokiObject note : session.find(labelled(label))) {
      if (which.test(text(label, note))) {
        destroy(label, note);
        forgotten++;
      }
    }
    return forgotten;
  }

  private void destroy(String label, CryptokiObject note) throws TokenUnusable, CryptokiError {
    try {
      session.destroy(note);
    } catch (CryptokiError e) {
      if (ReturnValue.meaningOf(e) == ReturnValue.Meaning.CALLER_ERROR) {
        throw new TokenUnusable(
            description + " does not destroy its data object " + label + ": " + e.getMessage(), e);
      }
      throw e;
    }
  }

  private static CryptokiTemplate labelled(String label) {
    return new CryptokiTemplate()
        .with(CryptokiAttribute.CKA_CLASS, CKO_DATA)
        .with(CryptokiAttribute.CKA_TOKEN, true)
        .with(CryptokiAttribute.CKA_LABEL, label.getBytes(StandardCharsets.US_ASCII));
  }
}
