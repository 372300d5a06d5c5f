package dev.chancery.hsm;

import dev.chancery.core.SigningScheme;
import dev.chancery.core.TokenAway;

/**
 * A private key that signs in the session in which it was found, for the probe of an inspection: it
 * needs no certificate beside it, which SunPKCS11 would.
 */
final class DirectKey implements TokenKey {
  private final String description;
  private final CryptokiSession session;
  private final CryptokiObject key;
  private final SigningScheme scheme;

  DirectKey(String description, CryptokiSession session, CryptokiObject key, SigningScheme scheme) {
    this.description = description;
    this.session = session;
    this.key = key;
    this.scheme = scheme;
  }

  @Override
  public byte[] sign(byte[] message) throws TokenAway {
    try {
      return NativeSigning.sign(session, key, scheme, message);
    } catch (CryptokiError e) {
      throw new TokenAway(description + " failed: " + e.getMessage(), e);
    }
  }
}
