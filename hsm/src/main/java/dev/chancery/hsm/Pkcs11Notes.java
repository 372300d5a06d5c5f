package dev.chancery.hsm;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

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
      texts.add(
          session
              .attribute(note, CryptokiAttribute.CKA_VALUE)
              .value()
              .map(octets -> new String(octets, StandardCharsets.US_ASCII))
              .orElseThrow(() ->
                  new TokenUnusable(description + " does not show its data object " + label)));
    }
    return texts;
  }

  /**
   * Has the token keep a text, and reads it back.
   *
   * @return the texts that it has then
   * @throws TokenUnusable when it does not keep it
   */
  List<String> keep(String label, String text) throws TokenUnusable, CryptokiError {
    try {
      CryptokiObject _ =
          session.create(
              labelled(label)
                  .with(CryptokiAttribute.CKA_PRIVATE, true)
                  .with(CryptokiAttribute.CKA_MODIFIABLE, false)
                  .with(CryptokiAttribute.CKA_APPLICATION, APPLICATION)
                  .with(CryptokiAttribute.CKA_VALUE, text.getBytes(StandardCharsets.US_ASCII)));
    } catch (CryptokiError e) {
      // Modules have many ways to say that they know no such objects, or have no room for one.
      throw new TokenUnusable(
          description + " does not keep data objects (CKO_DATA): " + e.getMessage(), e);
    }
    List<String> texts = texts(label);
    if (!texts.contains(text)) {
      throw new TokenUnusable(
          description + " took a data object (CKO_DATA), and does not have it: " + label);
    }
    return texts;
  }

  private static CryptokiTemplate labelled(String label) {
    return new CryptokiTemplate()
        .with(CryptokiAttribute.CKA_CLASS, CKO_DATA)
        .with(CryptokiAttribute.CKA_TOKEN, true)
        .with(CryptokiAttribute.CKA_LABEL, label.getBytes(StandardCharsets.US_ASCII));
  }
}
