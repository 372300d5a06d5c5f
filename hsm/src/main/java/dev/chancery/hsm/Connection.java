package dev.chancery.hsm;

import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.InvalidAlgorithmParameterException;
import java.security.InvalidKeyException;
import java.security.NoSuchAlgorithmException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import javax.security.auth.login.LoginException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What SunPKCS11 has opened of a token, and the keys that were proven on it. In this process that
 * is the module itself, behind a server a connection to that.
 */
final class Connection {
  private static final Logger LOG = LoggerFactory.getLogger(Connection.class);

  private final Pkcs11Settings settings;
  private final SunPkcs11 provider;
  private final Semaphore turns;
  private final Map<KeyId, SunPkcs11.Key> keys = new ConcurrentHashMap<>();

  private Connection(Pkcs11Settings settings, SunPkcs11 provider) {
    this.settings = settings;
    this.provider = provider;
    this.turns = turns(settings);
  }

  /**
   * Opens a token whose PIN is known to be right.
   *
   * @param library a path that SunPKCS11 was never given before
   */
  static Connection open(Pkcs11Settings settings, Path library, CryptokiToken token, char[] pin)
      throws TokenUnusable, CryptokiError, GeneralSecurityException, IOException {
    return new Connection(
        settings,
        SunPkcs11.open(library, settings.environment(), settings.description(), token, pin));
  }

  /**
   * How many calls may be under way at once. A client of p11-kit that has two when its server dies
   * can hang for ever, one that has one does not.
   */
  static Semaphore turns(Pkcs11Settings settings) {
    return new Semaphore(
        switch (settings.place()) {
          case PROCESS -> Integer.MAX_VALUE;
          case P11_KIT_SERVER -> 1;
        });
  }

  /** Looks for a key, which takes as long as the token has objects. */
  SunPkcs11.Key find(WantedKey key) throws TokenUnusable, GeneralSecurityException, IOException {
    turns.acquireUninterruptibly();
    try {
      SunPkcs11.Key found = provider.key(key.id(), key.expected());
      if (settings.place() == Pkcs11Settings.Place.P11_KIT_SERVER) {
        provider.holdLogin(found);
      }
      return found;
    } finally {
      turns.release();
    }
  }

  /** What a key says to the probe. */
  byte[] probe(WantedKey key, SunPkcs11.Key found) throws TokenUnusable, GeneralSecurityException {
    try {
      return sign(found, key, VerifiedSigning.probeMessage());
    } catch (InvalidAlgorithmParameterException | NoSuchAlgorithmException e) {
      if (ReturnValue.in(e).isPresent()) {
        throw e;
      }
      // What SunPKCS11 refuses by itself, it refuses for ever: that is the set-up, not an outage.
      throw new TokenUnusable(
          "the key %s of %s cannot sign with %s through SunPKCS11: %s"
              .formatted(key.id(), settings.description(), key.scheme(), e.getMessage()),
          e);
    }
  }

  /** Has a key that was proven, and from now on signs with it. */
  void use(WantedKey key, SunPkcs11.Key proven) {
    keys.put(key.id(), proven);
  }

  boolean has(KeyId id) {
    return keys.containsKey(id);
  }

  /** Signs with a key that is in use. */
  byte[] sign(WantedKey key, byte[] message) throws GeneralSecurityException {
    return sign(proven(key), key, message);
  }

  /** Signs a message that was hashed already with a key that is in use. */
  byte[] sign(WantedKey key, HashedMessage message) throws GeneralSecurityException, IOException {
    SunPkcs11.Key own = proven(key);
    turns.acquireUninterruptibly();
    try {
      return provider.sign(own, key.scheme(), message);
    } finally {
      turns.release();
    }
  }

  private SunPkcs11.Key proven(WantedKey key) throws InvalidKeyException {
    SunPkcs11.Key own = keys.get(key.id());
    if (own == null) {
      throw new InvalidKeyException("the key " + key.id() + " was not proven on this connection");
    }
    return own;
  }

  private byte[] sign(SunPkcs11.Key own, WantedKey key, byte[] message)
      throws GeneralSecurityException {
    turns.acquireUninterruptibly();
    try {
      return provider.sign(own, key.scheme(), message);
    } finally {
      turns.release();
    }
  }

  /** Logs out, and ends every session that SunPKCS11 has. */
  void logout() throws LoginException {
    turns.acquireUninterruptibly();
    try {
      provider.logout();
    } finally {
      turns.release();
    }
  }

  /**
   * Calls a token that was lost for the last time. A client of p11-kit closes the connection to a
   * server that is gone only when it is called once more: without this, every loss would leave open
   * files behind.
   *
   * @return whether somebody still answers, so that the connection stays open for good
   */
  boolean letGo() {
    try {
      logout();
      return true;
    } catch (LoginException | RuntimeException e) {
      LOG.debug("a connection of {} is gone already", settings.description(), e);
      return false;
    }
  }
}
