package dev.chancery.hsm;

import java.util.List;

/** Looks at a key by calling the module directly, which leaves nothing behind when it fails. */
final class KeyCheck {
  private final String description;
  private final CryptokiSession session;
  private final Pkcs11Objects objects;

  KeyCheck(String description, CryptokiSession session) {
    this.description = description;
    this.session = session;
    this.objects = new Pkcs11Objects(description, session);
  }

  /** Finds a key, compares it with what it should be, and has it sign. */
  void require(WantedKey key) throws TokenUnusable, CryptokiError {
    CryptokiObject found =
        objects
            .privateKey(key.id())
            .orElseThrow(() -> new TokenUnusable(description + " has no private key " + key.id()));
    if (!objects.publicHalf(key.id(), found).equals(key.expected())) {
      throw new TokenUnusable(
          "the key " + key.id() + " of " + description + " is not the key of the certificate");
    }
    if (!objects.attributes(found).sign()) {
      throw new TokenUnusable(
          "the key " + key.id() + " of " + description + " may not sign (not CKA_SIGN)");
    }
    if (!objects.certified(key.id(), key.expected())) {
      throw new TokenUnusable(
          "the key "
              + key.id()
              + " of "
              + description
              + " has no certificate beside it: write one with the same id into the token");
    }
    byte[] signature =
        NativeSigning.sign(session, found, key.scheme(), VerifiedSigning.probeMessage());
    VerifiedSigning.requireProof(key, description, signature);
  }

  /** What of a key's attributes is weaker than it should be. */
  List<String> weaknesses(WantedKey key) throws TokenUnusable, CryptokiError {
    return objects
        .privateKey(key.id())
        .map(found -> objects.attributes(found).weaknesses())
        .orElse(List.of());
  }
}
