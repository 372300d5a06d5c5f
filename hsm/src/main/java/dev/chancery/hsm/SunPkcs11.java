package dev.chancery.hsm;

import dev.chancery.core.Refused;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import java.io.IOException;
import java.nio.file.Path;
import java.security.AuthProvider;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.Security;
import java.security.Signature;
import java.security.cert.Certificate;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import javax.security.auth.login.LoginException;
import org.jspecify.annotations.Nullable;

/** The JDK's own PKCS #11 provider, configured for one token and never registered. */
final class SunPkcs11 {
  /** A private key of this provider object; no other one can use it. */
  record Key(PrivateKey privateKey) {}

  private final String description;
  private final AuthProvider provider;
  private final KeyStore keyStore;
  private @Nullable Signature guard;

  private SunPkcs11(String description, AuthProvider provider, KeyStore keyStore) {
    this.description = description;
    this.provider = provider;
    this.keyStore = keyStore;
  }

  /**
   * Opens a token whose PIN is known to be right.
   *
   * @param library a path that SunPKCS11 was never given before: it would take up what it has for
   *     it, dead or not
   * @param environment what the module reads from the environment
   */
  static SunPkcs11 open(
      Path library,
      Map<String, String> environment,
      String description,
      CryptokiToken token,
      char[] pin)
      throws TokenUnusable, CryptokiError, GeneralSecurityException, IOException {
    Provider configured = configured(library, environment, description, token);
    KeyStore keyStore = KeyStore.getInstance("PKCS11", configured);
    SunPkcs11 opened = new SunPkcs11(description, (AuthProvider) configured, keyStore);
    try {
      keyStore.load(null, pin);
      return opened;
    } catch (IOException e) {
      opened.endAfter(e);
      if (ReturnValue.meaningOf(e) == ReturnValue.Meaning.OPERATOR) {
        throw new PinRefused("the PIN is wrong for " + description, e);
      }
      throw e;
    }
  }

  private static Provider configured(
      Path library, Map<String, String> environment, String description, CryptokiToken token)
      throws TokenUnusable, CryptokiError {
    if (token.slot() > Integer.MAX_VALUE) {
      throw new TokenUnusable(
          description
              + " is in slot "
              + Long.toUnsignedString(token.slot())
              + ", a number that Java cannot address");
    }
    Provider unconfigured = Security.getProvider("SunPKCS11");
    if (unconfigured == null) {
      throw new TokenUnusable("this Java has no provider SunPKCS11");
    }
    // destroyTokenAfterLogout: otherwise the provider's sessions stay open for ever.
    String configuration =
        "--name = chancery\nlibrary = %s\nslot = %d\ndestroyTokenAfterLogout = true\n"
            .formatted(library, token.slot());
    // It initializes the module by itself, and p11-kit's client asks anew where its server is.
    return NativeEnvironment.during(environment, () -> unconfigured.configure(configuration));
  }

  /** Ends the sessions of an opening that failed: nobody else ever would. */
  private void endAfter(IOException failure) {
    try {
      logout();
    } catch (LoginException | RuntimeException e) {
      failure.addSuppressed(e);
    }
  }

  /** The key whose certificate in the token has this public key. */
  synchronized Key key(KeyId id, SubjectPublicKey publicKey)
      throws TokenUnusable, GeneralSecurityException, IOException {
    Optional<Key> known = known(publicKey);
    if (known.isPresent()) {
      return known.get();
    }
    // Objects made since the last load are invisible. Not loaded before it is needed: it asks for
    // every object of the token, which takes long over a connection. The login still stands.
    keyStore.load(null, null);
    return known(publicKey)
        .orElseThrow(() ->
            new TokenUnusable(
                "the key "
                    + id
                    + " of "
                    + description
                    + " has no certificate beside it: write one with the same id into the token"));
  }

  private Optional<Key> known(SubjectPublicKey publicKey) throws GeneralSecurityException {
    for (String alias : Collections.list(keyStore.aliases())) {
      if (keyStore.isKeyEntry(alias)
          && certifies(keyStore.getCertificate(alias), publicKey)
          && keyStore.getKey(alias, null) instanceof PrivateKey key) {
        return Optional.of(new Key(key));
      }
    }
    return Optional.empty();
  }

  private static boolean certifies(@Nullable Certificate certificate, SubjectPublicKey publicKey) {
    try {
      return certificate != null
          && SubjectPublicKey.of(certificate.getPublicKey()).equals(publicKey);
    } catch (Refused e) {
      return false;
    }
  }

  byte[] sign(Key key, SigningScheme scheme, byte[] message) throws GeneralSecurityException {
    Signature signature = hashing(key, scheme);
    signature.update(message);
    return signature.sign();
  }

  /**
   * Signs a message that was hashed already. With a key for ECDSA only its digest goes to the
   * token. For RSA there is no such way that every token has; the message goes through in pieces,
   * to a token that hashes by itself (CKM_SHA256_RSA_PKCS) or to the provider, which then does.
   */
  byte[] sign(Key key, SigningScheme scheme, HashedMessage message)
      throws GeneralSecurityException, IOException {
    return switch (scheme) {
      case ECDSA_SHA256, ECDSA_SHA384 -> {
        Signature signature = Signature.getInstance("NONEwithECDSA", provider);
        signature.initSign(key.privateKey());
        signature.update(message.digest().value());
        yield signature.sign();
      }
      case RSA_SHA256, RSA_PSS_SHA256 -> {
        Signature signature = hashing(key, scheme);
        message.feed(signature);
        yield signature.sign();
      }
    };
  }

  private Signature hashing(Key key, SigningScheme scheme) throws GeneralSecurityException {
    Signature signature =
        Signature.getInstance(
            switch (scheme) {
              case ECDSA_SHA256 -> "SHA256withECDSA";
              case ECDSA_SHA384 -> "SHA384withECDSA";
              case RSA_SHA256 -> "SHA256withRSA";
              case RSA_PSS_SHA256 -> "RSASSA-PSS";
            },
            provider);
    if (scheme == SigningScheme.RSA_PSS_SHA256) {
      signature.setParameter(HashedMessage.PSS_SHA256);
    }
    signature.initSign(key.privateKey());
    return signature;
  }

  /**
   * Keeps a session of its own open for good. The token logs out when the last session ends, and
   * the garbage collector ends those of abandoned signatures; needed where no other session of the
   * same login is held.
   */
  synchronized void holdLogin(Key key) throws GeneralSecurityException {
    if (guard == null) {
      PrivateKey held = key.privateKey();
      guard =
          Signature.getInstance(
              held.getAlgorithm().equals("RSA") ? "SHA256withRSA" : "SHA256withECDSA", provider);
      guard.initSign(held);
    }
  }

  /** Logs out the process, and ends every session of this provider. */
  void logout() throws LoginException {
    provider.logout();
  }
}
